"""The artifact store: named by content, whole or not there, and refused where it cannot be reached."""

from __future__ import annotations

import hashlib
import json
import pathlib

import pytest

from engine.errors import Invalid, NotFound, WorkFailed
from engine.store.artifacts import Artifacts


def folder(home: pathlib.Path, content: str) -> pathlib.Path:
    made = home / content
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "rows.jsonl").write_text(content)
    return made


def test_the_same_content_is_the_same_artifact_and_other_content_another(tmp_path: pathlib.Path) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    first = store.put(folder(tmp_path / "one", "a"))
    assert store.put(folder(tmp_path / "two", "a")) == first
    assert store.put(folder(tmp_path / "two", "b")) != first
    assert (store.path(first) / "deep" / "rows.jsonl").read_text() == "a"


def test_a_damaged_file_is_refused_by_name_and_hash(tmp_path: pathlib.Path) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    made = store.put(folder(tmp_path / "one", "a"))
    (tmp_path / "store" / made / "deep" / "rows.jsonl").write_text("b")
    with pytest.raises(WorkFailed, match=r"deep/rows\.jsonl is damaged: 3e23e8160039 instead of ca978112ca1b"):
        store.path(made)


def test_a_manifest_that_was_written_anew_is_not_the_artifact(tmp_path: pathlib.Path) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    made = store.put(folder(tmp_path / "one", "a"))
    manifest = tmp_path / "store" / made / "manifest.json"
    (tmp_path / "outside").write_text("b")
    entry = {"path": "../../outside", "size": 1, "sha256": hashlib.sha256(b"b").hexdigest()}
    manifest.write_text(json.dumps({"files": [entry]}))
    for read in (lambda: store.path(made), lambda: store.read_bytes(made, "../../outside")):
        with pytest.raises(WorkFailed, match=r"manifest\.json is damaged"):
            read()


def test_a_file_that_was_laid_beside_is_named_and_not_loaded(tmp_path: pathlib.Path) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    made = store.put(folder(tmp_path / "one", "a"))
    (tmp_path / "store" / made / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(WorkFailed, match=r"pytorch_model\.bin, which its manifest does not name"):
        store.path(made)


def test_one_file_is_verified_as_a_folder_is(tmp_path: pathlib.Path) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    made = store.put_files({"rows.jsonl": b"a"})
    assert store.read_bytes(made, "rows.jsonl") == b"a"
    (tmp_path / "store" / made / "rows.jsonl").write_text("b")
    with pytest.raises(WorkFailed, match=r"rows\.jsonl is damaged"):
        store.read_bytes(made, "rows.jsonl")


@pytest.mark.parametrize(("name", "content"), [("head.pkl", b"x"), ("weights.bin", b"\x80\x04x"), ("model.pt", b"x")])
def test_a_pickle_gets_in_nowhere_and_is_given_out_nowhere(tmp_path: pathlib.Path, name: str, content: bytes) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    made = folder(tmp_path / "one", "a")
    (made / name).write_bytes(content)
    with pytest.raises(WorkFailed, match=f"{name} is a pickle"):
        store.put(made)
    entry = {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest = json.dumps({"files": [entry]}).encode()
    inside = tmp_path / "store" / hashlib.sha256(manifest).hexdigest()
    inside.mkdir(parents=True)
    (inside / name).write_bytes(content)
    (inside / "manifest.json").write_bytes(manifest)
    with pytest.raises(WorkFailed, match=f"{name} is a pickle"):
        store.path(inside.name)


def test_weights_whose_header_is_640_bytes_long_are_no_pickle(tmp_path: pathlib.Path) -> None:
    store = Artifacts(f"file://{tmp_path / 'store'}")
    made = folder(tmp_path / "one", "a")
    (made / "head.safetensors").write_bytes((640).to_bytes(8, "little") + b"{}".ljust(640))
    assert store.path(store.put(made))


def test_a_store_without_renames_has_an_artifact_once_its_manifest_is_there(tmp_path: pathlib.Path) -> None:
    store = Artifacts("memory://assay-test-artifacts")
    made = store.put(folder(tmp_path / "one", "a"))
    assert (store.path(made, tmp_path / "cache") / "deep" / "rows.jsonl").read_text() == "a"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [made], "no half copy is left"
    assert [(one.name, one.bytes > 0) for one in store.kept()] == [(made, True)]
    store.remove(made)
    assert (store.has(made), store.kept()) == (False, [])
    assert store.put(folder(tmp_path / "two", "a")) == made


def test_what_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="no artifact 0123"):
        Artifacts(f"file://{tmp_path}").path("0123")


@pytest.mark.parametrize("url", ["s3://bucket/assay", "nonsense://x"])
def test_a_store_this_installation_cannot_reach_is_refused_at_start(url: str) -> None:
    with pytest.raises(Invalid, match="ASSAY_ARTIFACTS"):
        Artifacts(url)
