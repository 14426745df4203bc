"""The verdict line comes first, and what is not known or not real says so."""

from __future__ import annotations

from typing import Any

import pytest

from bot.blockkit.render import render
from bot.messages import examples
from bot.messages.verdict import verdict
from tests.unit.messages.reading import buttons


def said(**changes: Any) -> str:
    return render(verdict(examples.judged(**changes))).said


@pytest.mark.parametrize(
    ("decision", "rows_needed", "reasons", "line"),
    [
        (
            "SHIP_BETTER",
            None,
            [],
            "Ship the tuned model on ticket-router: it is better than prompting, by +0.7 points.",
        ),
        (
            "SHIP_CHEAPER",
            None,
            [],
            "Ship the tuned model on ticket-router: it is not worse by more than 2 points, and cheaper.",
        ),
        (
            "NO_GO",
            None,
            ["worse by more than the margin"],
            "Stay with prompting on ticket-router: worse by more than the margin.",
        ),
        (
            "INCONCLUSIVE",
            1240,
            ["the interval holds the margin"],
            "Not enough evidence on ticket-router: about 1,240 further labels would settle it. "
            "Until then, stay with prompting.",
        ),
        (
            "INCONCLUSIVE",
            None,
            ["the money is not known", "cost_unknown"],
            "Not enough evidence on ticket-router: the money is not known; the cost is not known. "
            "More labels alone would not settle it; until then, stay with prompting.",
        ),
    ],
)
def test_the_verdict_is_the_first_line(decision: str, rows_needed: int | None, reasons: list[str], line: str) -> None:
    text = said(decision=decision, rows_needed=rows_needed, reasons=reasons)

    assert text.splitlines()[0] == line


def test_quality_stands_with_interval_rows_and_margin() -> None:
    assert "Tuned (tfidf) 91.7 %, prompted (gpt-4o-mini) 91 % accuracy on 300 sealed rows." in said()
    assert "+0.7 points (96 % interval -1.4 to +2.8); 2 points may be lost at most." in said()


def test_only_a_ship_offers_shadow() -> None:
    ship, stay = verdict(examples.judged()), verdict(examples.judged(decision="NO_GO"))

    assert buttons(render(ship).blocks)["Ask for shadow"] == ("rollout.next", "ticket-router")
    assert "Ask for shadow" not in buttons(render(stay).blocks)


def test_missing_evidence_offers_more_labels() -> None:
    found = render(verdict(examples.judged(decision="INCONCLUSIVE", rows_needed=300)))

    assert buttons(found.blocks)["Add labels"] == ("verb.run", "labels ticket-router")
    assert "/assay labels ticket-router" in found.said


def test_an_unknown_cost_is_said_as_unknown_and_never_as_nothing() -> None:
    scores = {
        "candidate": {"latency_p50_ms": 4.1, "latency_p95_ms": 9.7, "valid_share": 1.0},
        "prompted": {"latency_p50_ms": 610.0, "latency_p95_ms": 1430.0, "valid_share": 1.0, "call_nano": None},
    }
    text = said(cost=None, scores=scores, bill={"paid_calls": 600, "nano_usd": None})

    assert "Prompted: unknown a call" in text
    assert "Saving: unknown." in text
    assert "bill unknown" in text
    assert "$0" not in text


def test_without_traffic_a_call_costs_what_this_run_paid() -> None:
    scores = {"candidate": {}, "prompted": {"call_nano": None}}
    bill = {"paid_calls": 600, "nano_usd": 1_200_000_000}

    assert "Prompted: $0.002 a call" in said(cost=None, scores=scores, bill=bill)


def test_a_loss_is_a_cost() -> None:
    cost = {
        "month_saving_usd": -41.0,
        "payback_months": None,
        "plan": {"fixed_month_usd": 373.0, "baseline_call_usd": 0.0011},
    }
    text = said(cost=cost)

    assert "Forecast: costs $41 a month more than prompting; it never pays back." in text


def test_simulated_stands_wherever_the_prompted_model_has_numbers() -> None:
    text = said(prompted={"contender": "p", "model": "simulated-frontier", "simulated": True})
    numbers = [line for line in text.splitlines() if "prompted (" in line or line.startswith("Prompted")]

    assert len(numbers) == 2
    assert all("simulated)" in line for line in numbers)


def test_the_report_is_linked_only_where_there_is_one() -> None:
    assert "Open the report" not in buttons(render(verdict(examples.judged())).blocks)
    found = render(verdict(examples.judged(), report_url="https://assay.example/r/1"))
    assert "Report: https://assay.example/r/1" in found.said


def test_of_several_recipes_of_a_rung_one_went_on_and_a_better_looking_one_says_why_not() -> None:
    lines = [line for line in render(verdict(examples.judged())).said.splitlines() if " on dev" in line]

    assert [line.partition(":")[0] for line in lines if "went on to the sealed rows" in line] == ["tfidf-1"]
    assert [line.partition(":")[0] for line in lines if "better here, but not surely" in line] == ["tfidf-3"]
