"""Every handler, over signed HTTP and over Socket Mode: answered once, however often the same thing is delivered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bot import commands
from bot.manifest import SHORTCUTS
from bot.router import REGISTRY
from bot.verbs import MENU, VERBS
from engine.services import Services
from engine.store import deeds, features
from tests.slack.bot import stories
from tests.slack.bot.carried import Carrier
from tests.slack.bot.wire import Wire, wired
from tests.slack.standin.rooms import Served
from tests.waiting import eventually

TIMES = 4


def test_every_handler_has_a_story_and_the_manifest_offers_every_shortcut() -> None:
    commands.load()
    assert set(REGISTRY.commands) == {MENU, *(verb.name for verb in VERBS)}
    assert set(REGISTRY.buttons) == set(stories.BUTTONS)
    assert set(REGISTRY.forms) == set(stories.FORMS)
    assert set(REGISTRY.shortcuts) == {callback for callback, *_ in SHORTCUTS}


def test_the_same_delivery_four_times_at_once_is_answered_once_by_every_handler(wire: Wire, carried: Carrier) -> None:
    stories.set_up(wire)
    for name, delivery in stories.every(wire):
        before, done = told(wire), deeds_of(wire)
        with ThreadPoolExecutor(TIMES) as pool:
            answers = list(pool.map(carried.send, [delivery] * TIMES))
        assert {status for status, _ in answers} == {200}, name
        wire.idle()
        is_told = name not in ("form use_file", "button home.page") and not any("errors" in said for _, said in answers)
        if is_told:
            eventually(lambda seen=before: told(wire) > seen)
        assert told(wire) - before == int(is_told), name
        assert deeds_of(wire) - done <= 1, name


def test_after_a_restart_what_was_taken_before_is_taken_no_more(services: Services, room: Served) -> None:
    with wired(services, room) as wire:
        stories.set_up(wire)
        deliveries = dict(stories.every(wire))
        for name, delivery in deliveries.items():
            assert wire.send(delivery)[0] == 200, name
            wire.idle()
        wire.settle()
        before = told(wire), deeds_of(wire), len(wire.posted())
    with wired(services, room) as again:
        for name, delivery in deliveries.items():
            assert again.send(delivery)[0] == 200, name
        again.idle()
        again.settle()
        assert (told(again), deeds_of(again), len(again.posted())) == before


def told(wire: Wire) -> int:
    """How often the person was told something alone, or a form was opened for them."""
    alone = [one for where in ("C1", wire.dm("U1")) for one in wire.blocks("U1", where) if one.get("is_ephemeral")]
    return len(alone) + len(wire.calls("views.open"))


def deeds_of(wire: Wire) -> int:
    """How many deeds there are; the chain of them holds."""
    with wire.desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None
        return sum(len(deeds.of_feature(tx, one.id or 0, limit=1_000)) for one in features.every(tx))
