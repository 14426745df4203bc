"""End a run early: say why to the owner, keep what was paid and trained."""

from __future__ import annotations

from engine.errors import AssayError, Cancelled, Refused
from engine.flows.steps import progress
from engine.flows.steps.values import VerdictRef
from engine.models.base import Value
from engine.models.investigation import RunState, RunTask, TaskState
from engine.services import Services
from engine.store import investigations


class Told(Value):
    """Why a run ended: the state it ends in, and the sentences for the owner."""

    state: RunState
    reason: str


def told(error: AssayError) -> Told:
    """The sentences of an error; a cancel is no failure."""
    if isinstance(error, Cancelled):
        return Told(state=RunState.CANCELLED, reason="Cancelled. What was paid and trained is kept.")
    if isinstance(error, Refused):
        return Told(state=RunState.FAILED, reason=str(error))
    return Told(state=RunState.FAILED, reason=str(error) or type(error).__name__)


def close(services: Services, run_id: str, why: Told) -> VerdictRef:
    """Close the run; a run that has ended already stays as it is."""
    with services.database.write() as tx:
        run = investigations.alone(tx, run_id)
        lines = _stopped(progress.tasks(run), why)
        if investigations.end(tx, run, why.state, reason=why.reason, at=services.clock.now()):
            progress.set_tasks(tx, services, run, lines)
        return VerdictRef(run_id=run_id, state=run.state)


def _stopped(lines: list[RunTask], why: Told) -> list[RunTask]:
    """Mark the line the run stopped at: what was running, else what came next."""
    at = [line for line in lines if line.state is TaskState.RUNNING]
    at = at or [line for line in lines if line.state is TaskState.WAITING][:1]
    state = TaskState.WAITING if why.state is RunState.CANCELLED else TaskState.FAILED
    ended = {line.name: line.model_copy(update={"state": state, "note": "stopped here"}) for line in at}
    return [ended.get(line.name, line) for line in lines]
