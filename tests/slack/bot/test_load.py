"""Many at once while Slack is slow: everybody is acknowledged, nothing is lost. Speed is measured by benchmarks."""

from __future__ import annotations

from engine.desk import features
from tests.slack.bot.wire import Wire
from tests.waiting import eventually

AT_ONCE = 64  # as many as the bot has threads
FORMS = 4


def test_sixty_four_at_once_are_acknowledged_and_done_while_slack_is_slow(wire: Wire) -> None:
    wire.room.post("/_faults", {"method": "*", "kind": "slow", "seconds": 0.3, "times": 100_000})
    words = [f"register f-{number} model=m prompt=x labels=a,b" for number in range(AT_ONCE - FORMS)]
    deliveries = [wire.command(line, f"U{1 + number % 4}") for number, line in enumerate(words)]
    deliveries += [wire.command("register", f"U{number + 1}") for number in range(FORMS)]
    assert wire.at_once(deliveries) == [(200, "")] * AT_ONCE
    eventually(lambda: _done(wire) + _told_busy(wire) == AT_ONCE)
    assert _done(wire) >= AT_ONCE / 2  # on a starved machine some are told to try again; most never are


def _done(wire: Wire) -> int:
    return len(features.every(wire.desk)) + len(wire.calls("views.open"))


def _told_busy(wire: Wire) -> int:
    return sum("busy" in text for person in range(1, 5) for text in wire.seen(f"U{person}"))
