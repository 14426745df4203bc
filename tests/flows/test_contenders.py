"""The best prompted option is always a contender: what is tried, what it costs, how old its answers are, and gates."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from engine.desk import Desk, investigations, policies, prices, verdicts
from engine.desk.investigations import RunView
from engine.errors import NotReady
from engine.evals.rows import read_rows
from engine.models.investigation import Effort, RunState
from engine.models.labels import Label, Part, Source
from engine.models.verdict import Outcome
from engine.runners import JobKind, JobSpec
from engine.store import features as feature_rows
from engine.store import labels as label_rows
from engine.store import seals
from engine.testing.runner import ScriptedRunner
from tests.flows.ready import ANN, BETTER, SLUG, ready, run
from tests.flows.scripted import Script
from tests.prepared import sqlite_in

CHEAPER = "simulated-small-1"


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases."""
    return sqlite_in(tmp_path)


def decide(desk: Desk, **said: str) -> None:
    policies.change(desk, ANN, SLUG, {f"evaluation_{name}": value for name, value in said.items()})


def contender(seen: RunView, name: str) -> dict[str, Any]:
    return next(one for one in seen.record["contenders"] if one["contender"] == name)


def gate(seen: RunView, name: str) -> dict[str, Any]:
    return next(one for one in seen.record["gates"] if one["name"] == name)


def asked(desk: Desk, option: str) -> list[JobSpec]:
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    return [spec for spec in runner.ran if spec.kind is JobKind.ASK and spec.config["contender"] == option]


def test_the_best_prompted_option_on_dev_is_the_one_compared(desk: Desk) -> None:
    ready(desk, count=1_000)
    decide(desk, cheaper_model=CHEAPER)
    seen = run(desk, Script(right={**BETTER, "few_shot": 0.72, "cheaper": 0.55}))
    assert seen.state is RunState.DONE, seen.reason
    assert seen.record["prompted"]["contender"] == "few_shot"
    assert [one["contender"] for one in seen.record["contenders"]] == ["baseline", "few_shot", "cheaper"]
    assert [spec.config["model"] for spec in asked(desk, "cheaper")] == [CHEAPER]
    tried = contender(seen, "few_shot")
    assert tried["dev_score"] > contender(seen, "baseline")["dev_score"]
    assert tried["valid_share"] == 1.0
    assert tried["latency_p95_ms"] == 300.0
    assert tried["call_nano"] == 40 * 9_000_000  # 40 tokens at 9,000 US dollars a million, in nano-dollars
    assert contender(seen, "cheaper")["simulated"] is True
    assert contender(seen, "cheaper")["call_nano"] is None  # nobody knows its price, and that is not free of charge
    assert verdicts.of_run(desk, seen.run_id).same


def test_without_a_cheaper_tier_the_record_says_so_and_one_that_is_refused_is_left_out(desk: Desk) -> None:
    ready(desk, count=1_000)
    seen = run(desk, Script(right=BETTER, refused={"few_shot": "404: there is no such model"}))
    assert seen.outcome == Outcome.SHIP_BETTER
    assert contender(seen, "cheaper")["why"] == "no cheaper tier listed"
    assert contender(seen, "few_shot")["why"] == "404: there is no such model"
    assert contender(seen, "few_shot")["dev_score"] is None
    assert [task.note for task in seen.tasks if task.name == "ask cheaper"] == ["no cheaper tier listed"]


def test_a_saving_counts_against_a_cheaper_prompt_that_is_good_enough(desk: Desk) -> None:
    ready(desk, count=3_000, margin=0.15)  # the margin is wide, so that chance decides nothing, whatever the salt
    decide(desk, cheaper_model=CHEAPER)
    _price(desk, CHEAPER, 90)  # a hundredth of the baseline's
    script = Script(right={**BETTER, "baseline": 0.80, "cheaper": 0.79, "few_shot": 0.5})
    seen = run(desk, script)
    assert seen.record["prompting"]["name"] == "cheaper"
    assert seen.record["prompting"]["ratio"] == pytest.approx(0.01)
    assert seen.outcome == Outcome.NO_GO  # at a hundredth of the price there is nothing to save
    assert verdicts.of_run(desk, seen.run_id).same
    decide(desk, cheaper_model="none")
    again = run(desk, script)
    assert again.outcome.startswith("SHIP"), again.record["reasons"]


