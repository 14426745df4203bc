"""An eval is renewed a tenth at a time: the anchor stays, spent rows are opened no more, new rows are not worn."""

from __future__ import annotations

import pytest

from engine.rules.refresh import ANCHOR_ROWS, SealedRow, refresh


def rows(count: int, *, looks: int = 1, added_in: int = 1, first: int = 0) -> list[SealedRow]:
    return [SealedRow(n, f"c{n}", added_in, looks) for n in range(first, first + count)]


def test_a_tenth_leaves_for_as_many_that_came_and_the_anchor_stays() -> None:
    found = refresh([*rows(300), *rows(40, looks=0, added_in=2, first=300)], 40, "salt")
    assert (len(found.left), len(found.anchor), found.spent, found.worn) == (34, ANCHOR_ROWS, (), 1)
    assert not set(found.left) & set(found.anchor)
    assert max(found.left) < 300, "what came stays"


def test_no_more_leave_than_came() -> None:
    assert len(refresh([*rows(300), *rows(5, looks=0, added_in=2, first=300)], 5, "salt").left) == 5


def test_an_eval_as_small_as_its_anchor_loses_nothing() -> None:
    found = refresh([*rows(120), *rows(20, looks=0, added_in=2, first=120)], 20, "salt")
    assert (found.left, len(found.anchor)) == ((), 120)


def test_rows_three_looks_opened_are_spent_and_the_count_of_the_new_ones_starts_anew() -> None:
    found = refresh([*rows(300, looks=3), *rows(120, looks=0, added_in=2, first=300)], 120, "salt")
    assert len(found.spent) == 300
    assert (found.left, found.worn) == ((), 0)
    assert len(found.anchor) == ANCHOR_ROWS, "spent rows still tell whether the eval moved"


def test_the_look_to_come_is_that_of_the_most_worn_row() -> None:
    found = refresh([*rows(300, looks=2), *rows(40, looks=1, added_in=2, first=300)], 0, "salt")
    assert found.worn == 2


def test_the_oldest_leave_first_and_an_anchor_is_for_ever() -> None:
    old, young = rows(200, added_in=1), rows(200, added_in=2, first=200)
    first = refresh([*old, *young], 30, "salt")
    again = [SealedRow(r.id, r.cluster, r.added_in, 2, r.id in first.anchor) for r in (*old, *young)]
    second = refresh([row for row in again if row.id not in first.left], 30, "another salt")
    assert set(second.anchor) == set(first.anchor)
    assert all(one < 200 for one in (*first.left, *second.left)), "the oldest first"


def test_broken_input_is_named() -> None:
    for found, came, salt in (([], 1, "s"), (rows(3), -1, "s"), (rows(3), 1, "")):
        with pytest.raises(ValueError, match=r"rows|came|salt"):
            refresh(found, came, salt)
