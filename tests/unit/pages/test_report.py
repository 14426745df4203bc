"""What the report of a run says: the verdict first, numbers with their units, the unknown as unknown."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date

import pytest

from bot.blockkit import figures
from engine.flows.steps import forecast
from engine.rules.gates import GateLimits, gates
from tests.unit.pages import whole
from tests.unit.pages.told import plain_run, reading_page, run_page, text_of


def test_the_report_leads_with_the_verdict_and_its_numbers() -> None:
    text = text_of(plain_run())

    assert "Ship the tuned model on ticket-router: it is not worse by more than 2 points, and cheaper." in text
    assert (
        "Tuned (word counts, C 1) about 94 %, prompted (gpt-4o-mini) about 91.1 % accuracy on 300 sealed rows, paired."
        in text
    )
    assert "The whole interval lies above the margin of -2 points" in text
    assert "assay verdict recompute inv-7k3mq9ab" in text
    assert "Prices of 2026-11-02" in text
    assert "look 1 of 3" in text
    assert "Left: 0.004 and 0.001, one-sided" in text
    assert "lora_causal" in text
    assert "not run: needs a GPU" in text
    assert "not tried: no cheaper tier listed" in text
    assert "word counts, C 3 tfidf-3 no new best" in text
    assert "2 sealed rows were not compared" in text
    assert "a call of it costs 40 % of a call of the baseline" in text


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("leak", "no copy of a sealed row outside the sealed part (blocker) 0 rows 0 yes"),
        ("freshness", "prompted answers asked anew for this verdict (blocker) 0.02 days old at most 7 days yes"),
        ("parity", "answers over HTTP are those evaluated (blocker) 100 % the same at least 99 % yes"),
        ("exposure", "a look at the sealed rows was left (blocker) look 1 of 3 yes"),
        ("groups", "groups enough, where rows are grouped (blocker) – at least 20 not asked"),
        ("latency", "95 % of answers come within the ceiling (gate) 9.7 ms at most 50 ms yes"),
        (
            "slice refunds",
            "not surely worse by more than twice the margin (gate) +8.7 points at best at least -4 points yes",
        ),
        ("refunds", "61 0 points -4.3 to +8.7 points"),
    ],
)
def test_every_gate_tells_what_it_asks_and_what_was_found(gate: str, told: str) -> None:
    assert f"{gate} {told}" in text_of(plain_run())


def test_seeds_are_told_in_a_table_with_what_they_share_and_that_the_verdict_hangs_on_them() -> None:
    assert "hang on chance" not in text_of(plain_run())
    line = {"exact": None, "macro_f1": 0.9, "alarm": "", "failed": "", "seconds": 14.0}
    lines = [
        {**line, "seed": 4, "quality": 0.93, "finding": "better"},
        {**line, "seed": 5, "quality": 0.9, "finding": "unclear", "alarm": "collapsed"},
        {**line, "seed": 6, "quality": None, "macro_f1": None, "finding": "", "failed": "the loss became nan"},
    ]
    over = {"quality": {"mean": 0.915, "low": 0.9, "high": 0.93}, "macro_f1": None, "exact": None, "hangs": True}
    text = text_of(run_page(whole.record(seeds={"lines": lines, **over})))
    assert "4 (went on) 93 % 90 % better" in text
    assert "5 90 % 90 % unclear; collapsed" in text
    assert "6 – – no model: the loss became nan" in text
    assert "Trained with 3 seeds, the candidate scores 91.5 % (90 % to 93 %) on dev" in text
    assert "beside prompting dev alone finds seed 4 better, seed 5 unclear." in text


def test_a_gate_that_does_not_hold_says_why() -> None:
    bad = replace(whole.FACTS, prompted_age_days=None, latency_p95_ms=90.0)
    told = [asdict(gate) for gate in gates(bad, GateLimits(margin=0.02, latency_ceiling_ms=50.0))]
    text = text_of(run_page(whole.record(gates=told)))

    assert "7 days unknown the prompted answers are older than 7 days" in text
    assert "90 ms at most 50 ms no slower than the latency ceiling" in text


def test_what_people_said_of_answers_stands_above_the_numbers_and_so_does_that_nobody_was_asked() -> None:
    none = {"rows": 12, "needed": 100, "agreed": 1.0, "kappa": None, "low": None, "high": None, "ac1": None}
    text = text_of(run_page(whole.record(audit=none)))
    assert "Labels not audited: people checked 12 of the 100 answers it takes." in text
    assert "Have them: /assay labels ticket-router audit=100" in text
    found = {**none, "rows": 110, "agreed": 0.94, "kappa": 0.87, "low": 0.79, "high": 0.95, "ac1": 0.88}
    text = text_of(run_page(whole.record(audit=found)))
    assert "People audited 110 answers on dev: they agree with the grades on 94 %, kappa 0.87 (0.79 to 0.95" in text
    assert "audited" not in text_of(plain_run()), "other approaches are not asked for it"


def test_texts_of_people_stay_text() -> None:
    html = plain_run()

    assert "My invoice 1 is &lt;b&gt;late&lt;/b&gt; &amp; wrong" in html
    assert "<b>late" not in html
    classes = ["<script>", "a & b", '"q"']
    odd = run_page(whole.record(dev={**whole.record()["dev"], "classes": classes}))
    assert "<script" not in odd
    assert "&amp;lt;" not in odd
    assert "&amp;amp;" not in odd


@pytest.mark.parametrize(
    "missing",
    [
        "cost",
        "dev",
        "parity",
        "parts",
        "plan",
        "evidence",
        "policy",
        "price_snapshot",
        "promotion",
        "code_version",
        "seed",
        "gates",
        "contenders",
        "slices",
        "prompting",
        "left_out",
    ],
)
def test_a_record_of_another_version_still_gives_its_page(missing: str) -> None:
    record = whole.record()
    del record[missing]

    assert "about 94 %" in text_of(run_page(record))


def test_a_cascade_has_a_section_of_its_own() -> None:
    cascade = {"threshold": 0.62, "escalation": 0.38, "kept_error": 0.041, "kept_error_upper": 0.068}
    record = whole.record()
    with_one = text_of(run_page(whole.record(candidate={**record["candidate"], "cascade": cascade})))

    assert "The cascade" not in text_of(plain_run())
    assert "Stands from a confidence of 62 %" in with_one
    assert "Answered by the tuned model 62 % of calls Handed on to the prompt 38 % of calls" in with_one
    assert "4.1 % of dev rows, at most 6.8 % (one-sided 95 % bound)" in with_one
    call = record["cost"]["plan"]["baseline_call_usd"]
    assert (
        f"A call costs on average {figures.usd(0.38 * call)} beyond the server, prompted {figures.usd(call)}"
        in with_one
    )
    bare = text_of(run_page(whole.record(cost=None, candidate={**record["candidate"], "cascade": cascade})))
    assert "A call costs on average unknown beyond the server, prompted unknown" in bare


def test_what_was_drawn_at_the_verdict_is_what_the_page_shows() -> None:
    record = whole.record()
    plan, months = forecast.plan_of(record["cost"]["plan"]), record["policy"]["cost"]["months"]
    kept = json.loads(json.dumps(forecast.kept(plan, months, record["seed"])))

    assert run_page(whole.record(forecast=kept)) == run_page(record)
    other = {"curve": {**kept["curve"], "stay": {**kept["curve"]["stay"], "low": [1.0] * len(kept["curve"]["months"])}}}
    assert run_page(whole.record(forecast=other)) != run_page(record)


def test_unknown_money_is_said_and_not_drawn() -> None:
    html = run_page(whole.record(cost=None, reasons=["the money is not known", "cost_unknown"]))
    text = text_of(html)

    assert "unknown calls or price not known" in text
    assert "Unknown is never a saving" in text
    assert 'id="cash-wide-title"' not in html


def test_a_run_whose_rows_are_gone_says_so() -> None:
    text = text_of(run_page(more=whole.run_report(apart=None, looks=(), seal_number=None)))

    assert "The dev rows of this run are not stored any more." in text
    assert "No look of this run stands on the ledger." in text


def test_simulated_numbers_say_so_wherever_they_stand() -> None:
    prompted = {"contender": "prompt-1", "model": "simulated-frontier-1", "simulated": True}
    options = [{**option, "simulated": True} for option in whole.record()["contenders"]]
    text = text_of(run_page(whole.record(prompted=prompted, contenders=options)))

    assert "its answers, prices and latencies are made up" in text
    for words in (
        "Saves (simulated)",
        "Forecast (simulated)",
        "(simulated): as planned",
        "prompted: current prompt (simulated)",
    ):
        assert words in text
    reading = text_of(reading_page(simulated=True))
    assert "Prompting costs now (simulated)" in reading
    assert "Tuning is worth (simulated)" in reading


def test_old_prices_are_flagged_and_fresh_ones_are_not() -> None:
    assert "more than 45 days old" not in plain_run()
    assert "more than 45 days old" in run_page(today=date(2026, 12, 20))


def test_many_classes_are_drawn_in_part_and_told_whole() -> None:
    names = [f"intent-{number:02}" for number in range(40)]
    square = [[30 if row == column else 1 for column in range(41)] for row in range(40)]
    worse = [[30 if row == column and row % 2 else 1 for column in range(41)] for row in range(40)]
    dev = {"classes": names, "candidate_confusion": square, "prompted_confusion": worse}
    html = run_page(whole.record(dev=dev))

    assert "the 16 classes in which the two differ most" in html
    assert '<table class="matrix' not in html
    assert html.count('<th>intent-39</th><td class="number" data-is="Dev rows">') == 1


def test_a_class_without_dev_rows_has_no_share() -> None:
    dev = {
        "classes": ["a", "b"],
        "candidate_confusion": [[9, 1, 0], [0, 0, 0]],
        "prompted_confusion": [[8, 2, 0], [0] * 3],
    }

    assert "no rows" in text_of(run_page(whole.record(dev=dev)))


def test_an_extraction_is_told_by_field() -> None:
    side = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3}
    fields = [{"name": "street <b>", "rows": 33, "candidate": side, "prompted": {**side, "f1": 0.875}}]
    quality = {**whole.record()["quality"], "metric": "field_f1"}
    html = run_page(whole.record(quality=quality, dev={"fields": fields, "calibration": None}))
    text = text_of(html)

    assert "By field, on dev" in text
    assert "street <b> 33 33.3 % 50 %, 25 % 87.5 % 50 %, 25 %" in text
    assert "% field F1 on 300 sealed rows" in text
    assert "By class" not in text


@pytest.mark.parametrize(
    ("undone", "told"),
    [
        ("", "Then learned from 240 pairs: of dev pairs it finds the chosen text likelier in 71 %, 55 % before"),
        ("the loss became nan at step 9", "55 % before; undone, for the loss became nan at step 9"),
    ],
)
def test_the_report_says_what_pairs_gave_and_what_was_chosen_on_a_gpu(undone: str, told: str) -> None:
    rungs = [dict(line) for line in whole.record()["rungs"]]
    pairs = {"pairs": 240, "preferred_before": 0.55, "preferred": 0.71, "pairs_undone": undone}
    rungs[-1] |= {"pairs": pairs, "runtime": "bf16: the device has bf16; Liger kernels: liger_kernel is installed"}
    text = text_of(run_page(whole.record(rungs=rungs)))

    assert told in text
    assert "On the GPU: bf16: the device has bf16; Liger kernels" in text
    assert "Then learned" not in text_of(plain_run())