def _price(desk: Desk, model: str, usd: float) -> None:
    day = desk.services.clock.now().date()
    price = prices.DatedPrice(model=model, input_usd=usd, output_usd=usd, starts_on=day, source="made up")
    prices.set_price(desk, ANN, price)


def test_prompted_answers_that_are_too_old_give_no_verdict(desk: Desk) -> None:
    ready(desk, count=1_000)
    fresh = run(desk, Script(right=BETTER, age_days=6.9))
    assert fresh.outcome == Outcome.SHIP_BETTER
    assert gate(fresh, "freshness")["value"] == pytest.approx(6.9)
    old = run(desk, Script(right=BETTER, age_days=7.1))
    assert old.outcome == Outcome.INCONCLUSIVE
    assert old.record["reasons"] == ["the prompted answers are older than 7 days"]
    assert old.rows_needed is None
    sealed = [spec for spec in asked(desk, "baseline") if spec.config["fresh_since"]]
    assert len(sealed) == 2  # replies older than six days at the run's start are asked for again


def test_few_shot_examples_are_train_rows_that_copy_no_other_part(desk: Desk) -> None:
    ready(desk, count=1_000)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        label_set = label_rows.newest(tx, feature_id).id or 0
        dev = label_rows.rows(tx, label_set, Part.DEV)[0]
        copy = Label.model_validate(
            {**dev.model_dump(exclude={"id"}), "row_id": "copy", "sha": "f" * 64, "part": Part.TRAIN}
        )
        tx.add(copy)
    assert run(desk, Script(right=BETTER)).outcome == Outcome.SHIP_BETTER
    (spec,) = asked(desk, "few_shot")
    shown = {row.id for row in read_rows(desk.services.artifacts.path(spec.inputs["examples"]))}
    assert "copy" not in shown
    with desk.services.database.read() as tx:
        train = set(label_rows.ids(tx, label_set, Part.TRAIN))
        assert shown == train - {"copy"}


def test_sealed_rows_that_the_prompt_shows_or_a_teacher_labelled_are_not_compared(desk: Desk) -> None:
    ready(desk, count=1_000)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        label_set = label_rows.newest(tx, feature_id).id or 0
        sealed = list(label_rows.ids(tx, label_set, Part.SEALED).values())
        taught, shown = (tx.get_one(Label, sealed[place]) for place in (0, 1))
        taught.source = Source.TEACHER
        baseline = feature_rows.baseline(tx, feature_id)
        baseline.prompt = f"Say one.\n\nInput: {shown.input}\nLabel: {shown.output}"
        tx.add_all([taught, baseline])
        count = len(sealed)
    seen = run(desk, Script(right=BETTER))
    assert seen.record["left_out"] == {"shown": 1, "teacher": 1}
    assert seen.record["quality"]["n"] == count - 2
    assert gate(seen, "labels")["status"] == "pass"


def test_the_seal_stays_shut_where_the_budget_cannot_pay_the_best_options_answers(desk: Desk) -> None:
    ready(desk)
    script = Script(right={**BETTER, "few_shot": 0.9})
    seen = run(desk, script, budget_usd=100.0)
    assert (seen.state, seen.outcome) == ("failed", "")
    assert "few_shot is the best prompted option on dev." in seen.reason
    assert "so none was opened." in seen.reason
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        assert seals.looks(tx, seals.current(tx, feature_id).id or 0) == []
    enough = float(seen.reason.rpartition("budget=")[2].rstrip("."))
    assert run(desk, script, budget_usd=enough + 1).outcome  # what it names does pay for them


def test_a_protected_slice_and_a_latency_ceiling_can_forbid_what_is_better_on_the_whole(desk: Desk) -> None:
    ready(desk, count=1_500, margin=0.05)
    decide(desk, protected_slices="neutral, nowhere", latency_ceiling_ms="8")
    right = {**BETTER, "tfidf": 0.97, "frozen": 0.97, "baseline": 0.45, "few_shot": 0.4}  # far apart, whatever the salt
    script = Script(right=right, weak={"tfidf": "neutral", "frozen": "neutral"})
    seen = run(desk, script)
    assert seen.outcome == Outcome.NO_GO
    assert seen.record["reasons"] == ["slower than the latency ceiling", "surely worse on neutral"]
    assert gate(seen, "slice neutral")["value"] < -0.1
    assert gate(seen, "slice nowhere")["status"] == "unknown"
    assert seen.record["quality"]["low"] > -0.05
    assert verdicts.of_run(desk, seen.run_id).same


