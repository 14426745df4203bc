"""What the engine's main program does beside running flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from engine import worker
from engine.desk import Desk, investigations
from engine.errors import Unavailable
from engine.flows import ingest
from engine.flows.durable import Queue
from engine.models.investigation import Effort, Investigation, RunState
from engine.store import features
from engine.store import investigations as stored
from tests.builders import SLUG, a_feature


def an_open_run(desk: Desk, run_id: str) -> None:
    """A run in a state that a flow may leave behind, without the labels a real one needs."""
    with desk.services.database.write() as tx:
        feature = features.by_slug(tx, SLUG)
        stored.add(
            tx,
            Investigation(
                run_id=run_id,
                feature_id=feature.id or 0,
                open_feature_id=feature.id,
                state=RunState.RUNNING,
                effort=Effort.QUICK,
                budget_nano=1,
                requested_by="U1",
                created_at=desk.services.clock.now(),
            ),
        )
        desk.durable.enqueue(tx, "investigate", run_id, {"run_id": run_id}, queue=Queue.HEAVY)


def test_stages_are_judged_each_minute_though_the_spool_cannot_be_read(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.services.settings.spool_folder.write_text("no folder")
    judged: list[int] = []
    ingest.run(desk.services, lambda: bool(judged), each_minute=lambda: judged.append(1), patience=0.0)
    assert judged == [1]
    broken = replace(desk.services, database=cast("Any", None))  # nobody foresaw this
    worker.store_calls(broken, lambda: "minute.broke" in caplog.messages, patience=0.0)
    assert {vars(one)["due"] for one in caplog.records if one.message == "minute.broke"} >= {"tick"}


def test_a_run_whose_flow_is_gone_is_closed_at_the_next_start_and_no_other(desk: Desk) -> None:
    a_feature(desk)
    an_open_run(desk, "inv-aaaaaaaa")
    worker.close_lost(desk.services)
    assert investigations.status(desk, "inv-aaaaaaaa")[0].state is RunState.RUNNING, "its flow still waits its turn"
    desk.durable.cancel("inv-aaaaaaaa")
    worker.close_lost(desk.services)
    (seen,) = investigations.status(desk, "inv-aaaaaaaa")
    assert (seen.state, seen.reason) == (RunState.FAILED, worker.LOST)
    an_open_run(desk, "inv-bbbbbbbb")  # the feature is free for another


def test_spool_is_stored_on_though_the_database_is_away_when_a_minute_is_due(desk: Desk) -> None:
    tried: list[int] = []

    def beat() -> None:
        tried.append(1)
        raise Unavailable("The database does not answer.")

    ingest.run(desk.services, lambda: len(tried) == 2, each_minute=beat, patience=0.0)
    assert tried == [1, 1]
