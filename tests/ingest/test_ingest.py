"""What a gateway wrote is in the totals once: whole, torn, live, twice, locked, from many workers and hosts."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from pathlib import Path

import pytest
from sqlmodel import select

from engine.desk import Desk, health, price_book
from engine.errors import Conflict, Unavailable
from engine.flows import ingest
from engine.models.spool import PendingFeedback, SpoolPosition
from engine.rules import frame, histogram
from engine.services import Services
from engine.store import features, spool
from engine.store.database import Database
from tests.builders import ASKER, a_feature
from tests.ingest.spooled import SLUG, START_MS, Writer, a_frame, segment, some_frames
from tests.ingest.totals import BOTH, PRICE, expected, some_prices, sums_alone, totals
from tests.meddling import meddling


@BOTH
def test_every_call_is_in_its_hour_priced_by_its_day(deployment: Services, folder: Path) -> None:
    frames = some_frames(500)
    with segment(folder) as writer:
        writer.append(*frames)
    assert ingest.once(deployment) == ingest.Passed(calls=len(frames), finished=1)
    found = totals(deployment)
    assert sums_alone(found) == expected(frames)
    shape = histogram.merge_bytes(row["latency"] for row in found.values() if "latency" in row)
    assert shape.total == sum(one.latency_us >= 0 for one in frames)
    assert list(folder.glob("*.bin")) == [], "a finished segment is deleted once it is stored"
    with deployment.database.read() as tx:
        assert list(tx.exec(select(SpoolPosition))) == []
    assert ingest.once(deployment) == ingest.Passed()
    assert totals(deployment) == found


def test_a_month_priced_again_leaves_answers_without_tokens_unpriced(deployment: Services, desk: Desk) -> None:
    with segment(deployment.settings.spool_folder) as writer:
        writer.append(a_frame(), a_frame(1, tokens_in=-1, tokens_out=-1))
    ingest.once(deployment)
    some_prices(deployment, input_nano=2 * PRICE.input)
    done = price_book.recompute(desk, ASKER, "2026-11")
    assert (done.changed, done.unpriced) == (2, 1), "what nobody counted did not cost nothing"
    assert done.after_nano == 1000 * 4_000 + 10 * 8_000
    assert price_book.recompute(desk, ASKER, "2026-11").changed == 0


def test_a_live_segment_is_stored_as_it_grows_and_left_alone(deployment: Services, folder: Path) -> None:
    frames = some_frames(90)
    writer = Writer(folder)
    halves = [b"".join(map(frame.pack, frames[:40])), frame.pack(frames[40])]
    writer.raw(halves[0] + halves[1][:50])
    assert ingest.once(deployment).calls == 40
    assert ingest.once(deployment).calls == 0, "half a frame of a live writer is still to come"
    writer.raw(halves[1][50:])
    writer.append(*frames[41:])
    assert ingest.once(deployment).calls == len(frames) - 40
    assert writer.calls.name in map(str, folder.glob("*.bin"))
    writer.close()
    assert ingest.once(deployment) == ingest.Passed(finished=1)
    assert sums_alone(totals(deployment)) == expected(frames)


def test_torn_bytes_are_passed_over_and_counted(deployment: Services, folder: Path) -> None:
    frames = some_frames(30)
    packed = [frame.pack(one) for one in frames]
    spoiled = bytearray(packed[7])
    spoiled[60] ^= 1
    with segment(folder) as writer:
        writer.raw(b"".join(packed[:7]) + bytes(spoiled) + packed[8] + packed[9][:77] + b"".join(packed[10:]))
        writer.raw(packed[0][:100])
    assert ingest.once(deployment).calls == len(frames) - 2
    with deployment.database.read() as tx:
        assert spool.tallies(tx) == {"frames torn, bytes": 128 + 77 + 100}
    assert sums_alone(totals(deployment)) == expected([one for at, one in enumerate(frames) if at not in (7, 9)])


def test_frames_of_a_newer_gateway_wait_for_a_newer_ingester(deployment: Services, folder: Path) -> None:
    body = bytearray(frame.pack(a_frame(1)))[4:]
    body[0] = frame.VERSION + 1
    with segment(folder) as writer:
        writer.append(a_frame(2))
        writer.raw(zlib.crc32(body).to_bytes(4, "little") + body)
    assert ingest.once(deployment).finished == 0
    assert len(list(folder.glob("*.bin"))) == 1


def test_calls_of_a_feature_nobody_registered_are_counted_apart(deployment: Services, folder: Path) -> None:
    with segment(folder) as writer:
        writer.name("elsewhere")
        writer.append(a_frame(1), a_frame(2, slug="elsewhere"), a_frame(3, slug="never named"))
    ingest.once(deployment)
    with deployment.database.read() as tx:
        assert spool.tallies(tx) == {"calls of no known feature": 2}
    assert sum(row["n"] for row in totals(deployment).values()) == 1


def test_an_exposure_on_another_side_than_its_bucket_is_counted_and_told_by_the_doctor(
    desk: Desk, deployment: Services, folder: Path
) -> None:
    with segment(folder) as writer:
        writer.append(a_frame(1), a_frame(2, source=frame.Source.EXPOSURE, flags=frame.Flag.MISMATCH))
    ingest.once(deployment)
    assert sum(row["n"] for row in totals(deployment).values()) == 2
    told = [one.says for one in health.findings(desk) if one.name == "set aside"]
    assert told == ["exposures on another side than their bucket: 1"]


def test_segments_of_many_workers_add_up_in_any_order(deployment: Services, folder: Path) -> None:
    frames = some_frames(400)
    for worker in range(4):
        with segment(folder, f"host-{worker}-{START_MS - worker}-1") as writer:
            writer.append(*frames[worker::4])
    ingest.once(deployment)
    assert sums_alone(totals(deployment)) == expected(frames)


def test_one_ingester_at_a_time_and_the_second_waits(deployment: Services, folder: Path) -> None:
    with segment(folder) as writer:
        writer.append(*some_frames(50))
    with spool.alone(folder):
        with pytest.raises(Conflict, match="Another program is reading the spool"):
            ingest.once(deployment, patience=0.2)
        waiting: list[ingest.Passed] = []
        second = threading.Thread(target=lambda: waiting.append(ingest.once(deployment)))
        second.start()
    second.join()
    assert waiting[0].calls == len(some_frames(50))


@BOTH
def test_two_hosts_on_one_database_store_each_spool_once(deployment: Services, folder: Path, tmp_path: Path) -> None:
    frames = some_frames(300)
    others = tmp_path / "other"
    for number, where in enumerate((folder, others)):
        with segment(where, f"host{number}-1-{START_MS}-1") as writer:
            writer.append(*frames[number::2])
    threads = [
        threading.Thread(target=lambda where=where: ingest.pass_over(deployment, where, thorough=True))
        for where in (folder, others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums_alone(totals(deployment)) == expected(frames)


@BOTH
def test_what_two_hosts_set_aside_for_the_first_time_at_one_moment_is_counted_twice(services: Services) -> None:
    def tally(database: Database) -> None:
        with database.write() as tx:
            spool.tally(tx, "events torn", 2)

    with meddling(services.database, "INSERT INTO tally", tally):
        tally(services.database)
    with services.database.read() as tx:
        assert spool.tallies(tx) == {"events torn": 4}


@BOTH
def test_all_who_hold_several_features_hold_them_in_one_order(desk: Desk, deployment: Services, folder: Path) -> None:
    a_feature(desk, slug="second")
    writer = Writer(folder)
    writer.name("second")
    for number, slug in ((2, "second"), (1, SLUG)):
        call = a_frame(number, slug=slug)
        writer.append(call)
        writer.event(kind="feedback", id=call.id.hex(), features=[slug], score=1.0, label=None, comment=None)
        writer.event(kind="body", id=call.id.hex(), feature=slug, stratum="random", messages=[], output="bug")
    held: list[int] = []

    def as_another_host_does(other: Database) -> None:
        with other.write() as tx:
            for feature_id in (1, 2):
                features.alone(tx, feature_id)
                held.append(feature_id)

    with meddling(deployment.database, None, as_another_host_does):
        assert ingest.once(deployment) == ingest.Passed(calls=2, events=4, feedback=2)
    assert held == [1, 2] * (len(held) // 2), "who has the first is never kept from the second"
    writer.close()


def test_a_locked_database_keeps_everything_in_the_spool(deployment: Services, folder: Path) -> None:
    frames = some_frames(40)
    with segment(folder) as writer:
        writer.append(*frames)
    hasty = Services(**{**vars(deployment), "database": deployment.database.patient(0.1)})
    holder = sqlite3.connect(str(deployment.database.path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy"):
        ingest.once(hasty)
    holder.execute("ROLLBACK")
    holder.close()
    assert totals(deployment) == {}
    ingest.once(hasty)
    assert sums_alone(totals(deployment)) == expected(frames)


def test_a_segment_that_was_kept_and_not_deleted_is_kept_once(deployment: Services, folder: Path) -> None:
    frames = some_frames(60)
    with segment(folder) as writer:
        writer.append(*frames)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".bin", ".jsonl")}
    ingest.once(deployment)
    raw = {path: path.read_bytes() for path in (deployment.settings.home / "calls").rglob("part-*")}
    assert raw
    # As after a kill behind the appending: the files are there still, and so is what was noted of them.
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with deployment.database.write() as tx:
        now = deployment.clock.now()
        sizes = {str(path.relative_to(deployment.settings.home / "calls")): 0 for path in raw}
        name = next(name for name in files if name.endswith(".bin"))
        tx.add(SpoolPosition(file=name, offset=len(files[name]), kept=json.dumps(sizes), at=now))
    found = totals(deployment)
    ingest.once(deployment)
    assert totals(deployment) == found
    assert {path: path.read_bytes() for path in raw} == raw


def test_events_that_are_torn_or_strange_are_counted_and_the_rest_is_stored(deployment: Services, folder: Path) -> None:
    call = a_frame(1)
    writer = Writer(folder)
    writer.append(call)
    writer.event(kind="feedback", id=call.id.hex(), features=[SLUG], score=0.5, label=None, comment=None)
    writer.events.write(b"00000000 {}\nnonsense\n")
    writer.event(kind="novelty")
    writer.event(kind="feedback", id="short", features=[SLUG], score=1)
    writer.events.write(b'0badf00d {"kind"')
    writer.close()
    passed = ingest.once(deployment)
    assert (passed.feedback, passed.finished) == (1, 1)
    with deployment.database.read() as tx:
        assert spool.tallies(tx) == {"events not understood": 2, "events torn": 3}
        assert list(tx.exec(select(PendingFeedback))) == []
    (row,) = totals(deployment).values()
    assert (row["feedback_n"], row["feedback_milli"]) == (1, 500)


def test_feedback_finds_a_call_that_its_product_reported_minutes_later(deployment: Services, folder: Path) -> None:
    made = a_frame(3)  # its id says when
    with segment(folder) as writer:
        writer.append(made._replace(at_ms=START_MS + 600_000, source=frame.Source.EXPOSURE))
    ingest.once(deployment)
    with segment(folder, f"host-1-{START_MS + 1}-1") as writer:
        writer.event(kind="feedback", id=made.id.hex(), features=[SLUG], score=1.0)
    assert ingest.once(deployment).feedback == 1
