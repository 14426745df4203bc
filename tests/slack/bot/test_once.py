"""The same delivery, four times at one moment and again after a restart: one effect, and one answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.desk import investigations, labels, mail, roles
from engine.models.actor import Role
from engine.models.mail import Once
from engine.services import Services
from engine.store import deeds
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, a_feature, a_verdict, asked, csv_of, some_labels
from tests.slack.bot.wire import Delivery, Wire, wired
from tests.slack.standin.rooms import Served

REGISTER = f'register {SLUG} model=m prompt="Sort: {{{{ input }}}}" labels=a,b'


def by_words(wire: Wire) -> Delivery:
    return wire.command(REGISTER)


def by_form(wire: Wire) -> Delivery:
    said = {"slug": SLUG, "model": "m", "prompt": "Sort: {{ input }}", "labels": "a,b", "approach": "classify"}
    return wire.submission("register_feature", {name: {"value": value} for name, value in said.items()})


def by_message(wire: Wire) -> Delivery:
    dm = wire.dm("U1")
    return wire.event({"type": "message", "channel_type": "im", "user": "U1", "channel": dm, "text": REGISTER})


def confirm(wire: Wire) -> Delivery:
    a_feature(wire.desk)
    draft = labels.preview(wire.desk, ASKER, SLUG, "labels.csv", content=csv_of(range(30)))
    wire.settle()
    return wire.press(wire.posted()[-1]["ts"], "labels.confirm", draft.token)


def approve(wire: Wire) -> Delivery:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id)})
    a_verdict(wire.desk)
    token = asked(wire.desk)
    wire.settle()
    return wire.press(wire.posted()[-1]["ts"], "approval.approve", f"{token}.1", person=ANN.id)


def step_on(wire: Wire) -> Delivery:
    a_feature(wire.desk)
    a_verdict(wire.desk)
    return wire.command(f"rollout {SLUG} next")


def cancel(wire: Wire) -> Delivery:
    a_feature(wire.desk)
    some_labels(wire.desk, 1_000)
    run = investigations.start(wire.desk, ASKER, SLUG)
    wire.settle()
    return wire.press(wire.posted()[-1]["ts"], "investigation.cancel", run.run_id)


@pytest.mark.parametrize(
    ("make", "verb"),
    [
        (by_words, "register"),
        (by_form, "register"),
        (by_message, "register"),
        (confirm, "import labels"),
        (approve, "approve"),
        (step_on, "ask"),
        (cancel, "cancel"),
    ],
)
def test_four_at_once_and_again_after_a_restart_take_effect_once(
    services: Services, room: Served, make: Callable[[Wire], Delivery], verb: str
) -> None:
    with wired(services, room) as wire:
        delivery = make(wire)
        assert [status for status, _ in wire.at_once([delivery] * 4)] == [200] * 4
        wire.idle()
        wire.settle()
        after = wire.seen(), len(wire.calls("chat.postEphemeral"))
        told = effects(services, verb)
    assert told == 1
    with wired(services, room) as again:
        assert [status for status, _ in again.at_once([delivery] * 2)] == [200] * 2
        again.idle()
        again.settle()
        assert effects(services, verb) == 1
        assert (again.seen(), len(again.calls("chat.postEphemeral"))) == after, "and nobody is told a second time"


def effects(services: Services, verb: str) -> int:
    with services.database.read() as tx:
        assert deeds.broken_at(tx) is None
        return [deed.verb for deed in deeds.of_feature(tx, 1, limit=100)].count(verb)


def test_a_form_is_opened_once_for_one_command(wire: Wire) -> None:
    delivery = wire.command("register")
    assert [status for status, _ in wire.at_once([delivery] * 4)] == [200] * 4
    wire.idle()
    assert len(wire.calls("views.open")) == 1


@pytest.mark.parametrize("is_begun", [False, True])
def test_what_was_accepted_when_the_bot_died_is_done_by_the_next(
    services: Services, room: Served, *, is_begun: bool
) -> None:
    once = Once(team="T0DEMO", key="trigger", kind="command")
    place = {"person": "U1", "channel": "C1", "response_url": ""}
    with wired(services, room) as wire:
        row_id = mail.accept(wire.desk, once, {"kind": "words", "words": REGISTER, "place": place})
        if is_begun:
            assert mail.claim(wire.desk, mail.one(wire.desk, row_id))
    with wired(services, room) as wire:
        assert mail.recover(wire.desk) == int(is_begun)
        assert wire.bot.sender.step() == 0, "the thread that accepted it has a head start"
        wire.clock.move(seconds=3)
        assert wire.bot.sender.step() == 1
        assert effects(services, "register") == 1
        assert "registered" in wire.seen()[-1]
