"""What a team lists, when a shutdown is told, and why retraining is due."""

from __future__ import annotations

from datetime import date

import pytest

from engine.rules.watch import models, notice, retrain_due, shutdowns


def test_a_list_of_models_names_each_once() -> None:
    assert models(" gpt-5-mini, gpt-5-nano ,gpt-5-mini,") == ("gpt-5-mini", "gpt-5-nano")
    assert models("") == ()
    with pytest.raises(ValueError, match="'two words'"):
        models("two words")


def test_shutdown_days_are_read_by_model() -> None:
    assert shutdowns("gpt-4o-mini=2027-01-31, ticket-router = 2027-03-01") == {
        "gpt-4o-mini": date(2027, 1, 31),
        "ticket-router": date(2027, 3, 1),
    }
    assert shutdowns("") == {}
    for broken in ("gpt-4o-mini", "gpt-4o-mini=soon"):
        with pytest.raises(ValueError, match="2027-01-31 is needed"):
            shutdowns(broken)


@pytest.mark.parametrize(
    ("days", "said"), [(181, None), (180, 180), (91, 180), (90, 90), (80, 90), (30, 30), (7, 7), (0, 7), (-3, 7)]
)
def test_a_shutdown_is_told_at_four_moments(days: int, said: int | None) -> None:
    assert notice(days) == said


def test_retraining_is_due_by_age_by_calls_passed_on_and_by_other_labels() -> None:
    def due(**known: object) -> tuple[str, ...]:
        usual: dict[str, object] = {
            "days_old": 91, "cadence_months": 3.0, "escalation": 0.14, "first": 0.1, "changed": (),
        }  # fmt: skip
        return retrain_due(**{**usual, **known})  # type: ignore[arg-type]

    assert due() == ()
    assert due(days_old=92) == ("92 days since it was trained, 91 planned",)
    assert due(escalation=0.151) == ("far more calls are passed on than at the start",)
    assert due(changed=["urgent"]) == ("the labels changed: urgent",)
    assert (
        due(days_old=None, escalation=None) == due(first=None, escalation=0.9) == due(first=0.0, escalation=0.9) == ()
    )
