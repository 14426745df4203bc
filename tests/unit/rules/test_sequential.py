"""Known answers are docs/rules.md 11's, summed there term by term; error rates are in test_simulations.py."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.sequential import (
    StageCounts,
    StageScores,
    log_e_harm,
    log_e_mismatch,
    log_e_paired,
    log_e_safe,
    requests_needed,
)

NAN = math.nan
ONE = StageCounts(0.01, 0.03, 12, 188, 594, 19206)
EVEN = StageCounts(0.5, 0.03, 300, 9700, 300, 9700)

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: log_e_harm([StageCounts(0.5, 0.03, 450, 9550, 300, 9700)]), 12.85385),
    (lambda: log_e_harm([ONE]), 1.174012),
    (lambda: log_e_harm([]), 0),
    (lambda: log_e_harm([ONE, StageCounts(0.05, 0.03, 40, 960, 570, 18430)]), 2.066746),
    (lambda: log_e_harm([StageScores(0.5, 0.1, (0.2, 0, 0.05), (0.1, 0.1, 0, 0.3))]), -0.02221991),
    (lambda: log_e_safe([EVEN], 0.01), 6.118205),
    (lambda: log_e_safe([], 0.01), 0),
    (lambda: log_e_paired(50, 50, 900, 0.02), 0.906206),
    (lambda: log_e_paired(60, 40, 900, 0.02), 5.434212),
    (lambda: log_e_paired(40, 60, 900, 0.02, "worse"), -0.4130256),
    (lambda: log_e_paired(0, 0, 0, 0.02), 0),
    (lambda: log_e_mismatch(400, 9600, 0.05), 9.070277),
    (lambda: log_e_mismatch(5000, 5000, 0.5), -1.199175),
    (lambda: log_e_mismatch(0, 0, 0.05), 0),
    (lambda: requests_needed(0.03, 0.03, 0.5, 0.01), 11816),
    (lambda: requests_needed(0.03, 0.06, 0.5), 1929),
    (lambda: requests_needed(0.03, 0.03, 0.05, 0.02), 15547),
    (lambda: requests_needed(0, 1, 0.5), 1),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


scores = st.lists(st.floats(0, 1), max_size=6)


@given(scores, scores, st.randoms(use_true_random=False))
def test_units_may_come_in_any_order(tuned: list[float], baseline: list[float], shuffle: object) -> None:
    mixed = sorted(tuned, key=lambda _: shuffle.random())  # type: ignore[attr-defined] # hypothesis's Random
    first = log_e_harm([StageScores(0.25, 0.1, tuned, baseline)])
    assert log_e_harm([StageScores(0.25, 0.1, mixed, baseline[::-1])]) == pytest.approx(first, abs=1e-9)


counts = st.integers(0, 300)


@given(counts, counts, counts, counts)
def test_counts_are_scores_of_nought_and_one(a: int, b: int, c: int, d: int) -> None:
    counted = StageCounts(0.05, 0.03, a % 9, b % 9, c % 9, d % 9)
    scored = StageScores(0.05, 0.03, [1.0] * (a % 9) + [0.0] * (b % 9), [1.0] * (c % 9) + [0.0] * (d % 9))
    assert log_e_harm([counted]) == pytest.approx(log_e_harm([scored]), abs=1e-9)
    assert log_e_safe([counted], 0.02) == pytest.approx(log_e_safe([scored], 0.02), abs=1e-9)


@given(counts, counts, counts, counts)
def test_stages_of_equal_share_add_up(a: int, b: int, c: int, d: int) -> None:
    parts = [StageCounts(0.5, 0.1, a, b, c, d), StageCounts(0.5, 0.1, d, c, b, a)]
    whole = StageCounts(0.5, 0.1, a + d, b + c, c + b, d + a)
    assert log_e_harm(parts) == pytest.approx(log_e_harm([whole]), abs=1e-6)


@given(counts, counts, counts)
def test_a_bad_tuned_unit_never_lowers_the_evidence_of_harm(bad: int, good: int, baseline: int) -> None:
    before = log_e_harm([StageCounts(0.5, 0.1, bad, good, 10, baseline)])
    assert log_e_harm([StageCounts(0.5, 0.1, bad + 1, good, 10, baseline)]) > before


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("margin", lambda: log_e_safe([EVEN], 0)),
    ("margin", lambda: log_e_safe([EVEN], 1)),
    ("tolerance", lambda: log_e_harm([EVEN], -0.1)),
    ("tolerance", lambda: log_e_harm([EVEN], 1)),
    ("share", lambda: log_e_harm([StageCounts(1, 0.03, 1, 1, 1, 1)])),
    ("base_rate", lambda: log_e_harm([StageCounts(0.5, 1.03, 1, 1, 1, 1)])),
    ("tuned_bad", lambda: log_e_harm([StageCounts(0.5, 0.03, -1, 1, 1, 1)])),
    ("baseline_good", lambda: log_e_harm([StageCounts(0.5, 0.03, 1, 1, 1, 0.5)])),  # type: ignore[arg-type] # the claim
    (r"tuned\[0\]", lambda: log_e_harm([StageScores(0.5, 0.03, [1.5], [])])),
    (r"baseline\[1\]", lambda: log_e_harm([StageScores(0.5, 0.03, [], [0, NAN])])),
    ("candidate_only", lambda: log_e_paired(-1, 0, 0, 0.02)),
    ("margin", lambda: log_e_paired(1, 0, 0, 1)),
    ("direction", lambda: log_e_paired(1, 0, 0, 0.02, "better")),
    ("share", lambda: log_e_mismatch(1, 1, 0)),
    ("strength", lambda: log_e_mismatch(1, 1, 0.5, 0)),
    ("tuned_units", lambda: log_e_mismatch(-1, 1, 0.5)),
    ("gap", lambda: requests_needed(0.03, 0.04, 0.5, 0.01)),
    ("bound", lambda: requests_needed(0.03, 0.04, 0.5, -0.01)),
    ("alpha", lambda: requests_needed(0.03, 0.06, 0.5, alpha=1)),
    ("tuned_rate", lambda: requests_needed(0.03, NAN, 0.5)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
