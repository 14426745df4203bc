"""A rollout's texts are judged: both as captured in shadow, a canary's beside what the prompted model says if asked."""

from __future__ import annotations

import pathlib
import re
import tempfile
from datetime import timedelta
from typing import Any

import pytest

from bot.blockkit.render import render
from bot.messages.rollout import state
from engine.desk import Desk, bills, policies, rollouts, routes
from engine.desk import roles as grants
from engine.desk.prices import DatedPrice, set_price
from engine.evals.rows import read_rows, write_predictions
from engine.flows.steps import judging
from engine.flows.steps import stage as stages
from engine.flows.steps.guardrails import GuardrailView
from engine.models.actor import Role
from engine.models.evidence import StagePair
from engine.models.feature import is_simulated
from engine.models.investigation import Investigation, PaidReply, Prediction, RunState
from engine.models.rollout import RolloutStatus, Stage
from engine.models.spool import Stratum
from engine.models.verdict import Verdict
from engine.rules.sequential import harm_bound
from engine.runners import JobKind, JobSpec
from engine.store import evidence, examples, replies, stagepairs
from engine.store import features as feature_rows
from engine.store import rollouts as rollout_rows
from engine.teachers.ask import ask_rows
from engine.testing.clock import FixedClock
from engine.testing.runner import ScriptedRunner
from engine.testing.scripted_server import serving
from engine.testing.simulated_model import simulated_app
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, a_feature, a_verdict, some_labels
from tests.desk.climbing import climb, recorded

JUDGE = "simulated-judge-1"
CALIBRATED = {
    "model": JUDGE,
    "simulated": True,
    "families": {},
    "part": "dev",
    "people": 100,
    "kappa": 0.8,
    "ac1": 0.8,
    "ppi": None,
    "swap": {"slot_bias": 0.0, "consistency": 1.0},
    "length_controlled": 0.5,
    "design_effect": 1.0,
    "blockers": [],
    "table": [[45, 5, 0], [5, 45, 0], [0, 0, 0]],
    "dev": {"pairs": 100, "tally": {}, "ruled": {"won": 0, "lost": 0, "even": 0}, "unread": 0},
    "sealed": None,
}
_TEXTS = re.compile(r"<<<A>>>\n(.*)\n<<<B>>>\n(.*)\n<<<END>>>", re.DOTALL)


@pytest.fixture
def writer(desk: Desk) -> Desk:
    """A feature whose verdict rests on a judge that people agreed with, and people who may approve."""
    a_feature(desk, approach="voice", labels=(), model="simulated-frontier-1", base_url="http://127.0.0.1:9/v1")
    policies.change(desk, ASKER, SLUG, {"evaluation_judge_model": JUDGE})
    some_labels(desk, 20)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    told = a_verdict(desk)
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    runner.works[JobKind.ASK] = lambda spec: said_by(desk, spec)
    with desk.services.database.write() as tx:
        now, feature_id = desk.services.clock.now(), feature_rows.by_slug(tx, SLUG).id or 0
        tx.add(Investigation(
            run_id=told.run_id, feature_id=feature_id, state=RunState.DONE, budget_nano=0, requested_by="U1",
            label_set_id=1, seed=7, created_at=now,
        ))  # fmt: skip
        verdict = tx.get_one(Verdict, told.id)
        verdict.record = {**verdict.record, "judge": CALIBRATED}
        tx.add(verdict)
    return desk


def said_by(desk: Desk, spec: JobSpec) -> dict[str, Any]:
    """The prompted model writes well; the judge takes the text that says "good", and the first where both do."""
    assert is_simulated(spec.config["model"])
    made: list[Prediction] = []
    for row in read_rows(desk.services.artifacts.path(spec.inputs["rows"])):
        output = f"good answer to {row.input}"
        if spec.config["model"] == JUDGE:
            found = _TEXTS.search(row.input)
            assert found is not None
            output = "A" if "good" in found[1] else "B"
        made.append(Prediction(row_id=row.id, output=output, correct=False, score=0.5, valid=True, latency_ms=1.0))
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(pathlib.Path(folder), made)
        return {"predictions": desk.services.artifacts.put(pathlib.Path(folder)), "stopped": "", "unanswered": 0}


def captured(desk: Desk, count: int, *, tuned: str, stratum: Stratum, since: int = 0, unit: int = 0) -> None:
    """The gateway kept so many texts: of both sides in shadow, of the tuned side in a canary."""
    at = desk.services.clock.now() + timedelta(seconds=1)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        for number in range(since, since + count):
            both = {"output": f"good answer {number}", "shadow_output": f"{tuned} answer from us {number}"}
            body = both if stratum is Stratum.DIFFERS else {"output": both["shadow_output"]}
            served = "baseline" if stratum is Stratum.DIFFERS else "tuned"
            row = examples.made(
                feature_id, SLUG, stratum, call=number.to_bytes(16), at=at, served=served, model="m",
                body={"input": f"brief {number}", **body},
            )  # fmt: skip
            row.unit = unit
            examples.offer(tx, [row])


