"""Texts are compared by a judge and people: what opens the seal, what blocks, and what comes out."""

from __future__ import annotations

import pytest

from bot.blockkit.render import render
from bot.messages.investigation import QuoteMessage
from bot.messages.verdict import verdict
from bot.pages.report import shown
from engine.desk import Desk, investigations, verdicts
from engine.errors import NotReady
from engine.flows.steps.reading import measure
from engine.models.investigation import Effort, RunState
from engine.runners import JobKind
from engine.store import features, seals
from engine.testing.runner import ScriptedRunner
from tests.flows.voiced import JUDGE, SLUG, Voices, compare, ready, run


def the_runner(desk: Desk) -> ScriptedRunner:
    assert isinstance(desk.services.runner, ScriptedRunner)
    return desk.services.runner


def looks(desk: Desk) -> int:
    with desk.services.database.read() as tx:
        seal = seals.current(tx, features.by_slug(tx, SLUG).id or 0)
        return seals.next_look(tx, seal.id or 0) - 1


def test_without_people_a_judge_proves_nothing_and_no_look_is_spent(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Voices())
    assert (seen.state, seen.outcome) == (RunState.DONE, "INCONCLUSIVE"), seen.reason
    assert "people judged 0 of the 100 that are needed" in seen.reason
    assert looks(desk) == 0


def test_with_people_who_agree_the_seal_is_opened_and_the_win_rate_is_theirs(desk: Desk) -> None:
    ready(desk)
    run(desk, Voices())
    compare(desk, Voices(wrong=0.05))
    seen = run(desk, Voices())
    assert looks(desk) == 1
    quality = seen.record["quality"]
    assert quality["metric"] == "win_rate"
    assert quality["finding"] == "better"
    assert 0.2 < quality["difference"] < 0.5
    with desk.services.database.read() as tx:
        known = measure(tx, desk.services, features.by_slug(tx, SLUG)).facts
    assert known.prompted_quality_high is None, "one half, whoever writes, says nothing of a wall"


def test_both_records_decide_again_to_the_same(desk: Desk) -> None:
    ready(desk)
    for seen in (run(desk, Voices()), (compare(desk, Voices(wrong=0.05)), run(desk, Voices(pull=0.2)))[1]):
        again = verdicts.of_run(desk, seen.run_id)
        assert (again.same, again.differs, again.missing) == (True, (), ())


def test_the_quote_names_the_judge_and_what_people_must_do_first(desk: Desk) -> None:
    ready(desk)
    found = investigations.quote(desk, SLUG, budget_usd=50, effort=Effort.NORMAL)
    assert found.prospects.bench is not None
    assert (found.prospects.bench.model, found.prospects.bench.simulated) == (JUDGE, True)
    assert found.judge_calls == 2 * (found.dev_rows + found.sealed_rows)
    said = render(QuoteMessage(found, "words")).said
    assert "simulated-judge-1 (simulated) says which of two reads better, each pair in both orders" in said
    assert "people must have compared 100 pairs on dev" in said
    assert "without opening a sealed row" in said


@pytest.mark.parametrize(
    ("judge", "why"),
    [
        ("", "a model judges pairs of them, and none is named"),
        ("simulated-frontier-2", "of the simulated frontier family, as is the baseline model"),
        ("SmolLM2-1.7B", "of the SmolLM family, as is the candidate model"),
    ],
)
def test_who_may_not_judge_is_refused_before_anything_is_paid(desk: Desk, judge: str, why: str) -> None:
    ready(desk, judge=judge)
    with pytest.raises(NotReady, match=why):
        run(desk, Voices())


def test_too_few_dev_rows_for_people_are_refused(desk: Desk) -> None:
    ready(desk, count=500, evaluation_train_rows_least="50", evaluation_sealed_rows_least="50")
    with pytest.raises(NotReady, match="People must compare 100 pairs of texts on dev"):
        run(desk, Voices())


def test_people_who_see_it_otherwise_block_the_verdict_and_spare_the_look(desk: Desk) -> None:
    ready(desk)
    run(desk, Voices())
    compare(desk, Voices(better=0.5, wrong=0.4))
    seen = run(desk, Voices(better=0.5))
    assert seen.outcome == "INCONCLUSIVE"
    assert seen.reason == "the judge agrees too little with people"
    (gate,) = [one for one in seen.record["gates"] if one["name"] == "judge"]
    assert gate["status"] == "fail"
    assert gate["value"] < 0.6
    assert looks(desk) == 0


def test_a_judge_that_takes_the_first_text_is_told_and_its_wins_do_not_count(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Voices(better=0.5, pull=1.0))
    judge = seen.record["judge"]
    assert judge["swap"]["slot_bias"] == 1.0
    assert judge["dev"]["tally"]["candidate_both"] == 0
    assert seen.record["quality"]["difference"] == 0.0


def test_a_worse_writer_is_no_go_whatever_the_judge_costs(desk: Desk) -> None:
    ready(desk)
    run(desk, Voices(better=0.1))
    compare(desk, Voices(better=0.1))
    seen = run(desk, Voices(better=0.1))
    assert (seen.outcome, seen.record["quality"]["finding"]) == ("NO_GO", "worse")
    assert seen.record["quality"]["prompted"] == 0.5


def test_texts_that_break_the_teams_rules_lose_without_a_judge(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Voices(rude=0.5))
    ruled, tally = (seen.record["judge"]["dev"][name] for name in ("ruled", "tally"))
    assert ruled["lost"] > 20
    assert sum(ruled.values()) + sum(tally.values()) == seen.record["parts"]["dev"]


def test_a_judge_that_answers_something_else_ends_the_run_with_its_reason(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Voices(nonsense=True))
    assert seen.state is RunState.FAILED
    assert "only 0 replies were A, B or tie" in seen.reason


def test_the_second_run_trains_and_asks_nothing_anew_on_dev(desk: Desk) -> None:
    ready(desk)
    run(desk, Voices())
    before = len(the_runner(desk).ran)
    compare(desk, Voices())
    run(desk, Voices())
    kinds = [spec.kind for spec in the_runner(desk).ran[before:]]
    assert JobKind.TRAIN not in kinds


def test_message_and_page_tell_the_judge_people_and_what_is_next(desk: Desk) -> None:
    ready(desk)
    first = run(desk, Voices())
    said = render(verdict(first)).said
    assert "100 more pairs by people are needed before the sealed rows are opened" in said
    assert f"Next: /assay labels {SLUG} pairs=120" in said
    assert "simulated-judge-1 (simulated) judged" in said
    assert "nothing was opened" in shown(desk, first.run_id)
    compare(desk, Voices(wrong=0.05))
    second = run(desk, Voices())
    told = shown(desk, second.run_id)
    assert "Cohen&#39;s kappa" in told or "Cohen's kappa" in told
    assert "corrected by people" in told
    assert "the judge preferred the tuned text in both orders" in told
    assert "tally" not in str(second.record["judge"]["sealed"]), "counts of sealed pairs stay under the seal"
