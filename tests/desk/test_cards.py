"""A candidate's model card is written from its decision record, and tells no more of sealed rows than may leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.desk import Desk, artifacts, exports
from engine.errors import Invalid, NotFound
from engine.flows.steps import card as cards
from engine.flows.steps import release
from engine.models.investigation import Candidate, Effort, Investigation
from engine.models.verdict import Outcome, Verdict
from engine.store import features, investigations, verdicts
from tests.builders import SHELL, SLUG, a_feature, a_verdict

EXACT = {"candidate": 0.91827, "prompted": 0.90114, "difference": 0.01713, "low": -0.00671, "high": 0.04139}


def judged(desk: Desk, outcome: Outcome = Outcome.SHIP_CHEAPER) -> tuple[str, str]:
    """The artifacts of the candidate that was held against prompting, and of one that was not."""
    a_feature(desk)
    chosen = desk.services.artifacts.put_files({"encoder.json": b'{"name": "minilm", "sha256": "abcdef0123456789"}'})
    other = desk.services.artifacts.put_files({"candidate.json": b"{}"})
    a_verdict(desk, outcome=outcome)
    with desk.services.database.write() as tx:
        now = desk.services.clock.now()
        feature = features.by_slug(tx, SLUG)
        run = Investigation(
            run_id="inv-one",
            feature_id=feature.id or 0,
            effort=Effort.QUICK,
            budget_nano=1,
            requested_by="U1",
            created_at=now,
        )
        tx.add(run)
        verdict = verdicts.of_run(tx, "inv-one")
        assert isinstance(verdict, Verdict)
        kept = {name: part for name, part in verdict.record.items() if name != "released"}
        verdict.record = {
            **kept,
            "quality": {**verdict.record["quality"], **EXACT},
            "seeds": {
                "lines": [{}] * 3,
                "quality": {"mean": 0.9, "low": 0.88, "high": 0.912},
                "macro_f1": None,
                "hangs": True,
            },
            "candidate": {**verdict.record["candidate"], "contender": "frozen", "artifact": chosen},
        }
        for name, rung, artifact in (("frozen", "frozen", chosen), ("tfidf", "tfidf", other)):
            recipe = {"seed": 7, "settings": {"c": 3.0}}
            made = Candidate(run_id="inv-one", contender=name, rung=rung, artifact=artifact, recipe=recipe)
            investigations.add_candidate(tx, made)
    return chosen, other


def test_a_card_tells_data_base_recipe_scores_and_limits(desk: Desk) -> None:
    chosen, _ = judged(desk)
    card = artifacts.card(desk, chosen[:12])
    with desk.services.database.read() as tx:
        verdict = verdicts.of_run(tx, "inv-one")
    assert verdict is not None
    told = release.quality_of(verdict.record)
    for said in (
        "**SHIP_CHEAPER**",
        f"version {verdict.record['labels_version']}",
        "minilm (sha256 abcdef012345)",
        "frozen, seed 7, c 3.0",
        f"about {told['candidate']:.1%}",
        f"{told['low'] * 100:+.1f} points to {told['high'] * 100:+.1f} points",
        "trained with 3 seeds; this is the first of them, not the best.",
        "On dev they score 90.0% on average (88.0% to 91.2%)",
        "the verdict hangs on the seed",
        "## Limits",
    ):
        assert said in card
    assert not [name for name, value in EXACT.items() if f"{abs(value) * 100:.2f}" in card or str(value) in card]
    assert told["low"] != EXACT["low"]


def test_a_card_of_a_candidate_that_was_trained_once_says_nothing_of_seeds(desk: Desk) -> None:
    chosen, _ = judged(desk)
    with desk.services.database.write() as tx:
        verdict = verdicts.of_run(tx, "inv-one")
        assert verdict is not None
        verdict.record = {**verdict.record, "seeds": None}
    card = artifacts.card(desk, chosen)
    assert "**SHIP_CHEAPER**" in card
    assert "seeds" not in card


def test_a_candidate_that_lost_or_was_not_judged_says_not_to_use_it(desk: Desk) -> None:
    chosen, other = judged(desk, Outcome.NO_GO)
    assert "Do not use it: stay with prompting." in artifacts.card(desk, chosen)
    beside = artifacts.card(desk, other)
    assert "It was not the candidate that was held against prompting" in beside
    assert "sealed rows (" not in beside
    assert "none is needed" in beside, "TF-IDF stands on no base"


def test_a_candidate_that_an_earlier_run_made_too_is_told_by_the_newest_verdict(desk: Desk) -> None:
    chosen, _ = judged(desk)
    with desk.services.database.write() as tx:
        now = desk.services.clock.now()
        feature_id = features.by_slug(tx, SLUG).id or 0
        earlier = Investigation(
            run_id="inv-zero",
            feature_id=feature_id,
            effort=Effort.QUICK,
            budget_nano=1,
            requested_by="U1",
            created_at=now,
        )
        tx.add(earlier)
        for one in investigations.candidates(tx, "inv-one"):
            one.run_id = {"frozen": "inv-zero"}.get(one.contender, one.run_id)
            tx.add(one)
        tx.flush()
        again = Candidate(run_id="inv-one", contender="frozen", rung="frozen", artifact=chosen, recipe={"seed": 7})
        investigations.add_candidate(tx, again)
    with desk.services.database.read() as tx:
        told = cards.newest(tx, features.by_slug(tx, SLUG))
    assert told is not None
    assert (told.run_id, told.verdict, told.is_chosen) == ("inv-one", Outcome.SHIP_CHEAPER, True)


def test_a_card_that_cannot_be_is_refused_and_an_export_holds_the_newest(desk: Desk, tmp_path: Path) -> None:
    chosen, other = judged(desk)
    with pytest.raises(NotFound, match="No candidate is stored as"):
        artifacts.card(desk, "%")
    with desk.services.database.write() as tx:
        investigations.add_candidate(
            tx, Candidate(run_id="inv-one", contender="b", rung="tfidf", artifact="abcd" + "0" * 60)
        )
        investigations.add_candidate(
            tx, Candidate(run_id="inv-one", contender="c", rung="tfidf", artifact="abcd" + "1" * 60)
        )
    with pytest.raises(Invalid, match="several"):
        artifacts.card(desk, "abcd")
    assert {one for one, _, _ in artifacts.candidates(desk)} >= {chosen, other}
    exports.export(desk, SHELL, tmp_path / "out", SLUG)
    assert (tmp_path / "out" / SLUG / "model_card.md").read_text() == artifacts.card(desk, chosen)
