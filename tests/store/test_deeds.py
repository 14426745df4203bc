"""The audit chain: each deed follows from the one before, and whoever changes one by hand is found."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from engine.models.actor import Actor, Deed, Role
from engine.models.feature import Feature
from engine.services import Services
from engine.store import deeds
from engine.store.database import Database
from engine.testing.clock import FixedClock
from tests.builders import a_feature_row
from tests.meddling import meddling

ANN = Actor(id="U1", role=Role.OWNER)


def a_chain(database: Database, clock: FixedClock, length: int) -> None:
    for number in range(length):
        with database.write() as tx:
            deeds.record(
                tx, clock, ANN, "shift", entity="rollout", entity_id=str(number), feature_id=7,
                before={"share": 0.1 * number}, after={"über": "ü", "n": number}, reason="because",
            )  # fmt: skip


def broken(database: Database) -> int | None:
    with database.read() as tx:
        return deeds.broken_at(tx)


def test_a_changed_word_of_any_deed_is_found(services: Services, clock: FixedClock) -> None:
    a_chain(services.database, clock, 4)
    assert broken(services.database) is None
    for column in ("actor", "role", "verb", "entity", "entity_id", "reason", "prev_hash", "hash"):
        with services.database.write() as tx:
            third = list(tx.exec(select(Deed).order_by(col(Deed.id))))[2]
            before = getattr(third, column)
            setattr(third, column, "x")
        assert broken(services.database) == third.id, column
        with services.database.write() as tx:
            setattr(tx.get_one(Deed, third.id), column, before)
        assert broken(services.database) is None


def test_a_deed_taken_out_breaks_the_one_after_it_and_a_moment_or_fact_changed_is_found(
    services: Services, clock: FixedClock
) -> None:
    a_chain(services.database, clock, 5)
    clock.move(hours=1)
    with services.database.read() as tx:
        ids = [deed.id for deed in reversed(deeds.of_feature(tx, 7))]
        assert [deed.entity_id for deed in deeds.of_feature(tx, 7, limit=2)] == ["4", "3"]
    with services.database.write() as tx:
        tx.connection().execute(text(f"""UPDATE deed SET after = '{{"n": 9}}' WHERE id = {ids[4]}"""))
    assert broken(services.database) == ids[4]
    with services.database.write() as tx:
        tx.connection().execute(text(f"DELETE FROM deed WHERE id = {ids[1]}"))
    assert broken(services.database) == ids[2]


def test_writers_at_once_make_one_chain_and_one_that_was_rolled_back_is_not_told(
    services: Services, clock: FixedClock
) -> None:
    threads = [threading.Thread(target=a_chain, args=(services.database, clock, 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with services.database.read() as tx:
        chain = deeds.of_feature(tx, 7, limit=50)
    assert len(chain) == 20
    assert len({deed.prev_hash for deed in chain}) == 20, "no two deeds follow the same one"
    assert broken(services.database) is None
    with pytest.raises(RuntimeError, match="half way"), services.database.write() as tx:  # noqa: PT012 (one transaction)
        deeds.record(tx, clock, ANN, "shift", entity="rollout", entity_id="lost", feature_id=7)
        raise RuntimeError("half way")
    a_chain(services.database, clock, 1)
    with services.database.read() as tx:
        assert len(deeds.of_feature(tx, 7, limit=50)) == 21
    assert broken(services.database) is None


def test_the_first_broken_link_is_named_with_how_many_hold_before_it_and_why(
    services: Services, clock: FixedClock
) -> None:
    with services.database.read() as tx:
        assert deeds.walked(tx) == deeds.Chain(0, deeds.FIRST)
    a_chain(services.database, clock, 4)
    with services.database.read() as tx:
        whole = deeds.walked(tx)
        chain = list(reversed(deeds.of_feature(tx, 7)))
        assert (whole.length, whole.head, whole.broken) == (4, chain[3].hash, None)
    with services.database.write() as tx:
        tx.connection().execute(text(f"UPDATE deed SET reason = 'because I say so' WHERE id = {chain[2].id}"))
    with services.database.read() as tx:
        found = deeds.walked(tx)
        assert found.broken is not None
        assert (found.length, found.head, found.broken.id) == (2, chain[1].hash, chain[2].id)
        assert found.why == "its own words are not those it was written with"
    with services.database.write() as tx:
        tx.connection().execute(text(f"DELETE FROM deed WHERE id = {chain[2].id}"))
    with services.database.read() as tx:
        found = deeds.walked(tx)
        assert found.broken is not None
        assert (found.broken.id, found.why) == (chain[3].id, "it does not follow from the deed before it")


def test_a_deed_cut_off_the_end_leaves_a_chain_that_holds_with_another_head(
    services: Services, clock: FixedClock
) -> None:
    a_chain(services.database, clock, 3)
    with services.database.read() as tx:
        head, last = deeds.walked(tx).head, deeds.of_feature(tx, 7, limit=1)[0]
    with services.database.write() as tx:
        tx.connection().execute(text(f"DELETE FROM deed WHERE id = {last.id}"))
    with services.database.read() as tx:
        found = deeds.walked(tx)
    assert (found.length, found.broken) == (2, None)
    assert found.head != head


@pytest.mark.parametrize("moment", range(6))
def test_who_records_a_deed_never_waits_for_a_row_of_who_waits_to_record_one(services: Services, moment: int) -> None:
    with services.database.write() as tx:
        feature_id = a_feature_row(tx, services.clock.now()).id
    held: list[str] = []

    def change(database: Database) -> None:
        with database.write() as tx:
            tx.get_one(Feature, feature_id).version += 1
            deeds.record(tx, services.clock, ANN, "set policy", entity="policy", entity_id="triage")

    def change_meanwhile(other: Database) -> None:
        with other.write() as tx:
            tx.get_one(Feature, feature_id).version += 1
            tx.flush()
            held.append("the row")
            deeds.record(tx, services.clock, ANN, "set policy", entity="policy", entity_id="triage")
            held.append("the chain")

    with meddling(services.database, moment, change_meanwhile):
        change(services.database)
    assert held == ["the row", "the chain"]
