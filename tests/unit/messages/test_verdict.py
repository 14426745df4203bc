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
    ("decision", "settles", "reasons", "line"),
    [
        (
            "SHIP_BETTER",
            None,
            [],
            "Ship the tuned model on ticket-router: it is better than prompting, by about +1.6 points.",
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
            {"rows": 1_200, "labels": 6_300},
            ["the interval holds the margin"],
            "Not enough evidence on ticket-router (the interval holds the margin): about 6,300 further labels would "
            "settle it, of which about 1,200 are sealed. Until then, stay with prompting.",
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
def test_the_verdict_is_the_first_line(
    decision: str, settles: dict[str, int] | None, reasons: list[str], line: str
) -> None:
    text = said(decision=decision, settles=settles, reasons=reasons)

    assert text.splitlines()[0] == line


def test_quality_stands_with_interval_rows_and_margin() -> None:
    assert (
        "Tuned (word counts, C 1) about 93.1 %, prompted (gpt-4o-mini) about 91.5 % accuracy on 300 sealed rows."
        in said()
    )
    assert "about +1.6 points (96 % interval about -1.6 to +4.9); 2 points may be lost at most." in said()
    assert "Figures of sealed rows leave in steps of 1.6 points; it was judged unrounded." in said()


def test_a_lead_that_is_rounded_away_is_still_a_lead() -> None:
    quality = {**examples.quality(), "difference": 0.0}

    assert said(decision="SHIP_BETTER", quality=quality).splitlines()[0].endswith("by less than 1.6 points.")


def test_only_a_ship_offers_shadow() -> None:
    ship, stay = verdict(examples.judged()), verdict(examples.judged(decision="NO_GO"))

    assert buttons(render(ship).blocks)["Ask for shadow"] == ("rollout.next", "ticket-router 0.inv-7k3mq9ab")
    assert "Ask for shadow" not in buttons(render(stay).blocks)


def test_missing_evidence_offers_more_labels() -> None:
    found = render(verdict(examples.judged(decision="INCONCLUSIVE", settles={"rows": 60, "labels": 300})))

    assert buttons(found.blocks)["Add labels"] == ("verb.run", "labels ticket-router")
    assert "/assay labels ticket-router" in found.said


def test_an_unknown_cost_is_said_as_unknown_and_never_as_nothing() -> None:
    scores = {
        "candidate": {"latency_p50_ms": 4.1, "latency_p95_ms": 9.7, "valid_share": 1.0},
        "prompted": {"latency_p50_ms": 610.0, "latency_p95_ms": 1430.0, "valid_share": 1.0, "call_nano": None},
    }
    tried = [{**one, "call_nano": None} for one in examples.record()["contenders"]]
    text = said(cost=None, scores=scores, contenders=tried, bill={"paid_calls": 600, "nano_usd": None})

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
    tried = [{**one, "simulated": True} for one in examples.record()["contenders"]]
    text = said(prompted={"contender": "baseline", "model": "simulated-1", "simulated": True}, contenders=tried)
    numbers = [line for line in text.splitlines() if "prompted (" in line or line.startswith("Prompted")]

    assert len(numbers) == 5
    assert all("simulated)" in line for line in numbers)


def test_the_report_is_linked_only_where_there_is_one() -> None:
    assert "Open the report" not in buttons(render(verdict(examples.judged())).blocks)
    found = render(verdict(examples.judged(), report_url="https://assay.example/r/1"))
    assert "Report: https://assay.example/r/1" in found.said


def test_one_recipe_went_on_and_what_did_not_surely_pass_the_best_is_not_told_apart() -> None:
    lines = [line for line in render(verdict(examples.judged())).said.splitlines() if " on dev" in line]
    tuned = [
        line
        for line in lines
        if line.partition(":")[0] in ("most frequent answer", "word counts, C 1", "word counts, C 3")
    ]

    assert [line.partition(":")[0] for line in tuned if "went on to the sealed rows" in line] == ["word counts, C 1"]
    assert [line.partition(" on dev")[0] for line in tuned] == [
        "most frequent answer: 41 %",
        "word counts, C 1: 91.3 %",
        TIED,
    ]


TIED = "word counts, C 3: no new best"  # its score is .915, which 300 rows cannot tell from .913


def test_a_dearer_rung_that_is_the_best_shown_but_not_surely_better_says_so() -> None:
    board = examples.record()["leaderboard"]
    lines = [*board["tuned"]["lines"], {"name": "lora-1", "shown": 0.94, "is_best": True}]
    made = {
        **examples.record()["rungs"][1],
        "contender": "lora-1",
        "words": "",
        "dev_score": 0.94,
    }  # of an early record
    rungs = [*examples.record()["rungs"], made]

    text = said(leaderboard={**board, "tuned": {"lines": lines}}, rungs=rungs)

    assert "lora-1: 94 % on dev" in text
    assert next(line for line in text.splitlines() if "better here, but not surely" in line).startswith("lora-1")


def test_every_prompted_option_says_how_it_did_or_why_it_was_not_tried() -> None:
    text = said()

    assert "Prompted, current prompt: 91 % on dev, $0.0011 a call, p95 1.4 s, valid answers 99.7 %, went on" in text
    assert "Prompted, with examples: no new best on dev, $0.0013 a call" in text
    assert "Prompted, cheaper tier: not tried: no cheaper tier listed" in text


def test_the_option_that_is_compared_is_named_where_it_is_not_the_current_prompt() -> None:
    text = said(prompted={"contender": "few_shot", "model": "gpt-4o-mini", "simulated": False})

    assert "prompted (gpt-4o-mini, with examples) about 91.5 % accuracy" in text


def test_a_gate_that_fails_or_is_not_known_and_every_protected_slice_has_a_line() -> None:
    gates = [
        {"name": "latency", "status": "fail", "value": 12.0, "limit": 8.0},
        {"name": "freshness", "status": "pass", "value": 0.1, "limit": 7.0},
        {"name": "slice refunds", "status": "fail", "value": -0.051, "limit": -0.04},
        {"name": "slice fraud", "status": "unknown", "value": None, "limit": -0.04},
    ]
    lines = said(gates=gates).splitlines()

    assert "latency: fails" in lines
    assert "slice refunds: fails (at best -5.1 points, the limit is -4)" in lines
    assert "slice fraud: not known" in lines
    assert not [line for line in lines if line.startswith("freshness")]


def test_what_a_reader_must_know_beside_the_numbers_is_said() -> None:
    board = {**examples.record()["leaderboard"], "worn": True, "lookups": 121}
    text = said(
        leaderboard=board,
        left_out={"shown": 1, "teacher": 2},
        prompting={"name": "cheaper", "ratio": 0.1, "production_usd": 0.0011},
    )

    assert "dev is worn: 121 look-ups." in text
    assert "3 sealed rows were not compared: shown in the prompt, or labelled by a model." in text
    assert "The saving counts against the cheaper tier" in text


def test_a_cascade_says_what_stands_and_what_is_handed_on() -> None:
    cascade = {"threshold": 0.62, "escalation": 0.38, "kept_error": 0.04, "kept_error_upper": 0.07}
    text = said(candidate={**examples.record()["candidate"], "cascade": cascade})

    assert "at least 62 % sure of stand, the other 38 % of calls go to the current prompt" in text


def test_the_classes_furthest_behind_and_how_far_confidence_is_off_are_told_of_dev() -> None:
    text = said()

    assert (
        "Weakest beside prompting on dev: billing 90 % of 120 rows found (83.3 % to 94.2 %), prompted 94.2 %." in text
    )
    assert "lies 3.1 points off on average on dev, after temperature scaling by 1.4." in text
    assert "Weakest" not in said(dev={"classes_recall": [], "calibration": None})


@pytest.mark.parametrize("cost", [examples.record()["cost"], None])
def test_a_call_of_votes_costs_all_its_samples_whatever_production_pays_for_one(cost: dict[str, Any] | None) -> None:
    whole = examples.record()
    voted = {**whole["contenders"][0], "contender": "votes", "call_nano": 5_500_000, "samples": 5, "dev_alone": 0.8}
    prompted, scores = {**whole["prompted"], "contender": "votes"}, whole["scores"]
    unpriced = {**scores, "prompted": {**scores["prompted"], "call_nano": None}}  # as a record has it
    text = said(cost=cost, prompted=prompted, contenders=[*whole["contenders"], voted], scores=unpriced)
    assert "Prompted: $0.0055 a call" in text


def test_a_cascades_votes_are_held_against_the_tuned_model_alone_not_against_both_sides() -> None:
    whole = examples.record()
    voting = {"samples": 5, "times": 5.1, "quality": 0.92, "alone": 0.88, "valid_share": 1.0}
    text = said(candidate={**whole["candidate"], "dev_score": 0.97, "votes": voting})
    assert "it is right on 92 % of dev rows, 91.3 % where it answers once and 88 % for one sample" in text


def test_a_prompted_option_that_could_not_be_tried_makes_prompting_maybe_better_than_told() -> None:
    tried = examples.record()["contenders"]
    lost = {"why": "the budget leaves too little for it beside the current prompt's sealed rows", "dev_score": None}
    assert "Prompting may be better" not in said(), "there is no cheaper tier, so nothing was missed"
    found = said(contenders=[tried[0], {**tried[1], **lost}, {**tried[2], **lost, "model": "gpt-5-nano"}])
    assert (
        "Prompting may be better than told here: with examples, cheaper tier could not be tried, and nobody knows how "
        "good they are."
    ) in found


def test_a_kappa_that_is_too_low_maybe_by_chance_says_so_and_blocks_all_the_same() -> None:
    audit = {"rows": 100, "needed": 100, "agreed": 0.96, "kappa": 0.48, "low": 0.1, "high": 0.86, "ac1": 0.95}
    grades = {"name": "grades", "status": "fail", "value": 0.48, "limit": 0.6}
    told = said(decision="INCONCLUSIVE", seal_look=0, audit=audit, gates=[grades])
    assert "AC1 0.95; of so lopsided answers that may be chance, and a larger audit settles it." in told
    assert "So nothing was opened, and no look was spent." in told
    assert "may be chance" not in said(audit={**audit, "high": 0.58}, gates=[grades])
