"""The majority of several samples wins; ties, invalid samples and silence have rules of their own."""

from __future__ import annotations

import random

import pytest

from engine.rules.votes import Vote, majority


@pytest.mark.parametrize(
    ("answers", "vote"),
    [
        (["17", "18", "17", "19", "17"], Vote(0, 0.6)),
        (["18", "17", "17"], Vote(1, 2 / 3)),
        (["18", "17", "17", "18", "19"], Vote(0, 0.4)),  # of as many votes, the one that came first
        ([None, None, None, "17", None], Vote(3, 0.2)),  # an invalid sample has no vote, and stays in the count
        ([None, "18", "17", None], Vote(1, 0.25)),
        ([None, None], Vote(None, 0.0)),
        (["17"], Vote(0, 1.0)),
    ],
)
def test_the_answer_that_most_samples_gave_wins(answers: list[str | None], vote: Vote) -> None:
    assert majority(answers) == vote


def test_no_samples_are_no_vote() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        majority([])


def test_a_tie_is_a_fair_draw_over_the_order_of_samples() -> None:
    draw = random.Random(3)
    won = 0
    for _ in range(2_000):
        samples = ["17", "17", "18", "18", "19"]
        draw.shuffle(samples)
        won += samples[majority(samples).winner or 0] == "17"
    assert 0.45 < won / 2_000 < 0.55
