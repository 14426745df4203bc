"""The board of dev moves only for a surely better score."""

from __future__ import annotations

import numpy as np
import pytest

from engine.rules.leaderboard import Entry, Leaderboard, Line, leaderboard


def test_a_new_best_must_pass_the_old_by_its_standard_error() -> None:
    found = leaderboard([Entry("a", 0.6, 300), Entry("b", 0.62, 300), Entry("c", 0.7, 300), Entry("d", 0.5, 300)])
    # sqrt(.62 * .38 / 300) = .0280: .62 does not pass .60 by that; .70 does
    assert found == Leaderboard(
        (Line("a", 0.6, True), Line("b", 0.6, False), Line("c", 0.7, True), Line("d", 0.7, False)), 0.7
    )


def test_the_best_of_earlier_runs_on_the_same_rows_counts() -> None:
    assert leaderboard([Entry("a", 0.6, 300)], before=0.7) == Leaderboard((Line("a", 0.7, False),), 0.7)
    assert leaderboard([]) == Leaderboard((), None)


@pytest.mark.parametrize("entry", [Entry("a", 1.1, 300), Entry("a", 0.5, 0)])
def test_broken_entries_are_refused(entry: Entry) -> None:
    with pytest.raises(ValueError, match="must"):
        leaderboard([entry])


def test_four_hundred_random_guesses_climb_far_less_than_their_best() -> None:
    random = np.random.default_rng(3)
    scores = random.binomial(1_000, 0.5, 400) / 1_000
    shown = leaderboard([Entry(str(place), float(score), 1_000) for place, score in enumerate(scores)]).best
    assert shown is not None
    assert shown <= max(scores)
    assert shown - 0.5 < 0.05
