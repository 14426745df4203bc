"""A stage's judge where texts are the same, or where it breaks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.desk import Desk, rollouts
from engine.flows.steps import judging
from engine.models.rollout import RolloutStatus, Stage
from engine.models.spool import Stratum
from engine.runners import JobKind, JobSpec
from engine.store import examples
from engine.store import features as feature_rows
from engine.testing.clock import FixedClock
from engine.testing.runner import ScriptedRunner
from engine.worker import each_minute
from tests.builders import SLUG
from tests.desk.climbing import recorded
from tests.desk.test_stage_judged import at_stage, captured, the_judge, words, writer

__all__ = ["writer"]  # a fixture


def test_a_canarys_texts_that_are_the_same_count_no_more_than_in_shadow(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.CANARY_5)
    at = clock.now() + timedelta(seconds=1)
    with writer.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        for number in range(4):
            row = examples.made(
                feature_id, SLUG, Stratum.RANDOM, call=number.to_bytes(16), at=at, served="tuned", model="m",
                body={"input": f"brief {number}", "output": f"good answer to brief {number}"},
            )  # fmt: skip
            examples.offer(tx, [row])
    judging.look(writer.services)
    assert words(writer) == ["same"] * 4
    assert (the_judge(writer).log_e, the_judge(writer).unknown) == (0.0, "both sides wrote the same so far")


def test_a_judge_that_breaks_stops_no_other_guardrail(writer: Desk, clock: FixedClock) -> None:
    at_stage(writer, clock, Stage.CANARY_5)
    runner = writer.services.runner
    assert isinstance(runner, ScriptedRunner)

    def full(_spec: JobSpec) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    runner.works[JobKind.ASK] = full
    captured(writer, 5, tuned="poor", stratum=Stratum.RANDOM)
    recorded(writer, tuned=50, baseline=950, bad=50)
    each_minute(writer.services)
    assert rollouts.show(writer, SLUG).status is RolloutStatus.ROLLED_BACK
