"""What the page of a reading says: every condition, what is known of it, and how the unknown becomes known."""

from __future__ import annotations

from tests.unit.pages import whole
from tests.unit.pages.told import plain_reading, reading_page, text_of


def test_the_reading_tells_every_condition_and_how_to_know_it() -> None:
    html = plain_reading()
    text = text_of(html)

    assert "Not enough evidence, so stay with prompting: data, operations of ticket-router are unknown." in text
    assert (
        "Cheapest to measure next: operations. Run the probes: evals_green, rollback_drilled. Drill a rollback: "
        in text
    )
    assert "on_call = yes, signed by @U0ANN on 2026-11-02: the team has a rota" in text
    assert "Can be signed: audited_rows, audit_kappa" in text
    assert "sign fact=audited_rows value=…" in text
    assert '<span class="red">Overridden until 2027-01-01: asked by @U0ANN, approved by @U0BO: launch is fixed' in html
    assert "Overridden: tenure." in text
    assert 'href="/reports/inv-7k3mq9ab/k"' in html


def test_a_reading_without_money_says_unknown_and_draws_nothing() -> None:
    bare = whole.feature_report(forecast=None, saving_low=None, saving_median=None, calls_per_month=None, call_usd=None)
    html = reading_page(more=bare, money=None, month_spend_usd=None)

    assert "What a tuned model would save is unknown" in text_of(html)
    assert "<svg" not in html
    assert "Breaks even from unknown" in text_of(html)


def test_a_feature_nobody_signed_for_has_an_empty_history() -> None:
    text = text_of(reading_page(more=whole.feature_report(said=(), verdicts=())))

    assert "Nobody has signed or overridden anything." in text
    assert "No investigation has ended with a verdict yet." in text
