"""A poll that is let down is tried again for a day, and not longer; a rejected key is not tried again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.errors import KeyRejected, Unavailable, WorkFailed
from engine.flows.patience import patient


class Waiting:
    """Counts what it waited; also the clock."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)

    def clock(self) -> float:
        return sum(self.waits)


def answering_after(failures: int, error: Exception) -> Callable[[], str]:
    left = iter(range(failures))

    def answer() -> str:
        if next(left, None) is None:
            return "done"
        raise type(error)(str(error))  # anew: one raised a thousand times drags all of its traces along

    return answer


def test_a_poll_that_fails_is_tried_again_ever_more_slowly() -> None:
    waiting = Waiting()
    assert patient(answering_after(8, Unavailable("away")), wait=waiting, clock=waiting.clock) == "done"
    assert waiting.waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_after_a_day_it_is_given_up() -> None:
    waiting = Waiting()
    with pytest.raises(Unavailable):
        patient(answering_after(10_000, Unavailable("away")), wait=waiting, clock=waiting.clock)
    assert 24 * 3600 <= waiting.clock() < 24 * 3600 + 61


@pytest.mark.parametrize("error", [KeyRejected("401"), WorkFailed("it broke")])
def test_what_no_waiting_mends_is_told_at_once(error: Exception) -> None:
    waiting = Waiting()
    with pytest.raises(type(error)):
        patient(answering_after(1, error), wait=waiting, clock=waiting.clock)
    assert waiting.waits == []
