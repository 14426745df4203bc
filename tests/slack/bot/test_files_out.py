"""Files go out once, to who asked, in the thread of a direct message, under names that say what they are."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from bot.standin import files, messages
from engine.desk import labels
from engine.models.labels import Part
from tests.builders import ASKER, SLUG, a_feature, a_verdict, csv_of, some_labels, texts_of
from tests.flows import ready
from tests.flows.scripted import Script
from tests.slack.bot.wire import Wire


def sent_files(wire: Wire, person: str = "U1") -> list[tuple[str, bytes]]:
    """Every file in the threads of a person's conversation with the bot, with its bytes."""
    room, dm = wire.room.standin.room, wire.dm(person)
    found: list[tuple[str, bytes]] = []
    for root in messages.roots(room, dm, person):
        for reply in messages.replies(room, dm, str(root["ts"]), person)[1:]:
            found += [(one["name"], files.content(room, one["id"])) for one in reply.get("files", [])]
    return found


def announced(wire: Wire) -> list[str]:
    """What the person reads beside their files."""
    return [text for text in wire.seen("U1", wire.dm("U1")) if "is in this thread" in text]


def test_an_export_is_one_zip_for_its_owner_without_the_sealed_part(wire: Wire) -> None:
    a_feature(wire.desk)
    some_labels(wire.desk, 200)
    a_verdict(wire.desk)
    assert "needs the role owner" in wire.answer(wire.command(f"export {SLUG}", "U2"), "U2")
    assert "direct messages" in wire.answer(wire.command(f"export {SLUG}"))
    wire.settle()
    ((name, content),) = sent_files(wire)
    assert name == f"{SLUG}-2026-11-25.zip"
    packed = zipfile.ZipFile(io.BytesIO(content))
    told = {one.removeprefix(f"{SLUG}/"): packed.read(one).decode() for one in packed.namelist()}
    assert {"feature.json", "runs.jsonl", "verdicts.jsonl"} <= set(told)
    rows = "".join(text for one, text in told.items() if one.startswith("labels-"))
    assert texts_of(wire.desk, Part.TRAIN)[0] in rows
    assert [text for text in texts_of(wire.desk, Part.SEALED) if text in "".join(told.values())] == []


def test_all_refused_rows_of_an_upload_are_a_file_in_which_no_cell_runs(wire: Wire) -> None:
    a_feature(wire.desk)
    content = csv_of(range(40)) + b"\n" + b"\n".join(b"text %d,=cmd()" % number for number in range(25))
    draft = labels.preview(wire.desk, ASKER, SLUG, "../my tickets.csv", content=content)
    wire.settle()
    card = wire.posted()[-1]
    assert "labels.refused" in json.dumps(card)
    assert "direct messages" in wire.answer(wire.press(card["ts"], "labels.refused", draft.token))
    wire.settle()
    ((name, told),) = sent_files(wire)
    assert name == "my tickets-refused.csv"
    lines = told.decode().splitlines()
    assert lines[0] == "line,column,reason"
    assert len(lines) == 26
    assert not [line for line in lines for cell in line.split(",") if cell.lstrip('"').startswith(("=", "+", "@"))]


def test_a_verdicts_report_is_a_page_of_its_own(wire: Wire) -> None:
    ready.ready(wire.desk)
    run = ready.run(wire.desk, Script(right=ready.BETTER)).run_id
    wire.send(wire.press("1.0", "verdict.report", run))
    wire.settle()
    ((name, told),) = sent_files(wire)
    assert name == f"assay-report-{run}.html"
    assert told.lstrip().lower().startswith(b"<!doctype html>")


@pytest.mark.parametrize("method", ["chat.postMessage", "files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize("kind", ["429", "500", "reset"])
def test_trouble_while_a_file_is_sent_never_loses_or_doubles_it(wire: Wire, method: str, kind: str) -> None:
    a_feature(wire.desk)
    wire.settle()
    wire.room.post("/_faults", {"method": method, "kind": kind, "after": kind == "reset"})
    wire.send(wire.command(f"export {SLUG}"))
    for _ in range(3):  # what broke after it was sent is looked for first
        wire.settle()
        wire.clock.move(seconds=6)
        wire.bot.sender.step()
    assert len(sent_files(wire)) == 1
    assert len(announced(wire)) == (2 if (method, kind) == ("chat.postMessage", "reset") else 1)


def test_what_is_gone_is_told_in_place_of_its_file(wire: Wire) -> None:
    a_feature(wire.desk)
    assert "nothing like that" in wire.answer(wire.press("1.0", "labels.refused", "forged"))
    assert sent_files(wire) == []
