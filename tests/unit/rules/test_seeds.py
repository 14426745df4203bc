"""A score over seeds: mean, lowest, highest; and whether seeds would be found differently."""

from __future__ import annotations

import pytest

from engine.rules.seeds import OverSeeds, hangs, over_seeds


def test_a_spread_is_of_the_seeds_that_have_a_score() -> None:
    assert over_seeds([0.5, None, 0.7]) == OverSeeds(pytest.approx(0.6), 0.5, 0.7)  # type: ignore[arg-type] # compares as a float
    assert over_seeds([0.5, None]) is None
    with pytest.raises(ValueError, match="score"):
        over_seeds([0.5, 1.2])


def test_a_verdict_hangs_on_the_seed_where_two_are_found_differently_and_not_where_one_is_not_told() -> None:
    assert hangs(["better", "not_worse", "better"])
    assert not hangs(["better", "", "better"])
    assert not hangs(["", ""])
