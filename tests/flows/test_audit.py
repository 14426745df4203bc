"""Fresh labels of a live model: people are asked for them, it answers them, and what they say reaches the advice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.desk import Desk, editions, queues
from engine.flows.digest import Month, digest
from engine.flows.steps import agreeing, alert, audit, versions
from engine.models.actor import Actor
from engine.models.checkup import Advice
from engine.models.investigation import Investigation
from engine.models.labelling import QueuePurpose, QueueState
from engine.models.labels import LabelRow, Origin, Part, Provenance, Source
from engine.runners import JobKind
from engine.store import checkups, examples, fresh, investigations, labels, rebaselines
from engine.store import features as feature_rows
from engine.testing import alike
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper
from engine.testing.runner import ScriptedRunner
from tests.builders import ANN, ASKER, BO, CLASSES, CY, SLUG, some_calls
from tests.desk.test_queues import work_off
from tests.flows.live import a_month_of_traffic
from tests.flows.test_rebaseline import BETTER, ready

FEBRUARY = datetime(2026, 2, 2, 9, tzinfo=UTC)
FRESH = range(5_000, 5_060)


def live(desk: Desk, clock: FixedClock, right: float = 0.95, **policy: str) -> None:
    """Live all January, judged on the newest labels, and right on so many of ten rows ever since."""
    ready(desk, clock, **{"audit_rows": "24", "audit_rows_least": "20", "rebaseline_models": "none", **policy})
    with desk.services.database.write() as tx:
        newest = labels.newest(tx, 1)
        run = Investigation(
            run_id="inv-one", feature_id=1, budget_nano=0, requested_by="U1", label_set_id=newest.id,
            created_at=clock.now(),
        )  # fmt: skip
        investigations.add(tx, run)
    alike.play(desk.services, {"baseline": 0.9, "lora_causal": right})


def captured(desk: Desk, at: datetime, numbers: range = FRESH) -> None:
    """Calls whose texts were kept."""
    with desk.services.database.write() as tx:
        calls = [one for one in some_calls(numbers.stop, at) if int(one.id.removeprefix("t")) in numbers]
        examples.keep(tx, 1, SLUG, calls)


def labelled(desk: Desk, numbers: range) -> None:
    """New labels of a file."""
    rows = [
        LabelRow(
            line=n, id=f"fresh-{n}", input=f"{n} " + " ".join(f"{word}{n}" for word in "abcd"), output=CLASSES[n % 2]
        )
        for n in numbers
    ]
    with desk.services.database.write() as tx:
        made = Provenance(by="U1", origin=Origin.FILE)
        versions.store(tx, desk.services, feature_rows.by_slug(tx, SLUG), rows, actor=ASKER, made=made)


def month(desk: Desk, clock: FixedClock, period: str, now: datetime) -> dict[str, Any]:
    """The facts of a month's checkup, its digest made at a moment."""
    clock.moment = now
    digest(DirectStepper(desk.services), Month(period=period))
    with desk.services.database.read() as tx:
        found = checkups.of(tx, 1, period)
    assert found is not None
    return found.facts


def test_people_are_asked_for_fresh_labels_and_the_checkup_says_how_many_are_missing(
    desk: Desk, clock: FixedClock
) -> None:
    live(desk, clock)
    captured(desk, datetime(2026, 1, 20, tzinfo=UTC))
    facts = month(desk, clock, "2026-01", FEBRUARY)
    assert (facts["audit"]["missing"], facts["audit"]["broken"], facts["audit"]["rows"]) == (24, None, 0)
    opened = queues.show(desk, SLUG)
    assert facts["audit"]["queue"] == opened.name
    assert (opened.purpose, opened.by) == (QueuePurpose.LABEL, "")
    assert opened.double_share == pytest.approx(10 / opened.size), "ten at least go to two people"
    assert opened.size > 24, "a share of what people label is sealed"
    assert audit.ask_people(desk.services, 1, "2026-01").queue == "", "a step that is done again opens no second one"
    assert month(desk, clock, "2026-02", FEBRUARY + timedelta(days=28))["audit"]["queue"] == opened.name, (
        "one at a time"
    )


