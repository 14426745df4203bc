"""chrF2 by hand from its definition (Popović 2015): the mean over run lengths of 5PR / (4P + R)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.likeness import likeness


def test_it_is_the_mean_of_f_scores_over_run_lengths() -> None:
    # "abcd" against "abce": runs of 1: 3 of 4 shared; of 2: 2 of 3; of 3: 1 of 2; of 4: none. P = R, so F = P.
    assert likeness("abcd", "abce") == pytest.approx((3 / 4 + 2 / 3 + 1 / 2 + 0) / 4)
    # "ab" is all within "abcd": P 1, R 1/2 for runs of 1 and P 1, R 1/3 for runs of 2
    assert likeness("abcd", "ab") == pytest.approx(((5 * 0.5) / (4 + 0.5) + (5 / 3) / (4 + 1 / 3)) / 2)


def test_spaces_do_not_count_and_an_empty_text_shares_nothing() -> None:
    assert likeness("a b\nc", "abc") == 1.0
    assert likeness("abc", "  ") == 0.0
    assert likeness("", "") == 1.0


@given(st.text(max_size=30), st.text(max_size=30))
def test_it_lies_between_none_and_the_same(expected: str, got: str) -> None:
    assert 0.0 <= likeness(expected, got) <= 1.0
    assert likeness(expected, expected) == 1.0
