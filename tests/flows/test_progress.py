"""The lines of a run's progress: set by name, and told again only where something changed."""

from __future__ import annotations

from engine.desk import Desk
from engine.flows.steps.progress import complete, note, tasks
from engine.models.investigation import Effort, Investigation, RunTask, TaskState
from engine.store import features, investigations
from tests.builders import SLUG, a_feature

RUN = "inv-one"


def version(desk: Desk) -> int:
    with desk.services.database.read() as tx:
        return investigations.by_run(tx, RUN).version


def test_a_line_that_the_plan_lacks_is_not_told_at_each_poll_and_one_that_is_complete_stays_so(desk: Desk) -> None:
    a_feature(desk)
    with desk.services.database.write() as tx:
        run = Investigation(
            run_id=RUN,
            feature_id=features.by_slug(tx, SLUG).id or 0,
            effort=Effort.THOROUGH,
            budget_nano=1,
            requested_by="U1",
            created_at=desk.services.clock.now(),
            progress={"tasks": [RunTask(name="verdict").model_dump(mode="json")]},
        )
        tx.add(run)
    before = version(desk)
    complete(desk.services, RUN, "further seeds", "two more")
    assert version(desk) == before
    complete(desk.services, RUN, "verdict", "done")
    complete(desk.services, RUN, "verdict", "done")
    note(desk.services, RUN, RunTask(name="verdict", state=TaskState.RUNNING, note="35%"))
    assert version(desk) == before + 1
    with desk.services.database.read() as tx:
        [line] = tasks(investigations.by_run(tx, RUN))
    assert (line.state, line.note) == (TaskState.COMPLETE, "done")
