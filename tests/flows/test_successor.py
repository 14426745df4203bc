"""A new model must beat the one that is live and the best prompted option, on the same rows of the same look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.grammar import parse
from bot.messages import months
from bot.messages.digest import line_of
from bot.messages.investigation import start_words
from engine.desk import Desk, investigations
from engine.errors import NotReady
from engine.flows.investigate import investigate
from engine.flows.steps import money, release
from engine.flows.steps.recompute import recompute
from engine.models.investigation import Brief, Candidate, Effort, Investigation, Recipe
from engine.models.labels import Part
from engine.models.verdict import Outcome
from engine.rules.gates import NO_BETTER, UNSURE, GateFacts, GateLimits, SliceFact, broken, gates, invalid
from engine.store import investigations as runs
from engine.store import seals, usage, verdicts
from engine.testing import alike
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper
from tests.builders import ASKER, SLUG
from tests.flows.live import START, a_live_model, a_month_of_traffic
from tests.flows.test_rebaseline import ready

FACTS: dict[str, Any] = {
    "leaks": 0, "teacher_rows": 0, "look": 1, "prompted_age_days": 0.1, "parity_agree": 100, "parity_rows": 100,
    "groups": None, "valid_rows": 400, "rows": 400, "prompted_valid_share": 1.0, "latency_p95_ms": 9.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("lead", "low", "why_not", "why_unsure"),
    [
        (0.05, -0.01, (), ()),
        (0.0, -0.01, (NO_BETTER,), ()),
        (-0.03, -0.05, (NO_BETTER,), ()),
        (0.01, -0.02, (), (UNSURE,)),
        (0.01, -0.0199, (), ()),
    ],
)
def test_a_live_model_stays_unless_the_new_one_is_better_and_surely_not_worse(
    lead: float, low: float, why_not: tuple[str, ...], why_unsure: tuple[str, ...]
) -> None:
    facts = GateFacts(**FACTS, live=SliceFact("live model", 400, lead, low, lead + 0.06))
    found = gates(facts, GateLimits(margin=0.02))
    assert (broken(found), invalid(found)) == (why_not, why_unsure)
    assert not {gate.name for gate in gates(GateFacts(**FACTS), GateLimits(margin=0.02))} & {"live model"}


def retrained(desk: Desk, clock: FixedClock, *, live: float, fresh: float) -> dict[str, Any]:
    """The record of a run beside a live model, each right on so many of ten rows; the baseline on nine."""
    ready(desk, clock)
    alike.play(desk.services, {"baseline": 0.8, "few_shot": 0.8, "lora_causal": live, "tfidf": fresh, "frozen": fresh})
    run = investigations.start(desk, ASKER, SLUG, effort=Effort.QUICK, budget_usd=50.0)
    investigate(DirectStepper(desk.services), Brief(run_id=run.run_id))
    with desk.services.database.read() as tx:
        verdict = verdicts.of_run(tx, run.run_id)
        assert verdict is not None, investigations.status(desk, run.run_id)[0].reason
        answered = [len(runs.predictions(tx, run.run_id, name, Part.SEALED)) for name in ("live model", "baseline")]
        assert answered[0] == answered[1] == verdict.record["quality"]["n"]
        assert len(seals.looks(tx, seals.current(tx, 1).id or 0)) == 1, "both are read in one look"
    return verdict.record


def test_beside_a_live_model_a_prompted_call_costs_what_those_it_answered_cost(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    a_month_of_traffic(desk, START, 31, a_day=29_700, call_usd=None)  # on a server of ours
    a_month_of_traffic(desk, START, 31, side="baseline", a_day=300, call_usd=0.0022)
    assert _a_prompted_call(desk) == pytest.approx(0.0022), "else nothing would be worth its cost beside a live model"
    a_month_of_traffic(desk, START + timedelta(hours=1), 31, side="baseline", a_day=1, call_usd=None)
    assert _a_prompted_call(desk) is None


def _a_prompted_call(desk: Desk) -> float | None:
    with desk.services.database.read() as tx:
        return money.prompted_call_usd(usage.last_month(tx, 1, datetime(2026, 2, 2, 9, tzinfo=UTC)))


def test_a_model_that_beats_both_says_what_the_live_one_scored(desk: Desk, clock: FixedClock) -> None:
    record = retrained(desk, clock, live=0.7, fresh=0.97)
    assert record["live"]["difference"] > 0.15
    assert {gate["name"]: gate["status"] for gate in record["gates"]}["live model"] == "pass"
    assert not {NO_BETTER, UNSURE} & set(record["reasons"]), record["reasons"]
    assert record["quality"]["finding"] == "better", "than the best prompted option too"
    told = release.of_record(record)["live"]
    assert told["rows"] == record["live"]["rows"]
    assert told["quality"] == pytest.approx(record["released"]["candidate"] - told["difference"])
    assert "pairs" not in told
    again = recompute(record)
    assert (again.is_same, again.differences) == (True, ())


def test_a_model_no_better_than_the_live_one_does_not_take_its_place(desk: Desk, clock: FixedClock) -> None:
    record = retrained(desk, clock, live=0.97, fresh=0.97)
    assert record["decision"] == Outcome.NO_GO
    assert NO_BETTER in record["reasons"]
    assert record["quality"]["difference"] > 0.1, "though it beats the best prompted option"
    assert recompute(record).is_same
    changed = {**record, "live": {**record["live"], "difference": 0.2}}
    assert not recompute(changed).is_same


def test_a_retraining_trains_last_times_recipe_alone_with_its_effort(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock)
    with pytest.raises(NotReady, match="no recipe of last time"):
        investigations.quote(desk, SLUG, budget_usd=50.0, effort=None, again=True)
    last_time(desk)
    quoted = investigations.quote(desk, SLUG, budget_usd=50.0, effort=None, again=True)
    assert quoted.last is not None
    assert (quoted.last.recipe.name, quoted.last.run_id, quoted.effort) == ("tfidf-2", "inv-one", Effort.QUICK)
    assert start_words(quoted) == f"investigate {SLUG} budget=50 effort=quick recipe=last"
    alike.play(desk.services, {"baseline": 0.8, "few_shot": 0.8, "tfidf": 0.95})
    run = investigations.start(desk, ASKER, SLUG, budget_usd=50.0, again=True)
    investigate(DirectStepper(desk.services), Brief(run_id=run.run_id))
    with desk.services.database.read() as tx:
        made = runs.candidates(tx, run.run_id)
    assert [(one.contender, one.recipe["settings"]) for one in made] == [("tfidf-2", {"words": 2})]


def test_the_button_under_the_advice_asks_for_last_times_recipe() -> None:
    line = line_of(months.look(advice="RETRAIN", reasons=["90 days"]))
    assert (line.words, line.press) == ("investigate ticket-router recipe=last", "Retrain ticket-router")
    assert parse(line.words).options == {"recipe": "last"}


def last_time(desk: Desk) -> None:
    """The run whose candidate is live, with what it trained."""
    recipe = Recipe(rung="tfidf", name="tfidf-2", seed=3, settings={"words": 2})
    with desk.services.database.write() as tx:
        run = Investigation(
            run_id="inv-one", feature_id=1, budget_nano=0, requested_by="U1", effort=Effort.QUICK,
            created_at=desk.services.clock.now(),
        )  # fmt: skip
        runs.add(tx, run)
        made = Candidate(
            run_id="inv-one",
            contender="tfidf-2",
            rung="tfidf",
            artifact="d3b0" * 16,
            recipe=recipe.model_dump(mode="json"),
        )
        runs.add_candidate(tx, made)
        verdict = verdicts.of_run(tx, "inv-one")
        assert verdict is not None
        chosen = {**verdict.record["candidate"], "contender": "tfidf-2", "rung": "tfidf"}
        verdict.record = {**verdict.record, "candidate": chosen}
        tx.add(verdict)
