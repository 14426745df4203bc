"""Secrets that stand in a log, whatever its format, are in no byte of anything that Assay keeps, says or sends."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx2

from engine.desk import exports, traffic
from engine.desk.traffic import Asked
from engine.store import examples, features
from tests.builders import ASKER, SHELL, a_feature
from tests.contract.logs import ROW, WRITERS
from tests.ingest.test_export import SECRETS, every_byte
from tests.slack.bot.test_files_out import sent_files
from tests.slack.bot.wire import Wire

TEXT = "; ".join(SECRETS)
WORDS = ("traffic {slug}", "cost {slug}", "show {slug}", "ready {slug}", "audit {slug}", "export {slug}")


def a_log(name: str) -> bytes:
    """Rows with a secret wherever a person or a product may put one, and rows that are refused for one."""
    row = {**ROW, "input": f"Sort this: {TEXT}", "output": f"It is {TEXT}", "unit": SECRETS[0]}
    good = [{**row, "id": f"c{number}"} for number in range(5)]
    strange = [{**row, "id": SECRETS[3], "model": f"ft:{SECRETS[4]}:x"}, {**row, "id": "c9", "model": SECRETS[0]}]
    bad = [{**row, "id": f"{SECRETS[0]}-{number}", "input_tokens": SECRETS[number % 8]} for number in range(25)]
    if name == "langfuse":  # its tokens are reckoned with when it is written
        bad = [{**one, "input_tokens": -1} for one in bad]
    return WRITERS[name]([*good, *strange, *bad])


def test_planted_secrets_of_a_log_are_nowhere(wire: Wire, tmp_path: Path, logged: io.StringIO) -> None:
    desk, done, bodies = wire.desk, list[traffic.Imported](), ""
    for name in WRITERS:
        a_feature(desk, slug=f"log-{name}")
        content = io.BytesIO(a_log(name))
        done.append(traffic.import_calls(desk, ASKER, f"log-{name}", content, asked=Asked(format_name=name)))
        for words in WORDS:
            wire.answer(wire.command(words.format(slug=f"log-{name}")))
    assert {(one.added, one.bad_count) for one in done} == {(7, 25)}
    wire.answer(wire.command("traffic"))
    wire.settle()
    exports.export(desk, SHELL, tmp_path / "out")
    sent = json.dumps([wire.room.standin.calls, wire.acked, wire.seen("U1"), wire.posted()], default=str)
    metrics = httpx2.get(f"http://127.0.0.1:{wire.port}/metrics", timeout=60).text
    with desk.services.database.read() as tx:
        for feature in features.every(tx):
            bodies += json.dumps([examples.body_of(row) for row in examples.of_feature(tx, feature.id or 0)])
    assert bodies.count("[EMAIL_1]") >= len(WRITERS)
    assert all(f"log-{name} had 7 calls in the" in sent for name in WRITERS), "what was asked was answered"
    files = every_byte(tmp_path)  # the home: database, write-ahead log, refused rows; and the export
    texts = (sent, metrics, bodies, logged.getvalue(), repr(done))
    everywhere = b"\0".join([files, zipped(wire), *(text.encode() for text in texts)])
    assert [secret for secret in SECRETS if secret.encode() in everywhere] == []


def zipped(wire: Wire) -> bytes:
    """Every file that was sent to a person, unpacked."""
    packed: list[Any] = [zipfile.ZipFile(io.BytesIO(content)) for _, content in sent_files(wire)]
    assert packed
    return b"".join(one.read(name) for one in packed for name in one.namelist())
