"""What an investigation decides and when it ends early, with jobs that play a script."""

from __future__ import annotations

import pathlib
from dataclasses import replace
from typing import cast

import pytest

from engine.approaches import Task
from engine.desk import Desk, investigations
from engine.errors import NotReady
from engine.flows.investigate import RETRY_SECONDS, investigate
from engine.flows.steps import plan
from engine.models.investigation import Brief, Effort, RunState
from engine.models.labels import Part
from engine.models.verdict import Outcome
from engine.runners import JobKind
from engine.store import deeds, seals
from engine.store import features as feature_rows
from engine.store import investigations as runs
from engine.store import labels as label_rows
from engine.testing.direct import DirectStepper
from engine.testing.runner import ScriptedRunner
from engine.train.ladder import host_of, rung_of
from tests.flows.ready import ANN, BETTER, SLUG, ready, run
from tests.flows.scripted import Script, scripted
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases; the roads do, and run on both."""
    return sqlite_in(tmp_path)


def test_a_better_and_cheaper_candidate_ships(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right=BETTER))
    assert seen.state is RunState.DONE, seen.reason
    assert seen.outcome == Outcome.SHIP_BETTER
    quality = seen.record["quality"]
    assert quality["low"] > 0
    assert quality["finding"] == "better"
    assert seen.record["candidate"]["rung"] == "tfidf"  # frozen is not surely better, so the cheaper one stays
    assert seen.record["prompted"]["simulated"] is True


def test_a_candidate_that_is_as_good_and_cheaper_ships_as_cheaper(desk: Desk) -> None:
    ready(desk, count=2_400, margin=0.12)
    seen = run(desk, Script(right={**BETTER, "baseline": 0.81}))
    assert seen.outcome == Outcome.SHIP_CHEAPER, seen.record["reasons"]


def test_trainings_by_gradient_steps_alone_are_spread_over_the_hosts_asked_for(desk: Desk) -> None:
    ready(desk)
    several = desk.services.settings.model_copy(update={"ray_workers": 2})
    spread = replace(desk, services=replace(desk.services, settings=several))
    run(spread, Script(right={**BETTER, "lora_encoder": 0.9}), effort=Effort.NORMAL)
    ran = cast(ScriptedRunner, desk.services.runner).ran
    trained = {spec.config["recipe"]["rung"]: spec.resources.workers for spec in ran if spec.kind is JobKind.TRAIN}
    assert trained["tfidf"] == trained["frozen"] == 1
    assert trained["lora_encoder"] == 2
    assert {spec.resources.workers for spec in ran if spec.kind is not JobKind.TRAIN} == {1}


def test_a_worse_candidate_is_no_go(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right={**BETTER, "tfidf": 0.6, "frozen": 0.6, "baseline": 0.99}))
    assert seen.outcome == Outcome.NO_GO, seen.record["reasons"]
    assert seen.record["quality"]["finding"] == "worse"


def test_unknown_money_is_never_shipped(desk: Desk) -> None:
    ready(desk, money=False)
    seen = run(desk, Script(right=BETTER))
    assert seen.outcome == Outcome.INCONCLUSIVE
    assert "cost_unknown" in seen.record["reasons"]
    assert seen.record["cost"] is None


def test_too_few_sealed_rows_say_how_many_more_would_settle_it(desk: Desk) -> None:
    ready(desk, count=1_000, margin=0.02)
    seen = run(desk, Script(right={**BETTER, "baseline": 0.80}))
    assert seen.outcome == Outcome.INCONCLUSIVE
    assert seen.rows_needed
    assert seen.labels_needed
    assert seen.labels_needed >= seen.rows_needed / 0.4  # at most two in five are sealed


def test_the_sealed_part_is_opened_once_for_two_contenders(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right=BETTER))
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        assert runs.contenders(tx, seen.run_id, Part.SEALED) == ["baseline", seen.record["candidate"]["contender"]]
        assert [look.run_id for look in seals.looks(tx, seals.current(tx, feature_id).id or 0)] == [seen.run_id]
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    sealed = _sealed_ids(desk)
    for spec in runner.ran:
        if spec.kind is JobKind.TRAIN:
            read = {part: desk.services.artifacts.path(artifact) for part, artifact in spec.inputs.items()}
            told = "".join((folder / "rows.jsonl").read_text() for folder in read.values())
            assert not [row for row in sealed if f'"{row}"' in told]


def _sealed_ids(desk: Desk) -> list[str]:
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        return list(label_rows.ids(tx, label_rows.newest(tx, feature_id).id or 0, Part.SEALED))


def test_a_fourth_look_is_refused_before_anything_is_opened(desk: Desk) -> None:
    ready(desk)
    for _ in range(3):
        assert run(desk, Script(right=BETTER)).state is RunState.DONE
    with pytest.raises(NotReady, match="looked at 3 times"):
        investigations.quote(desk, SLUG, budget_usd=50, effort=Effort.QUICK)
    with pytest.raises(NotReady, match="looked at 3 times"):
        run(desk, Script(right=BETTER))


def test_later_looks_are_judged_at_a_smaller_alpha(desk: Desk) -> None:
    ready(desk)
    levels = [run(desk, Script(right=BETTER)).record["quality"]["level"] for _ in range(3)]
    assert levels == pytest.approx([0.96, 0.992, 0.998])


def test_an_endpoint_that_refuses_the_key_ends_the_run_with_its_sentence(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right=BETTER, stopped="http://127.0.0.1:9/v1 says 401: the key is not valid."))
    assert seen.state is RunState.FAILED
    assert "401" in seen.reason
    assert {task.name: task.note for task in seen.tasks}["ask baseline"] == "stopped here"


def test_rows_without_an_answer_are_asked_again_and_then_named(desk: Desk) -> None:
    ready(desk)
    scripted(desk.services, Script(right=BETTER, unanswered=25))
    started = investigations.start(desk, ANN, SLUG, effort=Effort.QUICK)
    stepper = DirectStepper(desk.services)
    investigate(stepper, Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    assert seen.state is RunState.FAILED
    assert "left 25 of" in seen.reason
    assert stepper.slept == list(RETRY_SECONDS)


def test_a_prompted_model_that_answers_nonsense_is_told_to_the_owner(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right=BETTER, nonsense=True))
    assert seen.state is RunState.FAILED
    assert "only 0 replies were one of the 3 labels" in seen.reason
    assert "(simulated)" in seen.reason


def test_served_answers_that_differ_stop_the_run_before_the_seal(desk: Desk) -> None:
    ready(desk, count=2_000)  # dev then surely holds 200 rows, whatever the salt
    seen = run(desk, Script(right=BETTER, agree=0.9))
    assert "Served answers differ from offline on 20 of 200 rows (90.0%, need 99%); first: id row-3." in seen.reason
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        assert seals.looks(tx, seals.current(tx, feature_id).id or 0) == []


def test_a_collapsed_candidate_is_never_promoted(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right={**BETTER, "frozen": 0.95}, alarms={"frozen": "collapsed"}))
    assert seen.record["candidate"]["rung"] == "tfidf"
    assert next(line for line in seen.record["rungs"] if line["rung"] == "frozen")["alarm"] == "collapsed"


def test_too_few_labels_are_refused_with_how_many_there_are(desk: Desk) -> None:
    ready(desk, count=120)
    with pytest.raises(NotReady, match=f"{SLUG} has 120 usable labels: .* needs 300 train and 200 sealed") as refused:
        investigations.start(desk, ANN, SLUG)
    assert "of an upload about 45% go to train and 40% are sealed" in refused.value.message
    upload, rest = refused.value.hint.removeprefix("Upload about ").split(" ", 1)
    assert int(upload.replace(",", "")) > (300 - 52) / 0.45  # chance needs room
    assert rest == f"more: /assay labels {SLUG}"


def test_one_open_run_per_feature(desk: Desk) -> None:
    ready(desk)
    first = investigations.start(desk, ANN, SLUG)
    again = investigations.start(desk, ANN, SLUG)
    assert again.existed
    assert again.run_id == first.run_id


def test_a_run_leaves_a_deed_and_the_chain_holds(desk: Desk) -> None:
    ready(desk)
    run(desk, Script(right=BETTER))
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        assert [deed.verb for deed in deeds.of_feature(tx, feature_id)][:2] == ["decide", "investigate"]
        assert deeds.broken_at(tx) is None


def test_each_training_is_quoted_before_it_begins_and_one_too_large_for_the_host_says_so(desk: Desk) -> None:
    ready(desk)
    host, task = replace(host_of(""), memory_mb=700), Task(approach="classify")
    assert rung_of("frozen").quote(host, task, 1_000, 20).memory_mb > 700
    assert "takes about" in plan.too_large(rung_of("frozen").quote(host, task, 1_000, 20), host)
    assert plan.too_large(rung_of("majority").quote(host, task, 1_000, 20), host) == ""
    seen = run(desk, Script(right=BETTER, stopped="the key was refused"))
    notes = {task.name: task.note for task in seen.tasks}
    assert notes["train majority"] == "time unknown until the first run on this host, about 150 MB of memory"