def the_judge(desk: Desk) -> GuardrailView:
    (found,) = [one for one in rollouts.show(desk, SLUG).evidence.guardrails if one.name == "judge"]
    return found


def at_stage(desk: Desk, clock: FixedClock, stage: Stage, **decided: str) -> None:
    routes.decide(desk, SHELL, SLUG, {"tuned_url": "http://10.0.0.5:8000/v1", **decided})
    climb(desk, clock, stage)
    recorded(desk, tuned=50, baseline=50)


def words(desk: Desk) -> list[str]:
    with desk.services.database.read() as tx:
        rollout = rollout_rows.open_ones(tx)[0]
        return [row.said for row in stagepairs.of_stage(tx, evidence.starts(tx, rollout.id)[-1].root)]


def test_shadow_texts_that_lose_are_taken_back_and_it_is_told_why(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.SHADOW)
    assert the_judge(writer).unknown == "no text of this stage is captured yet"
    captured(writer, 40, tuned="poor", stratum=Stratum.DIFFERS)
    assert judging.look(writer.services) == [SLUG]
    found = the_judge(writer)
    assert (found.unknown, found.baseline, found.tuned) == ("", 0.0, 1.0)
    assert found.log_e >= found.limit == pytest.approx(harm_bound(5, 0.025))
    assert rollouts.show(writer, SLUG).reasons == ("harm: judge",)
    assert stages.tick(writer.services) == [SLUG]
    back = rollouts.show(writer, SLUG)
    assert (back.status, back.reason) == (RolloutStatus.ROLLED_BACK, "harm: judge")


def test_equal_texts_are_no_harm_and_raise_nothing(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.SHADOW)
    captured(writer, 40, tuned="good", stratum=Stratum.DIFFERS)
    judging.look(writer.services)
    assert set(words(writer)) == {"tie"}, "the judge took each first text, so neither won both times"
    assert the_judge(writer).log_e < 0.0
    assert stages.tick(writer.services) == []
    assert rollouts.show(writer, SLUG).gate == "HOLD"


def test_a_canarys_texts_are_set_beside_what_the_prompted_model_says_when_asked(
    writer: Desk, clock: FixedClock
) -> None:
    at_stage(writer, clock, Stage.CANARY_5)
    captured(writer, 30, tuned="poor", stratum=Stratum.RANDOM)
    assert judging.look(writer.services) == [SLUG]
    assert set(words(writer)) == {"prompted"}
    assert stages.tick(writer.services) == [SLUG]
    assert rollouts.show(writer, SLUG).reason == "harm: judge"
    runner = writer.services.runner
    assert isinstance(runner, ScriptedRunner)
    prompted, judged = (spec.config for spec in runner.ran if spec.kind is JobKind.ASK)
    assert (prompted["model"], judged["model"]) == ("simulated-frontier-1", JUDGE)
    assert prompted["budget_nano"] == judged["budget_nano"] == 2_000_000_000


def test_a_stage_asks_about_no_more_pairs_than_it_may_and_about_one_of_each_unit(
    writer: Desk, clock: FixedClock
) -> None:
    at_stage(writer, clock, Stage.SHADOW, judge_pairs="45")
    captured(writer, 30, tuned="good", stratum=Stratum.DIFFERS, unit=77)
    judging.look(writer.services)
    assert len(words(writer)) == 1, "thirty calls of one customer are no thirty draws"
    captured(writer, 60, tuned="good", stratum=Stratum.DIFFERS, since=30)
    assert [len(words(writer)) for _ in range(3) if judging.look(writer.services) is not None] == [41, 45, 45]


def test_a_pair_whose_text_was_deleted_while_it_was_asked_is_forgotten(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.SHADOW)
    with writer.services.database.write() as tx:
        rollout = rollout_rows.open_ones(tx)[0]
        root = evidence.starts(tx, rollout.id)[-1].root
        tx.add(StagePair(root=root, call="f" * 32, at=clock.now()))
    assert the_judge(writer).unknown == "the judge is being asked"
    assert judging.look(writer.services) == []
    assert words(writer) == []


