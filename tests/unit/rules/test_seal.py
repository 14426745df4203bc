"""Known answers are docs/rules.md 11's."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.seal import NearCopy, ladder, look_alpha, near_copies, next_alpha, part, released_difference

T1 = "please refund my order number 12345 because it arrived broken on monday"
T2 = "Please refund my order number 12345, because it arrived broken on Tuesday!"
NAN, INF = math.nan, math.inf


def test_three_looks_share_two_and_a_half_percent() -> None:
    assert [look_alpha(look) for look in (1, 2, 3)] == [0.02, 0.004, 0.001]
    assert sum(look_alpha(look) for look in (1, 2, 3)) == pytest.approx(0.025)
    assert [next_alpha(look) for look in (1, 2, 3)] == [0.004, 0.001, 0.02]


@pytest.mark.parametrize("look", [0, 4, -1, 1.5, NAN, True])
def test_there_is_no_other_look(look: int) -> None:
    with pytest.raises(ValueError, match="look"):
        look_alpha(look)


def test_what_leaves_the_seal_is_rounded_to_its_own_noise() -> None:
    assert released_difference(0.0137, 0.3, 1000) == pytest.approx(0.009486833, abs=1e-6)
    assert released_difference(0.013, 0.05, 1000) == pytest.approx(0.015)
    assert released_difference(-0.013, 0.05, 1000) == pytest.approx(-0.015)


def test_the_ladder_shows_a_new_best_only_when_it_beats_the_noise() -> None:
    assert ladder(0.8, 0.81, 0.4, 1000) == 0.8
    assert ladder(0.8, 0.82, 0.4, 1000) == 0.82
    assert ladder(None, 0.5, 0.4, 10) == 0.5


def test_a_group_has_one_part() -> None:
    parts = [part(group, "seal-1", 0.15, 0.2) for group in ("cust-1", "cust-6", "cust-7")]
    assert parts == ["train", "dev", "sealed"]


@given(st.text(min_size=1))
def test_a_larger_sealed_share_takes_no_group_out_of_the_seal(group: str) -> None:
    if part(group, "s", 0.15, 0.2) == "sealed":
        assert part(group, "s", 0.15, 0.4) == "sealed"


def test_a_lightly_edited_text_is_a_near_copy() -> None:
    [copy] = near_copies([T1], [T2, "where is my parcel"])
    assert (copy.sealed, copy.other) == (0, 0)
    assert copy.similarity == pytest.approx(0.8181818, abs=1e-6)


def test_a_text_of_one_or_two_words_is_a_copy_only_as_a_whole() -> None:
    assert near_copies(["Hi there"], ["hi THERE!", "hi"]) == (NearCopy(0, 0, 1.0),)


def test_a_likeness_of_exactly_the_threshold_is_a_near_copy() -> None:
    assert near_copies(["a b c d"], ["a b c"], 0.5) == (NearCopy(0, 0, 0.5),)
    assert near_copies(["a b c d"], ["a b c"], 0.51) == ()


def test_nothing_need_be_left_to_train_on() -> None:
    assert {part(f"g{number}", "s", 0.5, 0.5) for number in range(50)} == {"dev", "sealed"}


def test_texts_without_words_are_compared_by_their_signs() -> None:
    assert near_copies(["👍", "?!"], ["👍 ", "..."]) == (NearCopy(0, 0, 1.0),)


def test_forms_of_a_letter_are_one_letter() -> None:
    assert near_copies(["Cafe\u0301 am Ring"], ["CAFÉ am ring", "ｃａｆé am ring"]) == (
        NearCopy(0, 0, 1.0),
        NearCopy(0, 1, 1.0),
    )


def test_copies_come_by_sealed_row_then_by_the_other() -> None:
    found = near_copies(["a b c d", "a b c e"], ["a b c e", "a b c d"], 0.3)
    assert [(copy.sealed, copy.other) for copy in found] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [(copy.sealed, copy.other) for copy in near_copies(["a b c d", "a b c e"], ["a b c e"])] == [(1, 0)]


def test_every_planted_copy_is_found_and_nothing_else() -> None:
    draw = random.Random(7)
    words = [f"w{number}" for number in range(5_000)]
    sealed = [[draw.choice(words) for _ in range(60)] for _ in range(300)]
    others = [[draw.choice(words) for _ in range(60)] for _ in range(4_000)]
    for row in range(100):
        others[row] = list(sealed[row])
        for place in draw.sample(range(60), 3 * (row % 2)):
            others[row][place] = draw.choice(words)
    found = near_copies([" ".join(text) for text in sealed], [" ".join(text) for text in others])
    assert {(copy.sealed, copy.other) for copy in found} == {(row, row) for row in range(100)}


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("difference", lambda: released_difference(NAN, 0.3, 10)),
    ("sd", lambda: released_difference(0.1, -0.3, 10)),
    ("rows", lambda: released_difference(0.1, 0.3, 0)),
    ("score", lambda: ladder(0.5, NAN, 0.1, 10)),
    ("best", lambda: ladder(INF, 0.5, 0.1, 10)),
    ("rows", lambda: ladder(None, 0.5, 0.1, -1)),
    ("group", lambda: part("", "s", 0.15, 0.2)),
    ("salt", lambda: part("g", "", 0.15, 0.2)),
    ("dev", lambda: part("g", "s", -0.1, 0.2)),
    ("sealed", lambda: part("g", "s", 0.1, 1.2)),
    ("together", lambda: part("g", "s", 0.6, 0.6)),
    ("sealed is empty", lambda: near_copies([], ["a"])),
    ("others is empty", lambda: near_copies(["a"], [])),
    ("threshold", lambda: near_copies(["a"], ["a"], 0)),
    ("threshold", lambda: near_copies(["a"], ["a"], 1.1)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
