"""A candidate that several runs made: whose answers are taken for it."""

from __future__ import annotations

from sqlmodel import col, select

from engine.desk import Desk
from engine.evals.rows import Prediction
from engine.models.investigation import Candidate, Effort, Investigation
from engine.models.labels import Label, Part
from engine.store import features, investigations
from tests.builders import SLUG, a_feature, some_labels

ARTIFACT = "a" * 64


def test_runs_that_made_the_same_are_told_by_the_newest_that_has_its_answers(desk: Desk) -> None:
    a_feature(desk)
    some_labels(desk, 300)
    with desk.services.database.write() as tx:
        feature_id = features.by_slug(tx, SLUG).id or 0
        row = tx.exec(select(Label).where(Label.part == Part.DEV).order_by(col(Label.id))).first()
        assert row is not None
        for name in ("inv-cut-off", "inv-judged-one", "inv-judged-two", "inv-begun"):
            tx.add(
                Investigation(
                    run_id=name,
                    feature_id=feature_id,
                    effort=Effort.QUICK,
                    budget_nano=1,
                    requested_by="U1",
                    created_at=desk.services.clock.now(),
                )
            )
            tx.flush()
            made = Candidate(run_id=name, contender="frozen", rung="frozen", artifact=ARTIFACT, recipe={"seed": 0})
            investigations.add_candidate(tx, made)
        said = Prediction(row_id="1", output="bug", correct=True, score=1.0, valid=True, latency_ms=1.0)
        for name in ("inv-judged-one", "inv-judged-two"):
            investigations.add_predictions(tx, name, "frozen", part=Part.DEV, label_ids={"1": row.id or 0}, rows=[said])
    with desk.services.database.read() as tx:
        found = investigations.candidate_by_artifact(tx, ARTIFACT)
    assert found is not None
    assert found.run_id == "inv-judged-two"