@pytest.mark.parametrize(
    ("record", "setting", "decided", "why"),
    [
        (None, {}, {}, "no judge was compared with people before the verdict"),
        ({**CALIBRATED, "blockers": ["few"]}, {}, {}, "no judge was compared with people before the verdict"),
        (
            CALIBRATED,
            {"evaluation_judge_model": "other-1"},
            {},
            "simulated-judge-1 was compared with people, and other-1",
        ),
        (CALIBRATED, {}, {"judge_pairs": "0"}, "no pair may be judged"),
        (CALIBRATED, {}, {"capture": "none"}, "no text is captured"),
    ],
)
def test_where_nothing_is_known_the_card_says_why_and_nobody_is_asked(
    writer: Desk,
    clock: FixedClock,
    record: dict[str, Any] | None,
    setting: dict[str, str],
    decided: dict[str, str],
    why: str,
) -> None:
    with writer.services.database.write() as tx:
        verdict = tx.get_one(Verdict, 1)
        verdict.record = {**verdict.record, "judge": record}
        tx.add(verdict)
    if setting:
        policies.change(writer, ASKER, SLUG, setting)
    at_stage(writer, clock, Stage.SHADOW, **decided)
    captured(writer, 0 if "capture" in decided else 5, tuned="poor", stratum=Stratum.DIFFERS)
    assert judging.look(writer.services) == []
    assert the_judge(writer).unknown.startswith(why)
    assert the_judge(writer).log_e == 0.0
    assert f"judge: unknown ({why}" in render(state(rollouts.show(writer, SLUG))).said


def test_a_judge_that_cannot_be_read_leaves_its_guardrail_unknown(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.SHADOW)
    runner = writer.services.runner
    assert isinstance(runner, ScriptedRunner)
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(pathlib.Path(folder), [])
        nothing = writer.services.artifacts.put(pathlib.Path(folder))
    runner.works[JobKind.ASK] = lambda _spec: {"predictions": nothing, "stopped": "the budget is used up"}
    captured(writer, 5, tuned="poor", stratum=Stratum.DIFFERS)
    judging.look(writer.services)
    assert the_judge(writer).unknown.startswith("the judge gave no word that can be read")
    assert stages.tick(writer.services) == []


def test_what_a_stages_judge_cost_is_in_the_bill(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.SHADOW)
    with writer.services.database.write() as tx:
        root = evidence.starts(tx)[-1].root
        tx.add(PaidReply(
            key="k", run_id=root, base_url="http://127.0.0.1:9/v1", model=JUDGE, text="A", tokens_in=9, tokens_out=1,
            cost_nano=123_000, latency_ms=1.0, at=clock.now(),
        ))  # fmt: skip
    bill = bills.month(writer, SLUG, f"{clock.now():%Y-%m}")
    assert [(line.calls, line.cost_nano) for line in bill.lines if line.component == bills.ASKED] == [(1, 123_000)]


def really_asked(desk: Desk, spec: JobSpec) -> dict[str, Any]:
    """The job's own work in this process: paid calls, remembered and capped."""
    services = desk.services
    rows, shown = (read_rows(services.artifacts.path(spec.inputs[name])) for name in ("rows", "examples"))
    asked = ask_rows(
        services.database, services.settings, spec, rows=rows, examples=shown, progress=lambda *_: None,
        clock=services.clock,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(pathlib.Path(folder), asked.predictions)
        return {**asked.counts, "predictions": services.artifacts.put(pathlib.Path(folder))}


def test_real_questions_reach_the_prompted_model_and_the_judge_within_the_stages_cap(
    writer: Desk, clock: FixedClock
) -> None:
    truth = {f"brief {number}": f"the very words of number {number}" for number in range(8)}
    runner = writer.services.runner
    assert isinstance(runner, ScriptedRunner)
    runner.works[JobKind.ASK] = lambda spec: really_asked(writer, spec)
    for model in ("simulated-frontier-1", JUDGE):
        set_price(
            writer, ASKER, DatedPrice(model=model, input_usd=1, output_usd=1, starts_on=clock.now().date(), source="x")
        )
    at_stage(writer, clock, Stage.CANARY_5, judge_usd="0.05")
    with serving(simulated_app(truth, accuracy=1.0)) as url:
        with writer.services.database.write() as tx:
            baseline = feature_rows.baseline(tx, 1)
            baseline.base_url, baseline.prompt = f"{url}/v1", "Answer: {{ input }}"
            tx.add(baseline)
        captured(writer, 8, tuned="quite other", stratum=Stratum.RANDOM)
        assert judging.look(writer.services) == [SLUG]
    assert words(writer) == ["prompted"] * 8
    with writer.services.database.read() as tx:
        paid = replies.bill(tx, evidence.starts(tx)[-1].root)
    assert 0 < paid.nano_usd <= 50_000_000
    assert paid.paid_calls == 8 + 16
