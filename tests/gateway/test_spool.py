"""What is on record is whole, once, and readable; a full disk delays it and never a call."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from engine.gateway import spool as spools
from engine.gateway.main import POLL_SECONDS
from engine.gateway.spool import Spool
from engine.rules import frame
from engine.rules.frame import Frame
from tests.gateway.running import frames_of, gateway, names_of, route, until
from tests.gateway.upstream import says, upstream


@pytest.fixture
def spool(tmp_path: Path):
    opened = Spool(tmp_path / "spool", host="gw-1.example")
    opened.open()
    yield opened
    opened.close()


def one(spool: Spool, number: int, name: str = "triage") -> Frame:
    return Frame(id=number.to_bytes(16, "big"), at_ms=number, feature=spool.name(name))


def test_names_come_before_the_first_frame_that_uses_them_and_once(spool: Spool) -> None:
    for number in range(3):
        spool.append([one(spool, number), one(spool, 10 + number, "other")])
    assert [found.id[-1] for found in frames_of(spool.folder)] == [0, 10, 1, 11, 2, 12]
    (names,) = spool.folder.glob("names-*.jsonl")
    assert len(names.read_bytes().splitlines()) == 2
    assert set(names_of(spool.folder).values()) == {"triage", "other"}


def test_a_live_segment_is_locked_and_a_finished_one_is_not(spool: Spool) -> None:
    (path,) = spool.folder.glob("calls-*.bin")
    assert path.name.count("-") == 4
    assert path.name.startswith("calls-gw_1.example-")
    with path.open("rb") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        spool.close()
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_full_segment_is_followed_by_another_with_names_of_its_own(spool: Spool) -> None:
    spool.append([one(spool, 1)])
    spool._segment.begun -= spools.SEGMENT_SECONDS
    spool.tick()
    spool.append([one(spool, 2)])
    assert len(list(spool.folder.glob("calls-*.bin"))) == 2
    for path in spool.folder.glob("names-*.jsonl"):
        assert b"triage" in path.read_bytes()
    assert sorted(found.at_ms for found in frames_of(spool.folder)) == [1, 2]


def test_an_idle_worker_makes_no_segments(spool: Spool) -> None:
    spool._segment.begun -= 10 * spools.SEGMENT_SECONDS
    spool.tick()
    assert len(list(spool.folder.glob("calls-*.bin"))) == 1


def test_names_that_callers_choose_are_cut_redacted_and_not_endless(spool: Spool) -> None:
    for number in range(spools.NAMES_MOST + 50):
        last = spool.foreign_name(f"model-{number}")
    assert last == frame.name_hash("other")
    spool.append([one(spool, 1)._replace(model_asked=last)])
    long = Spool(spool.folder / "b")
    long.open()
    long.append([Frame(bytes(16), 0, long.foreign_name("x" * 9999), long.foreign_name("to a@b.example"))])
    assert sorted(map(len, names_of(long.folder).values())) == [12, 200]
    assert "to [EMAIL_1]" in names_of(long.folder).values()
    long.close()


@contextmanager
def full(spool: Spool) -> Iterator[None]:
    """While it lasts the segment takes no more bytes: a pipe nobody reads stands in for a full disk."""
    segment = spool._segment
    assert segment is not None
    kept = segment.calls
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    segment.calls = writer
    yield
    segment.calls = kept
    os.close(reader)
    os.close(writer)


def test_while_the_disk_is_full_records_wait_and_come_out_in_order(spool: Spool) -> None:
    with full(spool):
        for number in range(20):
            spool.append([one(spool, number)])
        assert not spool.is_writing
        assert frames_of(spool.folder) == []
    spool.tick()
    assert [found.at_ms for found in frames_of(spool.folder)] == list(range(20))
    assert (spool.is_writing, spool.dropped) == (True, 0)


def test_more_than_memory_holds_is_counted(spool: Spool) -> None:
    with full(spool):
        for number in range(spools.WAITING_MOST + 7):
            spool.append([one(spool, number)])
        assert spool.dropped == 7
    spool.tick()
    assert frames_of(spool.folder)[0].at_ms == 7


def test_what_is_told_while_the_disk_is_full_waits_and_texts_do_not(spool: Spool) -> None:
    segment = spool._segment
    assert segment is not None
    kept, segment.events = segment.events, segment.calls
    with full(spool):
        segment.events = segment.calls  # full as well
        spool.event({"kind": "trip"})
        spool.body({"kind": "body"})
        for _ in range(spools.WAITING_MOST):
            spool.event({"kind": "feedback"})
        assert spool.dropped == 2, "the text, and what was told first of more than memory holds"
    segment.events = kept
    spool.tick()
    (path,) = spool.folder.glob("events-*.jsonl")
    assert path.read_bytes().count(b"feedback") == spools.WAITING_MOST
    assert b"body" not in path.read_bytes()


def test_what_a_disk_takes_only_half_of_is_taken_back(spool: Spool) -> None:
    spool.append([one(spool, 1)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        spool.append([one(spool, 2)])
        (path,) = spool.folder.glob("calls-*.bin")
        assert (path.stat().st_size, spool.is_writing) == (128, False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, kept)
    spool.tick()
    assert [found.at_ms for found in frames_of(spool.folder)] == [1, 2]


@pytest.mark.parametrize("strict", [False, True])
def test_a_spool_that_is_full_serves_all_the_same_and_strict_does_not(tmp_path: Path, strict: bool) -> None:
    with upstream(says()) as model, gateway(tmp_path, {"spool_strict": strict}, triage=route(model.url)) as gate:
        spool = gate.app.parts.spool
        with full(spool):
            assert [gate.ask().status_code for _ in range(3)] == [200, *([503] if strict else [200]) * 2]
            told = gate.get("/readyz").json()
            assert told["ready"]
            assert "not writing" in told["spool"]
        until(lambda: spool.is_writing)
        assert len(gate.frames()) == (1 if strict else 3)
        assert gate.ask().status_code == 200


def test_what_was_synced_survives_a_power_cut_and_a_cut_frame_is_no_call(spool: Spool) -> None:
    spool.append([one(spool, 1), one(spool, 2)])
    spool.sync()
    (path,) = spool.folder.glob("calls-*.bin")
    synced = path.stat().st_size
    spool.append([one(spool, 3)])
    os.truncate(path, synced + 100)  # of what was never synced, a part may be there
    assert [found.at_ms for found in frames_of(spool.folder)] == [1, 2]
    assert POLL_SECONDS <= 0.2, "a cut takes no more than this"
