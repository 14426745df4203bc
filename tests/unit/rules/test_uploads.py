"""How many labels to upload so that a part grows: the arithmetic, and that it comes true when groups fall by hash."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.uploads import Parting, about, rows_missing, uploads_needed


def test_a_part_needs_its_share_and_some_more_for_luck() -> None:
    # G s - .8416 sqrt(G s (1 - s)) = 1163 at s = .2: G = 5,945, by hand: 1189 - 25.96
    assert uploads_needed(1163, 0.2) == 5945
    assert uploads_needed(0, 0.2) == 0
    assert uploads_needed(10, 1.0) == 10
    assert uploads_needed(1163, 0.2, chance=0.5) == 1163 * 5


def test_large_groups_fall_together_so_more_are_needed() -> None:
    assert uploads_needed(200, 0.2, rows_per_group=20.0) > uploads_needed(200, 0.2)


@pytest.mark.parametrize(("rows", "share", "size"), [(63, 0.2, 1), (1163, 0.2, 1), (300, 0.4, 5), (200, 0.3, 12)])
def test_four_uploads_of_five_bring_the_rows(rows: int, share: float, size: int) -> None:
    groups = math.ceil(uploads_needed(rows, share, rows_per_group=float(size)) / size)
    fallen = size * np.random.default_rng(3).binomial(groups, share, 20_000)
    assert 0.77 <= float((fallen >= rows).mean()) <= 0.86


@given(st.integers(0, 5_000), st.integers(0, 500), st.floats(0.02, 1.0), st.floats(1.0, 50.0))
def test_more_rows_or_a_smaller_share_never_need_fewer_labels(rows: int, more: int, share: float, size: float) -> None:
    needed = uploads_needed(rows, share, rows_per_group=size)
    assert needed <= uploads_needed(rows + more, share, rows_per_group=size)
    assert needed <= uploads_needed(rows, share / 2, rows_per_group=size)


def test_what_is_missing_is_counted_in_labels_to_upload_not_in_rows_of_a_part() -> None:
    parting = Parting(dev=0.15, sealed=0.4)
    assert parting.train == pytest.approx(0.45)
    assert rows_missing(300, 200, 700, parting=parting) == 0
    assert rows_missing(300, 150, 700, parting=parting) == uploads_needed(50, 0.4)
    assert rows_missing(120, 150, 700, parting=parting) == uploads_needed(180, 1 - 0.15 - 0.4)
    assert rows_missing(0, 0, 0) == 600
    assert rows_missing(290, 400, 800) == 1


def test_counts_are_told_in_two_figures_never_too_few() -> None:
    assert [about(count) for count in (0, 7, 63, 100, 1163, 1200, 5994)] == [0, 7, 63, 100, 1200, 1200, 6000]


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("rows is -1", lambda: uploads_needed(-1, 0.2)),
        ("share is 0", lambda: uploads_needed(1, 0.0)),
        ("share is 1.1", lambda: uploads_needed(1, 1.1)),
        ("rows_per_group is 0.5", lambda: uploads_needed(1, 0.2, rows_per_group=0.5)),
        ("chance is 0.4", lambda: uploads_needed(1, 0.2, chance=0.4)),
        ("train is -1", lambda: rows_missing(-1, 0, 0)),
        ("count is -1", lambda: about(-1)),
    ],
)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