def test_what_people_label_is_answered_by_the_live_model_and_judged_against_its_bar(
    desk: Desk, clock: FixedClock
) -> None:
    live(desk, clock)
    captured(desk, datetime(2026, 1, 20, tzinfo=UTC))
    month(desk, clock, "2026-01", FEBRUARY)
    name = queues.show(desk, SLUG).name
    work_off(desk, ANN, BO, CY)
    assert queues.by_name(desk, name).state is QueueState.CLOSED
    a_month_of_traffic(desk, datetime(2026, 2, 1, tzinfo=UTC), 28)
    facts = month(desk, clock, "2026-02", datetime(2026, 3, 2, 9, tzinfo=UTC))
    found = facts["audit"]
    with desk.services.database.read() as tx:
        rows = fresh.rows(tx, 1, 1)
        sealed = labels.ids(tx, labels.newest(tx, 1).id or 0, Part.SEALED)
    assert found["rows"] == len(rows) >= 20
    assert all(one.is_random and one.label.row_id not in sealed for one in rows)
    right = sum(alike.bucket("story", one.label.row_id) < 0.95 for one in rows)
    assert found["quality"] == right / len(rows)
    assert found["bar"] == pytest.approx(0.924 - 0.02), "what the verdict released of its score, less the margin then"
    assert (found["broken"], facts["quality_broken"], facts["advice"]) == (False, False, Advice.KEEP)
    twice = facts["people"]["twice"]
    assert (twice["rows"], twice["agreed"], twice["too_low"]) == (10, 1.0, None), "ten texts are too few to say"
    assert facts["people"]["again"] is None, "no label is older than a quarter"
    before = len(_predicted(desk))
    month(desk, clock, "2026-03", datetime(2026, 4, 1, 9, tzinfo=UTC))
    assert len(_predicted(desk)) == before, "what was answered is not answered again"


def test_nobody_is_asked_for_old_labels_where_no_fresh_text_hides_them(desk: Desk, clock: FixedClock) -> None:
    live(desk, clock)
    clock.move(days=100)
    with desk.services.database.read() as tx:
        assert agreeing.draw(tx, 1, 30, clock.now())
    assert audit.ask_people(desk.services, 1, "2026-04").queue == ""


def test_a_model_that_fell_below_its_bar_is_to_be_retrained_and_the_week_is_told_once(
    desk: Desk, clock: FixedClock
) -> None:
    live(desk, clock, right=0.3)
    captured(desk, datetime(2026, 1, 20, tzinfo=UTC))
    month(desk, clock, "2026-01", FEBRUARY)
    work_off(desk, ANN, BO, CY)
    a_month_of_traffic(desk, datetime(2026, 2, 1, tzinfo=UTC), 28)
    facts = month(desk, clock, "2026-02", datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert (facts["audit"]["broken"], facts["quality_broken"], facts["advice"]) == (True, True, Advice.RETRAIN)
    assert "surely below the 90 % it must keep" in facts["retrain_due"][0]
    assert [key for key, _ in alert.changes(facts, {}) if key.startswith("audit/")] == ["audit/1"]


def test_rows_the_model_was_judged_or_trained_on_are_never_fresh_whatever_brings_them_back(
    desk: Desk, clock: FixedClock
) -> None:
    live(desk, clock)
    labelled(desk, range(5_100, 5_110))
    with desk.services.database.read() as tx:
        made = {one.label.row_id: one.is_random for one in fresh.rows(tx, 1, 1)}
        first = labels.versions(tx, 1)[0].name
    assert made
    assert not any(made.values()), "nobody knows how a file's rows were chosen"
    editions.rollback(desk, ASKER, SLUG, first)
    with desk.services.database.read() as tx:
        assert fresh.rows(tx, 1, 1) == []


def test_no_label_of_a_teacher_and_no_other_approach_is_held_against_it(desk: Desk, clock: FixedClock) -> None:
    live(desk, clock)
    taught = [LabelRow(line=1, id="t", input="a text of a teacher", output="bug", source=Source.TEACHER)]
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        made = Provenance(by="U1", origin=Origin.TEACHER, maker="m")
        versions.store(tx, desk.services, feature, taught, actor=Actor(id="U1"), made=made)
        assert fresh.rows(tx, 1, 1) == []


def test_the_newest_models_are_asked_the_fresh_rows_too_and_told_apart(desk: Desk, clock: FixedClock) -> None:
    live(desk, clock, rebaseline_models=BETTER)
    labelled(desk, range(5_100, 5_160))
    month(desk, clock, "2026-01", FEBRUARY)
    with desk.services.database.read() as tx:
        row = rebaselines.of(tx, 1, "2026-01")
        (look,) = checkups.of_feature(tx, 1)
        asked = {
            label.row_id for label, _ in investigations.predictions(tx, row.run_id if row else "", BETTER, Part.SEALED)
        }
        rows = fresh.rows(tx, 1, 1)
    assert row is not None
    assert row.reason == ""
    told = row.results["fresh"]
    assert set(told) == {"other"}
    assert told["other"]["rows"] == len(rows)
    assert row.rows == len(asked), "the sealed half is judged alone"
    assert {one["model"] for one in look.facts["fresh_options"][0]["options"]} == {"gpt-4o-mini", BETTER}


def _predicted(desk: Desk) -> list[Any]:
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    return [spec for spec in runner.ran if spec.kind is JobKind.PREDICT]
