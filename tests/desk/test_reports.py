"""What pages tell beyond a record and a reading: dev rows alone, and the verdict's own money over the months."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from bot import links
from bot.pages import reading as reading_page
from bot.pages import report as report_page
from engine.desk import Desk, investigations, open_desk, operate, reports
from engine.errors import NotFound, NotReady
from engine.flows.steps import report as step
from engine.models.actor import Actor, Role
from engine.models.labels import Part
from engine.models.verdict import Outcome
from engine.store import investigations as runs
from engine.store.database import Tx
from engine.testing.clock import FixedClock
from tests.builders import a_feature, a_verdict, texts_of
from tests.conftest import services_at
from tests.flows.ready import BETTER, SLUG, ready, run
from tests.flows.scripted import Script

Record = dict[str, Any]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, str]]:
    """A desk whose one investigation ended with a verdict, and its run."""
    home = tmp_path_factory.mktemp("reports")
    services = services_at(f"sqlite:///{home / 'assay.db'}", home, FixedClock())
    operate.prepare(services)
    desk = open_desk(services)
    ready(desk)
    yield desk, run(desk, Script(right=BETTER)).run_id
    desk.close()


@pytest.fixture(scope="module")
def record(judged: tuple[Desk, str]) -> Record:
    desk, run_id = judged
    (seen,) = investigations.status(desk, run_id)
    return seen.record


class Undone(Exception):
    """Ends a transaction whose changes are for one test alone."""


@contextmanager
def undone(desk: Desk) -> Iterator[Tx]:
    """A transaction that leaves nothing behind."""
    with suppress(Undone), desk.services.database.write() as tx:
        yield tx
        raise Undone


def test_rows_won_and_lost_are_those_of_dev_and_none_of_the_sealed(judged: tuple[Desk, str], record: Record) -> None:
    desk, run_id = judged
    found = reports.of_run(desk, run_id).apart
    assert found is not None
    ours, theirs = (record["dev"][f"{side}_confusion"] for side in ("candidate", "prompted"))
    right = [sum(line[place] for place, line in enumerate(side)) for side in (ours, theirs)]

    assert found.won_rows - found.lost_rows == right[0] - right[1]
    shown = {row.text for row in (*found.won, *found.lost)}
    assert shown <= set(texts_of(desk, Part.DEV, slug=SLUG))
    assert all(row.candidate == row.expected != row.prompted for row in found.won)
    assert all(row.prompted == row.expected != row.candidate for row in found.lost)


def test_no_page_holds_a_sealed_text(judged: tuple[Desk, str]) -> None:
    desk, run_id = judged
    html = report_page.shown(desk, run_id)

    assert [text for text in texts_of(desk, Part.DEV, slug=SLUG) if f">{text}<" in html]
    assert not [text for text in texts_of(desk, Part.SEALED, slug=SLUG) if f">{text}<" in html]


def test_a_row_taken_out_since_is_not_shown(judged: tuple[Desk, str], record: Record) -> None:
    desk, run_id = judged
    before = reports.of_run(desk, run_id).apart
    assert before is not None
    gone = before.won[0]

    with undone(desk) as tx:
        rows = runs.predictions(tx, run_id, "baseline", Part.DEV)
        next(label for label, _ in rows if label.row_id == gone.row_id).removed_in = 2
        after = step.of_run(tx, runs.by_run(tx, run_id), record).apart
        assert after is not None
        assert after.won_rows == before.won_rows - 1
        assert gone not in after.won


def test_long_texts_and_answers_that_are_no_label_are_cut(judged: tuple[Desk, str], record: Record) -> None:
    desk, run_id = judged
    with undone(desk) as tx:
        for label, said in runs.predictions(tx, run_id, "baseline", Part.DEV):
            label.input = "so late \n" * 200
            if not said.correct:
                said.output, said.valid = "As a model, " * 50, False
        found = step.of_run(tx, runs.by_run(tx, run_id), record).apart
        assert found is not None
        assert {len(row.text) for row in (*found.won, *found.lost)} == {step.TEXT_MOST}
        assert {(len(row.prompted), row.prompted_valid) for row in found.won} == {(step.ANSWER_MOST, False)}


def test_the_ledger_and_the_times_are_told(judged: tuple[Desk, str]) -> None:
    desk, run_id = judged
    found = reports.of_run(desk, run_id)
    mine = next(look for look in found.looks if look.is_this)

    assert (mine.run_id, mine.alpha, mine.purpose) == (run_id, 0.02, "confirm")
    assert found.seal_number == 1
    assert len(found.looks) + len(found.looks_left) == 3
    assert found.moments[0].name == "asked"
    assert found.moments[-1].name == "decided"
    assert found.asked.by == "U1"
    assert found.asked.label_sources == {"person": 1_500}


def test_the_money_over_the_months_is_the_verdicts_own(record: Record) -> None:
    found = reports.forecast_of(record)
    assert found is not None
    simulation, even = record["cost"]["simulation"], found.curve.break_even

    assert found.p_payback == pytest.approx(simulation["p_payback"])
    assert found.saving_low == pytest.approx(simulation["saving_low"])
    assert even.planned == pytest.approx(record["cost"]["payback_months"])
    assert even.share == pytest.approx(simulation["p_payback"])
    assert found.curve.tune.planned[0] == record["cost"]["plan"]["one_time_usd"]


def test_a_break_even_after_the_policys_months_is_still_on_the_picture(record: Record) -> None:
    slow = copy.deepcopy(record)
    del slow["forecast"]  # as an early record, whose draws were not kept
    plan = slow["cost"]["plan"]
    plan["one_time_usd"] = 15.5 * (plan["calls_per_month"] * plan["baseline_call_usd"] - plan["fixed_month_usd"])
    found = reports.forecast_of(slow)
    assert found is not None

    assert found.months == 12
    assert found.curve.break_even.planned == pytest.approx(15.5)
    assert found.curve.months[-1] == 19


@pytest.mark.parametrize("part", ["cost", "policy", "seed"])
def test_half_a_record_draws_no_money_and_never_a_guess(record: Record, part: str) -> None:
    half = {name: value for name, value in record.items() if name not in (part, "forecast")}

    assert reports.forecast_of(half) is None


def test_what_each_outcome_needs_is_what_the_ruling_saw(record: Record) -> None:
    found = reports.needs_of(record)
    assert found is not None

    assert found.has_rows
    assert found.is_better
    assert found.is_not_worse
    assert not found.is_worse
    assert found.is_worth_it
    assert found.saves
    assert found.pays_back
    unknown = copy.deepcopy(record)
    unknown["evidence"] |= {"saving_low": None, "payback_probability": None, "npv_usd": None}
    bare = reports.needs_of(unknown)
    assert bare is not None
    assert (bare.saves, bare.pays_back, bare.is_worth_it) == (None, None, None)
    assert reports.needs_of({}) is None


def test_a_run_without_a_verdict_has_no_report(desk: Desk) -> None:
    ready(desk)
    started = investigations.start(desk, Actor(id="U1", role=Role.OPERATOR), SLUG)

    with pytest.raises(NotReady, match="has no verdict"):
        reports.of_run(desk, started.run_id)
    with pytest.raises(NotFound, match="has no verdict"):
        report_page.shown(desk, started.run_id)
    with pytest.raises(NotFound):
        report_page.shown(desk, "inv-nobody22")


def test_a_verdict_stored_with_less_still_has_a_page(desk: Desk) -> None:
    ready(desk)
    started = investigations.start(desk, Actor(id="U1", role=Role.OPERATOR), SLUG)
    a_verdict(desk, slug=SLUG, outcome=Outcome.NO_GO, run_id=started.run_id)

    html = report_page.shown(desk, started.run_id)
    assert "Stay with prompting on ticket-mood" in html
    assert "This record does not carry what is needed to draw it over the months." in html


def test_the_feature_page_draws_its_own_numbers(judged: tuple[Desk, str]) -> None:
    desk, run_id = judged
    found = reports.of_feature(desk, SLUG)
    assert found.forecast is not None

    assert found.calls_per_month == 300
    assert found.forecast.plan.calls_per_month == 300
    assert found.verdicts[0].run_id == run_id
    assert found.said == ()


def test_a_feature_without_traffic_has_a_page_that_says_unknown(desk: Desk) -> None:
    a_feature(desk)
    found = reports.of_feature(desk, "ticket-router")

    assert found.forecast is None
    assert found.call_usd is None


def test_only_its_own_key_opens_a_features_page(judged: tuple[Desk, str]) -> None:
    desk, _ = judged
    assert links.reading(desk, SLUG) == "", "without the bot's token there is no address"
    with pytest.raises(NotFound, match="no such page"):
        reading_page.page(desk, SLUG, "")
