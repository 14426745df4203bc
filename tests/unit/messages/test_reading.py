"""A reading says first what to do, then what is known of each condition, and how an unknown becomes known."""

from __future__ import annotations

from bot.blockkit.render import render
from bot.messages import examples, investigation, reading
from engine.desk.readiness import Signature
from tests.unit.messages.reading import buttons


def test_the_first_line_is_the_answer_with_what_the_baseline_costs() -> None:
    lines = {
        "STAY": "Stay with prompting: ticket-router fails volume. The baseline costs $2.20 a month.",
        "NEED_EVIDENCE": "Not enough evidence, so stay with prompting: volume of ticket-router is unknown. "
        "The baseline costs $2.20 a month.",
        "INVESTIGATE": "Worth investigating: nothing known speaks against a tuned model for ticket-router. "
        "The baseline costs $2.20 a month.",
    }
    status = {"STAY": "fail", "NEED_EVIDENCE": "unknown", "INVESTIGATE": "pass"}
    for outcome, line in lines.items():
        volume = reading.example().conditions[0].model_copy(update={"status": status[outcome]})
        found = reading.example(outcome=outcome, conditions=(volume,), month_spend_usd=2.2, next_measurement="")
        assert render(reading.reading(found)).said.splitlines()[0] == line


def test_every_condition_has_a_line_with_value_limit_and_remedy() -> None:
    text = render(reading.ReadingMessage.example()).said

    for one in reading.example().conditions:
        assert f"{one.status}: {one.name}: {one.value}; needs: {one.threshold}." in text
        assert one.how_to_fix in text
    assert "Cheapest to measure next: operations. Run the probes: evals_green, rollback_drilled." in text
    assert "Can be signed: audited_rows, audit_kappa, evals_green, rollback_drilled:" in text


def test_evidence_stands_in_the_table() -> None:
    told = str(render(reading.ReadingMessage.example()).blocks)

    assert "[traffic to 2026-11-02]" in told
    assert "[on_call signed: the team has a rota]" in told
    assert "<@U0ANN>" in told


def test_only_what_is_worth_it_offers_to_start() -> None:
    assert buttons(render(reading.reading(reading.example())).blocks) == {}
    found = render(reading.reading(reading.example(outcome="INVESTIGATE", next_measurement="")))
    assert buttons(found.blocks) == {"Investigate": ("verb.run", "investigate ticket-router")}


def test_the_page_is_linked_only_where_there_is_an_address() -> None:
    found = render(reading.ReadingMessage.example())

    assert "Open the page" in buttons(found.blocks)
    assert "Page: https://assay.example/readings/ticket-router/" in found.said
    assert "Page:" not in render(reading.reading(reading.example())).said


def test_an_override_that_waits_says_how_it_is_approved() -> None:
    asked = Signature(subject="tenure", by="U0ANN", on="2026-11-02", reason="launch is fixed")
    tenure = reading.example().conditions[-1].model_copy(update={"status": "fail", "override": asked})
    text = render(reading.reading(reading.example(conditions=(tenure,)))).said

    assert "An approver says: /assay ready ticket-router approve condition=tenure" in text
    assert "until 2027-01-01" in render(reading.ReadingMessage.example()).said


def test_simulated_and_unknown_money_say_so() -> None:
    assert "a month (simulated)." in render(reading.reading(reading.example(simulated=True))).said
    unknown = reading.example(money=None, month_spend_usd=None)
    assert "What a tuned model would save is unknown" in render(reading.reading(unknown)).said


def test_the_quote_begins_with_the_reading() -> None:
    text = render(investigation.quoted(examples.quote())).said

    assert text.startswith("Readiness: Stay with prompting: ticket-router fails volume, low_volume.")
