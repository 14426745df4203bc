"""Clocks that go back, hours, days and daylight saving: each call is in the hour of UTC it says, once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.flows import ingest
from engine.rules.frame import Frame
from engine.services import Services
from engine.testing.clock import FixedClock
from tests.ingest.spooled import START_MS, a_frame, segment, some_frames
from tests.ingest.totals import expected, sums_alone, totals


def test_an_ingester_whose_clock_goes_back_counts_each_call_once(
    deployment: Services,
    folder: Path,
    clock: FixedClock,
) -> None:
    frames = some_frames(120)
    for number, hours in enumerate((0, -1, 26, -30)):
        with segment(folder, f"host-{number}-{START_MS + number}-1") as writer:
            writer.append(*frames[number::4])
        clock.move(hours=hours)
        ingest.once(deployment)
    assert sums_alone(totals(deployment)) == expected(frames)
    assert list(folder.glob("*.bin")) == []


@pytest.fixture
def in_berlin() -> Iterator[None]:
    """The machine's zone is one with daylight saving; nothing may depend on it."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_calls_at_the_edges_of_hours_days_and_daylight_saving_are_in_the_hour_of_utc(
    deployment: Services,
    folder: Path,
    in_berlin: None,
) -> None:
    edges = {
        datetime(2026, 10, 31, 23, tzinfo=UTC): [timedelta(0), timedelta(minutes=59, seconds=59, milliseconds=999)],
        datetime(2026, 11, 1, 0, tzinfo=UTC): [timedelta(0), timedelta(milliseconds=1)],
        datetime(2026, 10, 25, 0, tzinfo=UTC): [timedelta(minutes=30)],  # 02:30 in Berlin, in summer
        datetime(2026, 10, 25, 1, tzinfo=UTC): [timedelta(minutes=30)],  # 02:30 in Berlin again, in winter
        datetime(2027, 3, 28, 1, tzinfo=UTC): [timedelta(0)],  # 02:00 in Berlin never was
    }
    moments = [(hour + beside, hour) for hour, many in edges.items() for beside in many]
    frames: list[Frame] = [a_frame(n, at_ms=int(at.timestamp() * 1000)) for n, (at, _) in enumerate(moments)]
    with segment(folder) as writer:
        writer.append(*frames)
    ingest.once(deployment)
    assert {key[0]: row["n"] for key, row in totals(deployment).items()} == {
        one: len(all_) for one, all_ in edges.items()
    }
    days = {path.parent.name for path in (deployment.settings.home / "calls").rglob("part-*")}
    assert days == {f"day={at:%Y-%m-%d}" for at, _ in moments}
