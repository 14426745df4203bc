"""Inbox and outbox rows: taken once, claimed once, in order for each channel."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlmodel import select

from engine.errors import Repeated
from engine.models.mail import MailState, Once, Outbox
from engine.services import Services
from engine.store import mail
from engine.store.database import Database, Tx
from tests.meddling import meddling

PRESS = Once(team="T1", key="U1/1.2/approve/3", kind="press")


def a_post(tx: Tx, services: Services, channel: str = "C1", text: str = "x") -> Outbox:
    return mail.add(tx, services.clock, channel, "chat.postMessage", payload={"text": text})


def test_a_delivery_is_taken_once_with_its_effect_and_forgotten_after_a_week(services: Services) -> None:
    with services.database.write() as tx:
        mail.take(tx, services.clock, None)
        mail.take(tx, services.clock, PRESS)
        mail.take(tx, services.clock, PRESS.effect())
        mail.take(tx, services.clock, PRESS.model_copy(update={"team": "T2"}))
    with pytest.raises(Repeated), services.database.write() as tx:
        mail.take(tx, services.clock, PRESS)
    with services.database.write() as tx:
        assert mail.is_taken(tx, PRESS)
        mail.forget_taken(tx, services.clock.now() + timedelta(days=6, hours=23))
        assert mail.is_taken(tx, PRESS)
        mail.forget_taken(tx, services.clock.now() + timedelta(days=7, seconds=1))
        assert not mail.is_taken(tx, PRESS)
    with pytest.raises(RuntimeError), services.database.write() as tx:  # noqa: PT012 (one transaction)
        mail.take(tx, services.clock, PRESS)
        raise RuntimeError
    with services.database.write() as tx:
        mail.take(tx, services.clock, PRESS)  # its effect was rolled back, so it may come again


def test_of_many_at_once_one_takes_a_delivery_and_one_claims_a_row(services: Services) -> None:
    with services.database.write() as tx:
        row = a_post(tx, services)
    taken: list[str] = []
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait()
        try:
            with services.database.write() as tx:
                mail.take(tx, services.clock, PRESS)
            taken.append("taken")
        except Repeated:
            pass
        with services.database.write() as tx:
            if mail.claim(tx, row):
                taken.append("claimed")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ["claimed", "taken"]


def test_a_channel_waits_behind_its_oldest_row(services: Services) -> None:
    with services.database.write() as tx:
        first, second = a_post(tx, services, text="1"), a_post(tx, services, text="2")
        other = a_post(tx, services, "C2")
        deliveries = [mail.add(tx, services.clock, "", "deliver", payload={}) for _ in range(2)]
    now = services.clock.now()

    def due() -> list[int | None]:
        with services.database.read() as tx:
            return [row.id for row in mail.due(tx, now)]

    heads = [first.id, other.id, *(row.id for row in deliveries)]
    assert due() == heads
    with services.database.write() as tx:
        assert mail.claim(tx, first)
    assert due() == heads[1:], "the second waits while the first is on its way"
    with services.database.write() as tx:
        mail.settle(tx, first.id or 0, MailState.READY, not_before=now + timedelta(seconds=30))
    assert due() == heads[1:], "and while the first waits for its next try"
    with services.database.write() as tx:
        mail.settle(tx, first.id or 0, MailState.DEAD, error="msg_too_long")
    assert due() == sorted([second.id or 0, *(one or 0 for one in heads[1:])])
    with services.database.write() as tx:
        assert mail.claim(tx, tx.get_one(Outbox, second.id))
        assert mail.recover(tx) == 1
        assert mail.recover(tx) == 0
    with services.database.read() as tx:
        states = {row.id: row.state for row in mail.due(tx, now)}
        assert mail.depth(tx) == (4, now, 1)
    assert states[second.id] is MailState.UNSURE, "what was being sent when a bot died is looked for first"


@pytest.mark.parametrize("moment", range(6))
def test_a_row_that_is_sent_while_its_message_changes_is_sent_again_afterwards(services: Services, moment: int) -> None:
    def change(tx: Tx) -> None:
        mail.open_home(tx, "U1", services.clock.now())
        mail.enqueue_projection(tx, services.clock, "feature", "a", kind="card", channel="C1")
        mail.enqueue_home(tx, services.clock, "U1")

    with services.database.write() as tx:
        change(tx)
        rows = {row.method: row for row in tx.exec(select(Outbox))}
    assert rows.keys() == {mail.PROJECT, mail.HOME, mail.HOMES}
    sent: list[str] = []

    def send(other: Database) -> None:
        with other.write() as tx:
            sent.extend(method for method, row in rows.items() if mail.claim(tx, row))

    with meddling(services.database, moment, send):
        with services.database.write() as tx:
            change(tx)
        early = set(sent)
    with services.database.read() as tx:
        waiting = {row.method for row in tx.exec(select(Outbox).where(Outbox.state == MailState.READY))}
    assert early <= waiting


def test_a_home_that_is_opened_twice_at_the_same_moment_is_one(services: Services) -> None:
    def open_it(database: Database) -> None:
        with database.write() as tx:
            mail.open_home(tx, "U1", services.clock.now())

    with meddling(services.database, "INSERT INTO message_ref", open_it):
        open_it(services.database)
    with services.database.read() as tx:
        assert len(mail.homes(tx, services.clock.now())) == 1


def test_one_projection_waits_for_an_entity_however_often_it_changes(services: Services) -> None:
    def change() -> None:
        with services.database.write() as tx:
            mail.enqueue_projection(tx, services.clock, "feature", "a", kind="card", channel="C1")
            mail.enqueue_projection(tx, services.clock, "feature", "a", kind="card", channel="")

    change()
    change()
    with services.database.write() as tx:
        (row,) = mail.due(tx, services.clock.now())
        assert mail.claim(tx, row)
    change()
    with services.database.write() as tx:
        mail.settle(tx, row.id or 0, MailState.SENT, ts="1.0")
        mail.point(tx, row, ts="1.0", sha="s", version=3, at=services.clock.now())
        (again,) = mail.due(tx, services.clock.now())
        assert again.id != row.id, "a change while the old state is on its way is shown afterwards"
        shown = mail.ref(tx, "feature", "a", "card", channel="C1")
        assert shown is not None
        assert (shown.ts, shown.rendered_sha, shown.entity_version) == ("1.0", "s", 3)
        at = mail.ref_at(tx, "C1", "1.0")
        assert at is not None
        assert at.entity_id == "a"
        assert mail.ref_at(tx, "C2", "1.0") is None
        post = a_post(tx, services)
        assert {row.id for row in mail.due(tx, services.clock.now())} == {again.id, post.id}, (
            "a message that is only updated does not hold up its channel"
        )
