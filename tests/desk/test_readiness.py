"""A reading is measured or signed for; unknown is never a pass, and prompting is the default."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.desk import Desk, features, investigations, readiness
from engine.desk import policies as policy_rows
from engine.models.investigation import Effort
from engine.models.statement import StatementKind
from engine.store import features as feature_rows
from engine.store import policies, readings, statements
from tests.builders import ASKER, SHELL, SLUG, a_feature
from tests.desk.ready import SIGNED, a_measured_feature, odd, signed, traffic

# For each condition a signature that makes it fail, and what it breaks besides; those measured follow below.
BROKEN = {
    "narrow": ("top_template_share", "0.5"),
    "broad": ("valid_output_share", "0.5"),
    "data": ("audit_kappa", "0.1"),
    "stable": ("drift_alarms_3m", "4"),
    "wall": ("prompted_quality_high", "0.99"),
    "subjective": ("annotator_alpha", "0.2"),
    "evolving": ("attested_stable_days", "10"),
    "operations": ("on_call", "no"),
}


def test_a_thousand_calls_a_month_stay_with_prompting_and_name_the_spend(desk: Desk) -> None:
    a_measured_feature(desk, calls_a_month=1_000)
    found = signed(desk)
    assert found.outcome == "STAY"
    assert odd(found)["volume"] == "fail"
    assert odd(found)["low_volume"] == "fail"
    assert found.month_spend_usd == pytest.approx(2.2, rel=0.02)
    volume = next(one for one in found.conditions if one.name == "volume")
    assert volume.how_to_fix == f"Stay with prompting: the baseline costs ${found.month_spend_usd:,.2f} a month."


def test_a_million_calls_with_all_evidence_are_worth_investigating(desk: Desk) -> None:
    a_measured_feature(desk)
    found = signed(desk)
    assert odd(found) == {}
    assert found.outcome == "INVESTIGATE"
    assert found.money is not None
    assert found.money.npv_low_usd < found.money.npv_median_usd < found.money.npv_high_usd


@pytest.mark.parametrize("condition", BROKEN)
def test_flipping_any_signed_condition_flips_the_answer(desk: Desk, condition: str) -> None:
    a_measured_feature(desk)
    fact, value = BROKEN[condition]
    found = signed(desk, **{fact: value})
    assert found.outcome == "STAY"
    assert odd(found)[condition] == "fail"


@pytest.mark.parametrize(
    ("condition", "measured"),
    [
        ("volume", {"calls_a_month": 9_000}),
        ("low_volume", {"calls_a_month": 9_000}),
        ("saving", {"calls_a_month": 60_000}),
        ("worth", {"calls_a_month": 120_000}),
        ("tenure", {"live": 60}),
        ("data", {"rows": 700}),
    ],
)
def test_flipping_any_measured_condition_flips_the_answer(desk: Desk, condition: str, measured: dict[str, int]) -> None:
    a_measured_feature(desk, **measured)
    found = signed(desk)
    assert found.outcome == "STAY"
    assert odd(found)[condition] == "fail"


def test_removing_any_signature_gives_not_enough_evidence(desk: Desk) -> None:
    a_measured_feature(desk)
    signed(desk)
    for fact in SIGNED.keys() - {"material_changes_90d", "month_budget_usd"}:  # those are measured, or one arm of two
        with desk.services.database.write() as tx:
            feature_id = feature_rows.by_slug(tx, SLUG).id or 0
            row = statements.newest(tx, feature_id, StatementKind.ANSWER)[fact]
            row.expires_at = row.at
            tx.add(row)
        found = readiness.read(desk, SLUG)
        assert found.outcome == "NEED_EVIDENCE", fact
        assert found.next_measurement in odd(found)
        assert any(fact in one.missing for one in found.conditions)
        signed(desk, **{fact: SIGNED[fact]})


@pytest.mark.parametrize("measured", [{"days": 0}, {"days": 20}, {"rows": 0}])
def test_removing_what_is_measured_gives_not_enough_evidence(desk: Desk, measured: dict[str, int]) -> None:
    a_measured_feature(desk, **measured)
    found = signed(desk)
    assert found.outcome == "NEED_EVIDENCE"


def test_calls_without_a_price_leave_the_money_unknown(desk: Desk) -> None:
    a_measured_feature(desk, days=0)
    traffic(desk, calls_a_month=1_000_000, days=120, unpriced=1)
    found = signed(desk)
    assert found.outcome == "NEED_EVIDENCE"
    assert found.month_spend_usd is None
    assert found.money is None
    assert {"saving", "worth", "volume", "low_volume"} <= set(odd(found))


def test_a_new_feature_knows_next_to_nothing(desk: Desk) -> None:
    a_feature(desk)
    found = readiness.read(desk, SLUG)
    assert found.outcome == "STAY"  # live since today: too young
    assert odd(found)["tenure"] == "fail"
    assert set(odd(found).values()) == {"fail", "unknown"}
    assert len(found.conditions) == 13


def test_old_traffic_says_nothing_of_today(desk: Desk) -> None:
    a_measured_feature(desk, days=0)
    traffic(desk, calls_a_month=1_000_000, days=90, ended_days_ago=70)
    assert odd(signed(desk))["volume"] == "unknown"


def test_a_reading_never_blocks_an_investigation_and_stands_above_its_quote(desk: Desk) -> None:
    a_measured_feature(desk, calls_a_month=1_000, live=3)
    quote = investigations.quote(desk, SLUG, budget_usd=50, effort=Effort.QUICK)
    assert quote.reading == "STAY"
    assert "volume" in quote.reading_names
    assert quote.month_spend_usd == pytest.approx(2.2, rel=0.02)
    assert investigations.start(desk, ASKER, SLUG).state == "queued"


def test_a_feature_registered_long_ago_has_its_changes_counted(desk: Desk) -> None:
    a_measured_feature(desk)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        for number in range(2):
            body: dict[str, Any] = {
                "model": f"m{number}",
                "prompt": "p",
                "base_url": "http://x.example",
                "parameters": {},
            }
            feature_rows.add_baseline(tx, feature.id or 0, body=body, at=desk.services.clock.now())
    assert odd(signed(desk))["stable"] == "fail"
    assert features.show(desk, SLUG).model == "m1"
    assert date.fromisoformat(features.show(desk, SLUG).live_since) < desk.services.clock.now().date()


def test_each_reading_asked_for_is_kept_with_the_policy_it_was_judged_by(desk: Desk) -> None:
    a_measured_feature(desk)
    first = readiness.ask(desk, ASKER, SLUG)
    assert first.before is None
    readiness.read(desk, SLUG)  # as a page does: nothing is kept
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        (kept,) = readings.every(tx, feature_id)
        policy = policies.current(tx, feature_id)
    assert (kept.by, kept.outcome, kept.run_id) == (ASKER.id, first.outcome, None)
    assert (kept.policy_hash, kept.price_snapshot) == (policy.sha, first.price_snapshot)
    assert kept.conditions == {one.name: one.status for one in first.conditions}
    assert kept.facts["label_rows"] == 1_300
    assert kept.facts["audit_kappa"] is None


def test_a_reading_says_what_is_another_than_at_the_last(desk: Desk) -> None:
    a_measured_feature(desk)
    readiness.ask(desk, ASKER, SLUG)
    same = readiness.ask(desk, ASKER, SLUG).before
    assert same is not None
    assert (same.by, same.outcome, same.changes, same.policy_changed) == (ASKER.id, "NEED_EVIDENCE", (), False)
    signed(desk)
    policy_rows.change(desk, SHELL, SLUG, {"readiness_label_rows": "1100"})
    before = readiness.ask(desk, ASKER, SLUG).before
    assert before is not None
    assert before.policy_changed
    assert ("subjective", "unknown", "pass") in [(one.name, one.was, one.now) for one in before.changes]
    assert "volume" not in [one.name for one in before.changes]
    again = readiness.ask(desk, ASKER, SLUG).before
    assert again is not None
    assert (again.outcome, again.changes, again.policy_changed) == ("INVESTIGATE", (), False)
