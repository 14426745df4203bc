"""Raw calls of a day that is over are Parquet: the same rows, once, whatever is killed, late or forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from engine.desk import Desk, spool
from engine.flows import ingest
from engine.services import Services
from engine.store import calls, columns
from engine.testing.clock import FixedClock
from tests.builders import SHELL
from tests.ingest.spooled import START_MS, a_frame, segment, some_frames

DAY_MS = 24 * 3_600_000


def raw(deployment: Services) -> Path:
    return deployment.settings.home / "calls"


def of_lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*/day=*/*.jsonl.zst")) for line in calls.lines_of(path)]


def of_columns(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*/day=*/*.parquet")) for row in columns.rows(path)]


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def stored(deployment: Services, folder: Path, *frames: Any, number: int = 1) -> None:
    with segment(folder, f"host-{number}-{START_MS + number}-1") as writer:
        writer.append(*frames)
    ingest.once(deployment)


def test_a_day_that_is_over_becomes_columns_with_the_same_rows(
    deployment: Services, folder: Path, clock: FixedClock
) -> None:
    stored(deployment, folder, *some_frames(300))
    before = of_lines(raw(deployment))
    assert len(before) > 300
    assert of_columns(raw(deployment)) == [], "today grows"
    clock.move(days=2)
    ingest.once(deployment)
    assert of_lines(raw(deployment)) == []
    assert in_order(of_columns(raw(deployment))) == in_order(before)
    (path,) = raw(deployment).glob("*/day=*/part-*")
    assert str(path.relative_to(raw(deployment))) == "ticket-router/day=2026-11-25/part-host.parquet"
    table = pq.read_table(path, columns=["served", "tokens_in", "latency_ms"])
    assert sum(row or 0 for row in table.column("tokens_in").to_pylist()) == sum(
        row["tokens_in"] or 0 for row in before
    )


def test_cut_short_behind_the_rename_or_with_calls_that_come_late_every_row_is_there_once(
    deployment: Services, folder: Path, clock: FixedClock
) -> None:
    stored(deployment, folder, *some_frames(80))
    (lines,) = raw(deployment).glob("*/day=*/part-*.jsonl.zst")
    content = lines.read_bytes()
    clock.move(days=2)
    ingest.once(deployment)
    before = of_columns(raw(deployment))
    lines.write_bytes(content)  # as after a kill between the rename and the end
    ingest.once(deployment)
    assert in_order(of_columns(raw(deployment))) == in_order(before)
    stored(deployment, folder, a_frame(9_000), number=2)
    assert len(of_columns(raw(deployment))) == len(before) + 1
    assert list(raw(deployment).glob("*/day=*/.part-*")) == []


def test_a_forgotten_unit_is_in_no_column_and_old_days_go(
    deployment: Services, desk: Desk, folder: Path, clock: FixedClock
) -> None:
    others = [a_frame(number, unit="bo") for number in range(3)]
    stored(deployment, folder, *others, a_frame(5, unit="ann"), a_frame(6, unit="ann", at_ms=START_MS - DAY_MS))
    clock.move(days=2)
    ingest.once(deployment)
    assert len(of_columns(raw(deployment))) == 5
    assert spool.forget(desk, SHELL, "ann").lines == 2
    assert sorted(row["id"] for row in of_columns(raw(deployment))) == sorted(one.id.hex() for one in others)
    assert len(list(raw(deployment).glob("*/day=*/part-*"))) == 1, "a day of nobody else has no file"
    clock.move(days=400)
    ingest.once(deployment)
    assert of_columns(raw(deployment)) == []


def test_a_damaged_day_is_set_aside_and_stops_nothing(deployment: Services, folder: Path, clock: FixedClock) -> None:
    stored(deployment, folder, *some_frames(30))
    for number, content in enumerate((b"no zstd at all", calls._packed(b"no JSON\n"))):
        damaged = raw(deployment) / "ticket-router" / f"day=2026-11-2{number}" / "part-host.jsonl.zst"
        damaged.parent.mkdir()
        damaged.write_bytes(content)
    clock.move(days=2)
    ingest.once(deployment)
    ingest.once(deployment)
    assert len(list(raw(deployment).glob("*/day=*/damaged-part-host.jsonl.zst"))) == 2
    assert len(of_columns(raw(deployment))) >= 30
