"""Artifacts in a store that speaks S3, as several hosts share one: whole or not there, verified, collected."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import NotFound, Unavailable, WorkFailed
from engine.store.artifacts import Artifacts

pytestmark = pytest.mark.s3
PUT = """
import pathlib, sys
from engine.store.artifacts import Artifacts
print(Artifacts(sys.argv[1]).put(pathlib.Path(sys.argv[2])))
"""


def folder(home: Path, content: str) -> Path:
    made = home / f"made-{content}"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "rows.jsonl").write_text(content)
    (made / "candidate.json").write_text("{}")
    return made


def put_elsewhere(url: str, path: Path) -> str:
    """As another host would: in a process of its own."""
    done = subprocess.run([sys.executable, "-c", PUT, url, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_one_host_stores_every_host_reads_by_its_hash(bucket: str, tmp_path: Path) -> None:
    store = Artifacts(f"s3://{bucket}/assay")
    assert (store.ids(), store.kept()) == ([], [])
    made = store.put(folder(tmp_path, "a"))
    assert store.put(tmp_path / "made-a") == made
    other = put_elsewhere(store.url, folder(tmp_path, "b"))
    assert store.ids() == sorted([made, other]), "no listing is remembered"
    assert (store.path(other, tmp_path / "cache") / "deep" / "rows.jsonl").read_text() == "b"
    assert store.read_bytes(made, "deep/rows.jsonl") == b"a"
    now = datetime.now(UTC)
    assert all(one.bytes > 0 and abs(now - one.touched_at) < timedelta(minutes=5) for one in store.kept())


def test_what_another_host_removed_is_gone_and_stored_anew(s3: Any, bucket: str, tmp_path: Path) -> None:
    store = Artifacts(f"s3://{bucket}/assay")
    made = store.put(folder(tmp_path, "a"))
    assert store.ids() == [made]
    for key in ("manifest.json", "candidate.json", "deep/rows.jsonl"):
        s3.delete_object(Bucket=bucket, Key=f"assay/{made}/{key}")
    assert not store.has(made)
    with pytest.raises(NotFound):
        store.path(made, tmp_path / "cache")
    assert store.put(tmp_path / "made-a") == made
    assert store.read_bytes(made, "deep/rows.jsonl") == b"a"


def test_a_damaged_file_is_refused_by_name_and_hash_whichever_way_it_is_read(
    s3: Any, bucket: str, tmp_path: Path
) -> None:
    store = Artifacts(f"s3://{bucket}/assay")
    made = store.put(folder(tmp_path, "a"))
    assert store.read_bytes(made, "deep/rows.jsonl") == b"a"
    s3.put_object(Bucket=bucket, Key=f"assay/{made}/deep/rows.jsonl", Body=b"b")
    said = r"deep/rows\.jsonl is damaged: 3e23e8160039 instead of ca978112ca1b"
    with pytest.raises(WorkFailed, match=said):
        store.path(made, tmp_path / "cache")
    with pytest.raises(WorkFailed, match=r"deep/rows\.jsonl is damaged"):
        store.read_bytes(made, "deep/rows.jsonl")


def test_two_writers_of_the_same_content_leave_one_whole_artifact(bucket: str, tmp_path: Path) -> None:
    url, made = f"s3://{bucket}/assay", folder(tmp_path, "a")
    with ThreadPoolExecutor(2) as hosts:
        (name,) = set(hosts.map(lambda _: put_elsewhere(url, made), range(2)))
    store = Artifacts(url)
    assert store.ids() == [name]
    assert (store.path(name, tmp_path / "cache") / "deep" / "rows.jsonl").read_text() == "a"


def test_what_was_cut_half_way_is_not_there_and_can_be_taken_out(s3: Any, bucket: str, tmp_path: Path) -> None:
    store = Artifacts(f"s3://{bucket}/assay")
    made = store.put(folder(tmp_path, "a"))
    half = "0" * 64
    s3.put_object(Bucket=bucket, Key=f"assay/{half}/rows.jsonl", Body=b"x")
    assert (store.has(half), store.ids()) == (False, [made])
    assert [one.name for one in store.kept()] == sorted([half, made])
    store.remove(half)
    store.remove(made)
    assert store.kept() == []


def test_an_address_gives_others_the_artifact_as_one_file(bucket: str, tmp_path: Path) -> None:
    store = Artifacts(f"s3://{bucket}/assay")
    address = store.archive_address(store.put(folder(tmp_path, "a")))
    with urllib.request.urlopen(address) as answer, tarfile.open(fileobj=io.BytesIO(answer.read())) as packed:
        assert sorted(packed.getnames()) == ["candidate.json", "deep/rows.jsonl"]


def test_weights_that_take_several_parts_come_back_whole(bucket: str, tmp_path: Path) -> None:
    store = Artifacts(f"s3://{bucket}/assay")
    made = folder(tmp_path, "a")
    (made / "head.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}" + os.urandom(60_000_000))
    assert store.path(store.put(made), tmp_path / "cache").is_dir()


def test_a_misspelt_bucket_is_told_and_never_made(s3: Any, bucket: str, tmp_path: Path) -> None:
    misspelt = f"{bucket}-x"
    with pytest.raises(Unavailable, match="bucket does not exist"):
        Artifacts(f"s3://{misspelt}/assay").put(folder(tmp_path, "a"))
    known: Any = s3.list_buckets()
    assert misspelt not in {one["Name"] for one in known["Buckets"]}


def test_the_shell_looks_into_it_and_a_store_that_is_away_is_an_error_of_ours(bucket: str, tmp_path: Path) -> None:
    own = {"ASSAY_HOME": str(tmp_path / "home"), "ASSAY_ARTIFACTS": f"s3://{bucket}/assay"}
    put_elsewhere(own["ASSAY_ARTIFACTS"], folder(tmp_path, "a"))

    def look(**more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot.cli", "artifacts"]
        return subprocess.run(command, env={**os.environ, **own, **more}, capture_output=True, text=True, timeout=120)

    assert f"s3://{bucket}/assay: 1 artifacts" in look().stdout
    away = look(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert away.returncode == 1
    assert "cannot be used" in away.stderr
    assert "Traceback" not in away.stderr
