"""Self-consistency is one more prompted option: asked for, quoted, paid k-fold, and to beat where it is best."""

from __future__ import annotations

import pathlib

import pytest

from bot.blockkit.render import render
from bot.messages.investigation import card, quoted
from engine.desk import Desk, investigations, policies, verdicts
from engine.errors import Invalid
from engine.models.verdict import Outcome
from engine.testing.scripted_server import scripted_app, serving
from tests.flows import ready as classes
from tests.flows.ready import ANN
from tests.flows.reasoned import SLUG, Solver, ready, run
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases."""
    return sqlite_in(tmp_path)


def test_an_option_that_votes_is_the_one_to_beat_where_it_is_best_and_costs_as_many_calls(desk: Desk) -> None:
    solver = Solver()
    with serving(scripted_app(solver.script)) as url:
        ready(desk, url)
        policies.change(desk, ANN, SLUG, {"evaluation_votes": "3"})
        without = run(desk, votes=False)
        assert set(solver.temperatures) == {0}, "nobody asked for votes, so nothing of them is paid"
        assert [one["contender"] for one in without.record["contenders"]] == ["baseline", "few_shot", "cheaper"]
        quote = investigations.quote(desk, SLUG, budget_usd=20.0, effort=None, votes=True)
        seen = run(desk, votes=True)
    assert seen.record["prompted"]["contender"] == "votes", seen.reason
    found = {one["contender"]: one for one in seen.record["contenders"]}
    assert found["baseline"]["dev_score"] < 0.7 < found["votes"]["dev_score"] == 1.0
    assert found["votes"]["call_nano"] == 3 * found["baseline"]["call_nano"]
    assert (found["votes"]["samples"], found["votes"]["valid_share"]) == (3, 1.0)
    assert found["votes"]["dev_alone"] == pytest.approx(2 / 3)
    assert "samples" not in found["baseline"]
    assert seen.outcome == Outcome.NO_GO
    assert verdicts.of_run(desk, seen.run_id).same
    rows = seen.record["parts"]["dev"] + seen.record["parts"]["sealed"]
    assert solver.temperatures[0.7] == 3 * rows == seen.record["bill"]["paid_calls"]
    told = render(card(seen)).said
    assert "votes of the current prompt (simulated): 100 % on dev, $0.00066 a call" in told
    assert "Prompted (simulated): $0.00066 a call" in told
    assert "each call is 3 samples that vote, one alone is right on 66.7 %" in told
    votes = seen.record["candidate"]["votes"]
    assert votes == {"samples": 3, "times": 3.0, "quality": 0.45, "alone": 0.25, "valid_share": 1.0}
    assert "Where 3 samples of the tuned model vote it is right on 45 % of dev rows" in told
    assert quote.prompted_calls == 5 * quote.dev_rows + 3 * quote.sealed_rows
    assert 0 < quote.asking.votes_usd < (quote.asking.usd or 0)
    said = render(quoted(quote))
    assert "A call of it costs 3 times as much" in said.said
    assert f"in about {quote.prompted_calls} calls at most" in said.said


def test_how_often_a_row_is_asked_and_at_what_temperature_is_policy_and_votes_are_for_reasoned_answers(
    desk: Desk,
) -> None:
    with serving(scripted_app(Solver().script)) as url:
        ready(desk, url)
    policies.change(desk, ANN, SLUG, {"evaluation_votes": "7", "evaluation_vote_temperature": "1"})
    found = investigations.quote(desk, SLUG, budget_usd=20.0, effort=None, votes=True).votes
    assert found is not None
    assert (found.samples, found.temperature) == (7, 1.0)
    with pytest.raises(Invalid, match="evaluation_votes"):
        policies.change(desk, ANN, SLUG, {"evaluation_votes": "2"})
    classes.ready(desk, money=False)
    with pytest.raises(Invalid, match=r"ticket-mood is classify: votes are for answers that are worked out"):
        investigations.start(desk, ANN, classes.SLUG, votes=True)
