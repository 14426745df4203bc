"""One message follows a run: progress while it is open, the verdict afterwards, never "running" without a heartbeat."""

from __future__ import annotations

import pytest

from bot.blockkit.degrade import plainer
from bot.blockkit.render import render
from bot.blockkit.validate import validate
from bot.messages import examples, investigation
from bot.messages.verdict import VerdictMessage
from engine.models.investigation import RunState, RunTask, TaskState
from tests.unit.messages.reading import buttons, kinds


def test_a_run_with_a_verdict_shows_the_verdict() -> None:
    assert isinstance(investigation.card(examples.judged()), VerdictMessage)


def test_a_run_without_a_heartbeat_is_lost() -> None:
    run = examples.run(lost_since="03 Nov 14:02 UTC")
    text = render(investigation.card(run)).said

    assert "lost contact with the engine since 03 Nov 14:02 UTC" in text
    assert "Investigating" not in text


def test_a_run_that_no_engine_ever_saw_waits_for_one() -> None:
    run = examples.run(state=RunState.QUEUED, lost_since="the start")

    assert "waits: no engine was ever alive." in render(investigation.card(run)).said


def test_an_ended_run_is_not_lost_when_the_engine_stops() -> None:
    run = examples.run(state=RunState.FAILED, lost_since="03 Nov 14:02 UTC")

    assert investigation.progress(run).standing == "failed"


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (RunState.QUEUED, "Investigation of ticket-router waits for the engine."),
        (RunState.RUNNING, "Investigating ticket-router: 3 of 5 steps done."),
        (
            RunState.CANCELLED,
            "Investigation of ticket-router was cancelled. What was paid or trained stays in the caches.",
        ),
        (RunState.FAILED, "Investigation of ticket-router failed."),
    ],
)
def test_the_first_line_says_how_it_stands(state: RunState, line: str) -> None:
    assert render(investigation.progress(examples.run(state=state))).said.splitlines()[0] == line


def test_a_failure_gives_its_reason_and_a_way_on() -> None:
    run = examples.run(state=RunState.FAILED, reason="The key was rejected by api.openai.com.")
    found = render(investigation.progress(run))

    assert "Reason: The key was rejected by api.openai.com." in found.said
    assert buttons(found.blocks)["Investigate again"] == ("verb.run", "investigate ticket-router")
    assert "Cancel" not in buttons(found.blocks)


def test_an_open_run_can_be_cancelled() -> None:
    assert buttons(render(investigation.progress(examples.run())).blocks)["Cancel"] == (
        "investigation.cancel",
        "inv-7k3mq9ab",
    )


def test_every_task_has_a_word_slack_knows() -> None:
    run = examples.run(tasks=tuple(RunTask(name=state, state=state) for state in TaskState))
    blocks = render(investigation.progress(run)).blocks

    assert "plan" in kinds(blocks)
    assert "skipped: skipped" in render(investigation.progress(run)).said


def test_where_plans_are_refused_the_same_words_stand_in_a_list() -> None:
    blocks = plainer(render(investigation.progress(examples.run())).blocks)

    assert "plan" not in kinds(blocks)
    assert "train tfidf" in str(blocks)
    assert validate(blocks, "message") == []


def test_a_run_without_tasks_yet_shows_no_empty_plan() -> None:
    found = render(investigation.progress(examples.run(tasks=(), state=RunState.QUEUED)))

    assert found.blocks
    assert "plan" not in kinds(found.blocks)


def test_no_run_at_all_says_how_to_start_one() -> None:
    assert render(investigation.runs([], "ticket-router")).said == (
        "No investigation of ticket-router yet. Start one: /assay investigate ticket-router"
    )


def test_a_quote_starts_with_the_words_it_shows() -> None:
    found = investigation.quoted(examples.quote(budget_usd=12.5, effort="quick"))

    assert found.words == "investigate ticket-router budget=12.5 effort=quick"
    assert "at most $12.50" in render(found).said


def test_a_simulated_model_is_called_simulated_in_the_quote() -> None:
    found = investigation.quoted(examples.quote(model="simulated-frontier", simulated=True))

    assert "simulated-frontier (simulated)" in render(found).said
