"""What the sealed rows can prove, said before anything is paid."""

from __future__ import annotations

import pytest

from engine.rules.outlook import outlook
from engine.rules.planner import pairs_needed
from engine.rules.power import EvalPolicy


def test_label_only_disagreements_as_in_the_rules() -> None:
    # docs/rules.md 5: at 12 % disagreement some 236 of 1,963 pairs need a label; here at the alpha of look 1
    plan = outlook(2_500, 0.02, 1, disagreement=0.10, apart=0.12)
    assert plan.rows_needed == pairs_needed(0.10, 0.02, alpha=0.02) == 2096
    assert plan.labels_needed == 252
    assert plan.labels_saved == 2096 - 252
    assert plan.is_enough
    assert plan.is_measured


def test_without_a_measurement_the_policys_assumption_is_planned_for() -> None:
    plan = outlook(300, 0.02, 1)
    assert plan.disagreement == 0.42
    assert not plan.is_measured
    assert not plan.is_enough
    assert plan.labels_saved == plan.rows_needed - plan.labels_needed > 0


def test_the_rows_there_prove_the_margin_they_are_said_to() -> None:
    plan = outlook(300, 0.02, 1)
    # (2.053749 + .841621) * sqrt(.42 / 300), by hand
    assert plan.provable == pytest.approx(0.108335, abs=1e-5)
    assert outlook(300, plan.provable, 1).rows_needed in (300, 301)


def test_later_looks_need_more_rows() -> None:
    needed = [outlook(300, 0.05, look).rows_needed for look in (1, 2, 3)]
    assert needed == sorted(set(needed))


def test_no_disagreement_is_not_taken_at_its_word_and_the_least_rows_stay() -> None:
    plan = outlook(400, 0.05, 1, disagreement=0.0)
    assert plan.disagreement == 1 / 400
    assert plan.rows_needed == EvalPolicy().sealed_rows_least
    assert plan.labels_needed == 0


@pytest.mark.parametrize(("rows", "margin", "look"), [(0, 0.02, 1), (300, 0.0, 1), (300, 0.02, 4)])
def test_what_cannot_be_planned_is_refused(rows: int, margin: float, look: int) -> None:
    with pytest.raises(ValueError, match="is"):
        outlook(rows, margin, look)
