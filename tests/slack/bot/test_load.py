"""Many at once while Slack is slow: everybody is acknowledged, nothing is lost. Figures of speed are `make bench`'s."""

from __future__ import annotations

from engine.desk import features
from tests.slack.bot.wire import Wire
from tests.slack.standin.rooms import eventually

AT_ONCE = 64
LONGEST_SECONDS = 3.0  # after which Slack shows a person that the app did not answer


def test_sixty_four_at_once_are_acknowledged_while_every_call_takes_a_second(wire: Wire) -> None:
    wire.room.post("/_faults", {"method": "*", "kind": "slow", "seconds": 1.0, "times": 100_000})
    words = [f"register f-{number} model=m prompt=x labels=a,b" for number in range(AT_ONCE - 4)]
    deliveries = [wire.command(line, f"U{1 + number % 4}") for number, line in enumerate(words)]
    deliveries += [wire.command("register", f"U{number}") for number in range(1, 5)]
    answers = wire.at_once(deliveries)
    assert [status for status, _ in answers] == [200] * AT_ONCE
    assert max(seconds for *_, seconds in wire.acked) < LONGEST_SECONDS
    eventually(lambda: len(features.every(wire.desk)) == AT_ONCE - 4, 30)
    assert {body for _, body in answers} == {""}