def test_the_board_goes_on_over_runs_on_the_same_labels_and_says_when_dev_is_worn(desk: Desk) -> None:
    ready(desk, count=1_000)
    decide(desk, dev_lookups_most="10")
    first = run(desk, Script(right=BETTER)).record["leaderboard"]
    assert [line["name"] for line in first["prompted"]["lines"]] == ["baseline", "few_shot"]
    assert [line["name"] for line in first["tuned"]["lines"]][:2] == ["majority", "tfidf-c1"]
    assert (first["lookups"], first["worn"]) == (5, False)
    seen = run(desk, Script(right=BETTER))
    again = seen.record["leaderboard"]
    assert again["tuned"]["before"] == first["tuned"]["best"]
    assert not any(line["is_best"] for line in again["tuned"]["lines"])
    assert (again["lookups"], again["worn"]) == (10, True)
    assert verdicts.of_run(desk, seen.run_id).same


def test_the_quote_says_what_the_sealed_rows_prove_and_what_stands_in_the_way(desk: Desk) -> None:
    ready(desk, count=1_000, margin=0.05, money=False)
    found = investigations.quote(desk, SLUG, budget_usd=5, effort=Effort.QUICK)
    seen = found.prospects
    assert (seen.plan.rows, seen.plan.disagreement, seen.plan.is_measured) == (found.sealed_rows, 0.42, False)
    assert not seen.plan.is_enough
    assert seen.plan.labels_saved > 0
    assert (seen.look, seen.money_known, seen.cheaper, seen.worn) == (1, False, "no cheaper tier listed", False)
    assert found.prompted_calls == 2 * found.dev_rows + found.sealed_rows
    run(desk, Script(right={**BETTER, "tfidf": 0.97, "frozen": 0.97, "baseline": 0.9}))
    after = investigations.quote(desk, SLUG, budget_usd=5, effort=Effort.QUICK).prospects
    assert (after.look, after.plan.is_measured) == (2, True)
    assert after.plan.disagreement < 0.42
    assert after.lookups == 5


def test_rows_of_too_few_groups_are_refused_before_anything_is_paid(desk: Desk) -> None:
    ready(desk, count=1_000)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        label_set = label_rows.newest(tx, feature_id).id or 0
        for place, label_id in enumerate(label_rows.ids(tx, label_set, Part.SEALED).values()):
            label = tx.get_one(Label, label_id)
            label.cluster = f"customer-{place % 12}"
            tx.add(label)
    with pytest.raises(NotReady, match="come from 12 groups"):
        investigations.start(desk, ANN, SLUG)


def test_a_cascade_that_surely_beats_the_candidate_alone_is_put_forward_as_a_whole(desk: Desk) -> None:
    ready(desk, margin=0.05, count=4_000)  # so that dev is large enough to be sure, whatever the salt
    alone = {**BETTER, "tfidf": 0.3, "frozen": 0.3, "baseline": 0.9}
    seen = run(desk, Script(right=alone, sure={"tfidf": (0.6, 0.99), "frozen": (0.6, 0.99)}))
    cascade = seen.record["candidate"]["cascade"]
    assert cascade["threshold"] == pytest.approx(0.41)  # below it the unsure answers would stand too
    assert cascade["escalation"] == pytest.approx(0.4, abs=0.1)
    assert cascade["kept_error_upper"] <= 0.1 + 0.1
    assert seen.record["quality"]["candidate"] > 0.9 > 0.75  # alone it is right on some 71 % of rows
    assert seen.record["cost"]["plan"]["escalation"] == cascade["escalation"]
    assert seen.record["scores"]["candidate"]["latency_p95_ms"] == pytest.approx(309.0)  # it waits for both sides
    assert seen.record["dev"]["calibration"]["ece"] < 0.1
    assert seen.outcome.startswith("SHIP"), seen.record["reasons"]
    assert verdicts.of_run(desk, seen.run_id).same
    assert [line["rows"] > 0 for line in seen.record["dev"]["classes_recall"]] == [True] * 3
