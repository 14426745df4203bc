"""Trackers are told names, numbers and lineage, and a tracker that fails changes nothing of a run."""

from __future__ import annotations

import io
import json

import pytest

from engine.desk import Desk, policies
from engine.errors import Invalid
from engine.flows.steps import trackers
from engine.models.investigation import Candidate, Effort, Investigation
from engine.models.verdict import Verdict
from engine.store import features, investigations, verdicts
from tests.builders import SHELL, SLUG, a_feature, a_verdict
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ARTIFACT = "ab" * 32


def a_run(desk: Desk) -> None:
    a_feature(desk)
    a_verdict(desk)
    with desk.services.database.write() as tx:
        run = Investigation(
            run_id="inv-one", feature_id=features.by_slug(tx, SLUG).id or 0, effort=Effort.QUICK, budget_nano=1,
            requested_by="U1", created_at=desk.services.clock.now(), price_snapshot="2026-11", code_version="0.1.0",
        )  # fmt: skip
        tx.add(run)
        verdict = verdicts.of_run(tx, "inv-one")
        assert isinstance(verdict, Verdict)
        scored = {"contender": "frozen", "dev_score": 0.9, "valid_share": 1.0, "latency_p50_ms": None}
        verdict.record = {**verdict.record, "candidate": {"artifact": ARTIFACT}, "rungs": [scored]}
        recipe = {"seed": 7, "settings": {"c": 3.0}}
        for name, artifact in (("frozen", ARTIFACT), ("skipped", "")):
            made = Candidate(run_id="inv-one", contender=name, rung="frozen", artifact=artifact, recipe=recipe)
            investigations.add_candidate(tx, made)


def test_what_goes_out_is_params_dev_metrics_artifact_and_lineage(desk: Desk) -> None:
    a_run(desk)
    with desk.services.database.read() as tx:
        facts = trackers.facts_of(tx, "inv-one")
        verdict = verdicts.of_run(tx, "inv-one")
    (told,) = facts["candidates"]
    assert told["params"] == {"rung": "frozen", "seed": 7, "c": 3.0}
    assert told["metrics"] == {"seconds": 0.0, "dev_score": 0.9, "valid_share": 1.0}
    assert told["tags"] == {"assay.artifact": ARTIFACT, "assay.chosen": "true"}
    assert facts["lineage"]["assay.outcome"] == "SHIP_CHEAPER"
    assert verdict is not None
    sealed = {str(verdict.record["quality"][name]) for name in ("candidate", "prompted", "difference", "low", "high")}
    assert not [figure for figure in sealed if figure in json.dumps(facts)]


def test_none_is_told_unless_the_team_says_so(desk: Desk) -> None:
    assert trackers.report(desk.services, "no-such-run").names == ()
    with pytest.raises(Invalid, match="neptune"):
        policies.change(desk, SHELL, "", {"digest_trackers": "neptune"}, why="we use it")


def test_a_tracker_that_is_not_there_is_logged_once_and_the_run_stands(desk: Desk, logged: io.StringIO) -> None:
    a_run(desk)
    policies.change(desk, SHELL, "", {"digest_trackers": "wandb"}, why="we use it")
    assert trackers.report(desk.services, "inv-one").names == ()
    eventually(lambda: "ModuleNotFoundError" in logged.getvalue())
    assert logged.getvalue().count("tracker.failed") == 1
