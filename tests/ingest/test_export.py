"""What leaves as files is whole and true; a customer who is forgotten is in no byte; secrets are nowhere."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from engine.desk import Desk, exports, spool
from engine.errors import Invalid, NotFound, Refused
from engine.flows import ingest
from engine.rules.hours import SUMS
from engine.services import Services
from engine.store import calls as raw_calls
from engine.store import deeds, examples
from tests.builders import SHELL, SLUG, a_verdict, some_labels
from tests.ingest.spooled import MODELS, START_MS, Writer, a_frame, segment, some_frames
from tests.ingest.totals import totals

SECRETS = (
    "ann.smith@example.com",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "sk-live0123456789abcdefghij",
    "ghp_0123456789abcdefghijABCDEFGHIJ",
    "xoxb-1234567890-abcdefghij",
    "AKIAABCDEFGHIJKLMNOP",
    "agk_0123456789abcdefghijABCDEFGHIJ0123456789abc",
)


def a_body(number: int, text: str, **changes: Any) -> dict[str, Any]:
    call = a_frame(number)
    told = {"kind": "body", "id": call.id.hex(), "feature": SLUG, "day": "2026-11-25", "stratum": "random"}
    said = {"served": "baseline", "model": MODELS[0], "at_ms": call.at_ms, "output": "billing"}
    return {**told, **said, "messages": [{"role": "user", "content": f"Sort: {text}"}], **changes}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def every_byte(*roots: Path) -> bytes:
    """All bytes below folders, compressed ones as they are and opened."""
    found = b""
    for root in roots:
        for path in root.rglob("*"):
            if path.is_file():
                found += path.read_bytes()
                found += b"".join(raw_calls.lines_of(path)) if path.name.endswith(".zst") else b""
    return found


def test_an_export_holds_what_the_contract_names(deployment: Services, desk: Desk, tmp_path: Path) -> None:
    some_labels(desk, 60)
    a_verdict(desk)
    frames = some_frames(300)
    with segment(deployment.settings.spool_folder) as writer:
        writer.append(*frames)
        for number in range(5):
            writer.event(**a_body(number, f"late {number}"))
        writer.event(**a_body(9, "odd", stratum="unsure"))
    ingest.once(deployment)
    done = exports.export(desk, SHELL, tmp_path / "out")
    folder = tmp_path / "out" / SLUG
    assert {path.name for path in folder.iterdir() if not path.name.startswith("labels-")} == {
        "feature.json", "runs.jsonl", "predictions.jsonl", "verdicts.jsonl", "verdict.json", "usage_hourly.jsonl",
        "examples.jsonl",
    }  # fmt: skip
    (label_file,) = folder.glob("labels-*.jsonl")
    rows = lines(label_file)
    assert len(rows) == 60
    assert set(rows[0]) == {"id", "input", "output", "split", "group", "source", "minutes"}
    assert {row["split"] for row in rows} == {"train", "dev", "sealed"}
    hours = lines(folder / "usage_hourly.jsonl")
    key = {"hour", "feature", "assigned", "served", "model", "source", "status_class", "role"}
    assert set(hours[0]) == key | set(SUMS)
    assert hours[0]["hour"] == "2026-11-25T10:00:00Z"
    assert sum(row["n"] for row in hours) == len(frames)
    kept = lines(folder / "examples.jsonl")
    assert set(kept[0]) == {"id", "ts", "served", "model", "stratum", "weight", "input", "output"}
    assert {row["input"] for row in kept} == {*(f"late {number}" for number in range(5)), "odd"}
    answers = sum(row["n"] for row in hours if row["role"] == "answer")
    assert [row["weight"] for row in kept if row["stratum"] == "random"] == [pytest.approx(answers / 5)] * 5
    assert {row["id"] for row in kept} >= {str(uuid.UUID(bytes=a_frame(0).id))}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["files"]) == done.files
    assert json.loads((folder / "verdict.json").read_text()) == lines(folder / "verdicts.jsonl")[-1]
    with deployment.database.read() as tx:
        newest = deeds.of_feature(tx, 1)[0]
    assert (newest.verb, newest.actor, newest.after["sealed"]) == ("export", SHELL.id, True)


def test_an_export_without_the_sealed_part_and_into_a_full_folder(
    deployment: Services, desk: Desk, tmp_path: Path
) -> None:
    some_labels(desk, 60)
    exports.export(desk, SHELL, tmp_path / "open", SLUG, sealed=False)
    (label_file,) = (tmp_path / "open" / SLUG).glob("labels-*.jsonl")
    assert {row["split"] for row in lines(label_file)} == {"train", "dev"}
    with pytest.raises(Refused, match="is not empty"):
        exports.export(desk, SHELL, tmp_path / "open")
    with pytest.raises(NotFound):
        exports.export(desk, SHELL, tmp_path / "other", "nowhere")
    assert not (tmp_path / "other").exists()


def test_no_secret_is_in_any_byte_of_database_files_or_export(deployment: Services, desk: Desk, tmp_path: Path) -> None:
    text = "; ".join(SECRETS)
    with segment(deployment.settings.spool_folder) as writer:
        writer.append(*(a_frame(number) for number in range(3)))
        writer.event(**a_body(0, text, output=text))
        writer.event(**a_body(1, "plain", stratum="differs", shadow_output=text))
        writer.event(kind="feedback", id=a_frame(0).id.hex(), features=[SLUG], score=-1, label=text, comment=text)
    assert ingest.once(deployment).feedback == 1
    exports.export(desk, SHELL, tmp_path / "out")
    with deployment.database.read() as tx:
        bodies = json.dumps([examples.body_of(row) for row in examples.of_feature(tx, 1)]).encode()
    assert b"[EMAIL_1]" in bodies
    assert b'"negative"' in every_byte(tmp_path / "out"), "what a person disliked is kept as such"
    everywhere = bodies + every_byte(deployment.settings.home)
    assert [secret for secret in SECRETS if secret.encode() in everywhere] == []


def test_a_forgotten_unit_is_in_no_raw_call_and_no_example(deployment: Services, desk: Desk) -> None:
    folder = deployment.settings.spool_folder
    mine = [a_frame(number, unit="ann") for number in range(4)]
    others = [a_frame(number, unit="bo") for number in range(4, 9)]
    with segment(folder) as writer:
        writer.append(*mine, *others)
        for number in (0, 5):
            writer.event(**a_body(number, f"text {number}"))
    ingest.once(deployment)
    live = Writer(folder, f"host-2-{START_MS}-1")
    live.append(a_frame(10, unit="ann"), a_frame(11, unit="bo"))
    ingest.once(deployment)
    before = totals(deployment)
    done = spool.forget(desk, SHELL, "ann")
    assert (done.lines, done.examples, done.waiting) == (4, 1, 1)
    live.close()
    ingest.once(deployment)
    raw = [json.loads(line) for path in (deployment.settings.home / "calls").glob("*/day=*/*")
           for line in raw_calls.lines_of(path)]  # fmt: skip
    assert sorted(row["id"] for row in raw) == sorted(one.id.hex() for one in [*others, a_frame(10), a_frame(11)])
    assert {row["id"]: row["unit"] for row in raw}[a_frame(10).id.hex()] == ""
    assert totals(deployment) == before, "sums stay"
    assert spool.forget(desk, SHELL, "ann").lines == 0
    with pytest.raises(Invalid):
        spool.forget(desk, SHELL, "")
    with deployment.database.read() as tx:
        assert deeds.broken_at(tx) is None


def test_what_is_too_old_goes(deployment: Services, desk: Desk, clock: Any) -> None:
    with segment(deployment.settings.spool_folder) as writer:
        writer.append(*some_frames(20))
        writer.event(**a_body(0, "late"))
    ingest.once(deployment)
    days = deployment.settings.home / "calls"
    assert list(days.glob("*/day=*"))
    clock.move(hours=24 * 91)
    ingest.once(deployment)
    with deployment.database.read() as tx:
        assert list(examples.of_feature(tx, 1)) == []
    assert list(days.glob("*/day=*"))
    assert list((days / "index").glob("*")) == []
    clock.move(hours=24 * 310)
    ingest.once(deployment)
    assert list(days.glob("*/day=*")) == []
    assert totals(deployment), "sums are for ever"


def test_the_shell_exports_and_refuses_with_its_codes(
    deployment: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(deployment.settings.home))
    monkeypatch.setenv("ASSAY_DATABASE_URL", deployment.settings.database_url)
    monkeypatch.delenv("ASSAY_SPOOL", raising=False)
    assert main(["export", str(tmp_path / "out"), SLUG]) == 0
    assert f"in {tmp_path / 'out'}: {SLUG}." in capsys.readouterr().out
    assert main(["export", str(tmp_path / "out")]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main(["forget", "--unit", "ann"]) == 0
    assert "Deleted 0 raw calls" in capsys.readouterr().out
