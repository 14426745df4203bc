"""A log is counted once: the same file, another order, another container, or killed half way."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from engine.desk import Desk, open_desk, operate, traffic
from engine.desk.traffic import Asked
from engine.errors import Invalid
from engine.importers.calls import FORMATS
from engine.store import examples, features, usage
from tests.builders import ASKER, SLUG, a_feature
from tests.conftest import services_at
from tests.contract.test_traffic_fixtures import FILES, FIXTURES

OUTCOME = {  # of each file: imported, already known, skipped, refused
    "assay": (4, 1, 0, 2),
    "csv": (4, 1, 0, 2),
    "openai": (4, 1, 0, 2),
    "litellm": (5, 1, 0, 2),
    "langfuse": (4, 1, 2, 2),
    "helicone": (4, 1, 0, 2),
    "otel": (4, 1, 2, 1),
    "tensorzero": (4, 1, 0, 2),
}


def counted(done: traffic.Imported) -> tuple[int, int, int, int]:
    return done.added, done.known, done.skipped, done.bad_count


def count(desk: Desk, name: str, content: bytes | None = None, **more) -> traffic.Imported:
    stream = io.BytesIO((FIXTURES / FILES[name]).read_bytes() if content is None else content)
    return traffic.import_calls(desk, ASKER, SLUG, stream, asked=Asked(format_name=name, **more))


def totals(desk: Desk) -> usage.Month | None:
    with desk.services.database.read() as tx:
        return usage.month(tx, features.by_slug(tx, SLUG).id or 0, "2026-10")


def reordered(content: bytes) -> bytes:
    """The rows of a log in another order."""
    lines = content.splitlines(keepends=True)
    if content.startswith(b"{\n"):  # one document
        document = json.loads(content)
        document["data"].reverse()
        return json.dumps(document).encode()
    if b"resourceSpans" in content:
        document = json.loads(content)
        document["resourceSpans"].reverse()
        return json.dumps(document).encode()
    if not content.startswith(b"{"):  # CSV, whose first row has a line break in it
        head, rows = lines[0], [b"".join(lines[1:3]), *lines[3:]]
    else:
        head, rows = b"", lines
    random.Random(1).shuffle(rows)
    return head + b"".join(row if row.endswith(b"\n") else row + b"\n" for row in rows)


@pytest.mark.parametrize("name", FORMATS)
def test_every_log_is_counted_once_read_twice_and_in_any_order(desk, name) -> None:
    a_feature(desk)
    content = (FIXTURES / FILES[name]).read_bytes()
    first = count(desk, name)
    assert counted(first) == OUTCOME[name]
    before = totals(desk)
    assert before is not None
    for again in (content, reordered(content)):
        done = count(desk, name, again)
        assert counted(done) == (0, sum(OUTCOME[name][:2]), *OUTCOME[name][2:])
        assert totals(desk) == before


def test_of_tries_the_money_counts_and_the_calls_do_not(desk) -> None:
    a_feature(desk)
    count(desk, "litellm")
    month = totals(desk)
    assert month is not None
    assert month.calls == 3, "an answer, the last of two tries, a hit; the embedding counts apart"
    prices = (
        300 * 150 + 512 * 75 + 40 * 600,
        800 * 150 + 4 * 600,
        500 * 20,
    )  # nano-dollars a token are milli a million
    assert month.cost_nano == sum(prices)
    assert month.unpriced == 0


def test_a_dry_run_and_a_log_of_another_format_store_nothing(desk) -> None:
    a_feature(desk)
    assert counted(count(desk, "litellm", dry=True))[0] == 5
    with pytest.raises(traffic.WrongFormat) as told:
        count(desk, "helicone", (FIXTURES / FILES["litellm"]).read_bytes())
    assert "It looks like litellm" in told.value.hint
    assert totals(desk) is None
    assert counted(count(desk, "litellm")) == OUTCOME["litellm"]


def test_twenty_refused_rows_in_front_are_another_format_and_nineteen_are_not(desk) -> None:
    a_feature(desk)
    good = (FIXTURES / FILES["assay"]).read_bytes()
    bad = b'{"id": "x", "ts": "2026-10-03T10:20:30Z", "input_tokens": 1}\n'
    with pytest.raises(traffic.WrongFormat):
        count(desk, "assay", bad * 20 + good)
    assert totals(desk) is None
    assert counted(count(desk, "assay", bad * 19 + good)) == (4, 1, 0, 21)
    assert counted(count(desk, "assay", bad * 3)) == (0, 0, 0, 3), "few bad rows of this format are no other format"


def test_more_than_twenty_refused_rows_are_in_a_file(desk) -> None:
    a_feature(desk)
    good = (FIXTURES / FILES["assay"]).read_bytes()
    done = count(desk, "assay", good + b"{}\n" * 30)
    assert (len(done.bad), done.bad_count) == (20, 32)
    told = Path(done.refused_in).read_text(encoding="utf-8").splitlines()
    assert len(told) == 32
    assert tuple(told[:20]) == done.bad
    assert told[-1].startswith("line 37: ")


def test_the_csv_twin_of_a_log_is_the_same_calls(desk) -> None:
    a_feature(desk)
    count(desk, "assay")
    assert counted(count(desk, "csv")) == (0, 5, 0, 2)


def test_a_file_is_known_when_its_calls_are_forgotten_and_others_ask_for_a_word(desk, clock) -> None:
    a_feature(desk)
    content = (FIXTURES / FILES["assay"]).read_bytes()
    count(desk, "assay")
    before = totals(desk)
    clock.move(days=40)
    assert counted(count(desk, "assay")) == (0, 5, 0, 2), "the very file"
    other = count(desk, "assay", content + b"\n")
    assert (counted(other), other.old) == ((0, 1, 0, 2), 4)
    assert totals(desk) == before
    assert counted(count(desk, "assay", content + b"\n", again=True)) == (4, 1, 0, 2)


def test_only_calls_that_may_be_examples_keep_their_texts(desk) -> None:
    a_feature(desk)
    row = json.loads((FIXTURES / FILES["assay"]).read_bytes().splitlines()[0])
    rows = [{**row, "id": f"r{number}"} for number in range(400)]
    count(desk, "assay", b"\n".join(json.dumps(one).encode() for one in rows))
    with desk.services.database.read() as tx:
        feature_id = features.by_slug(tx, SLUG).id or 0
        kept = {example.call for example in examples.drawn(tx, feature_id)}
    count(desk, "assay", b"\n".join(json.dumps(one).encode() for one in reversed(rows)))
    with desk.services.database.read() as tx:
        again = {example.call for example in examples.drawn(tx, feature_id)}
    assert len(kept) == examples.RANDOM_A_DAY
    assert again == kept


def test_an_unknown_model_costs_what_its_source_billed_and_never_nothing(desk) -> None:
    a_feature(desk)
    row = {"ts": "2026-10-03T10:20:30Z", "model": "nobody-knows-1", "input_tokens": 1, "output_tokens": 1}
    rows = [
        {**row, "id": "1", "billed_usd": 0.25},
        {**row, "id": "2", "billed_usd": 0},
        {**row, "id": "3"},
        {**row, "id": "4", "cache_hit": True},
    ]
    done = count(desk, "assay", b"\n".join(json.dumps(one).encode() for one in rows))
    month = totals(desk)
    assert month is not None
    assert (month.calls, month.cost_nano, month.unpriced) == (4, 250_000_000, 2)
    assert (done.unpriced, done.unpriced_model) == (2, "nobody-knows-1")


def test_an_unknown_format_or_choice_is_refused(desk) -> None:
    a_feature(desk)
    with pytest.raises(Invalid, match="no traffic format"):
        traffic.import_calls(desk, ASKER, SLUG, io.BytesIO(b""), format_name="lite")
    with pytest.raises(Invalid):
        traffic.where_of("feature")


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_an_import_killed_between_blocks_ends_at_the_totals_of_a_clean_one(tmp_path, clock) -> None:
    log, home = tmp_path / "spend.jsonl", tmp_path / "home"
    home.mkdir()
    row = json.loads((FIXTURES / FILES["litellm"]).read_bytes().splitlines()[0]) | {"messages": [], "response": {}}
    with log.open("w", encoding="utf-8") as file:
        for number in range(traffic.BLOCK + 3_000):
            file.write(json.dumps({**row, "request_id": f"r{number}", "litellm_call_id": f"c{number // 2}"}) + "\n")
    services = services_at(f"sqlite:///{home / 'assay.db'}", home, clock)
    operate.prepare(services)
    with closing(open_desk(services)) as desk:
        a_feature(desk)
        words = [sys.executable, "-m", "bot.cli", "import-traffic", SLUG, str(log), "--format", "litellm"]
        environment = {name: value for name, value in os.environ.items() if name != "ASSAY_DATABASE_URL"}
        running = subprocess.Popen(words, env={**environment, "ASSAY_HOME": str(home)}, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while totals(desk) is None and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        running.kill()
        running.wait(timeout=30)
        with log.open("rb") as stream:
            done = traffic.import_calls(desk, ASKER, SLUG, stream, format_name="litellm")
        assert done.known >= traffic.BLOCK, "the first block was committed before the kill"
        assert done.added + done.known == traffic.BLOCK + 3_000
        month = totals(desk)
        assert month is not None
        assert month.calls == (traffic.BLOCK + 3_000) // 2, "each answer once, though two tries of each were billed"
        assert month.cost_nano == (traffic.BLOCK + 3_000) * (300 * 150 + 512 * 75 + 40 * 600)
