"""Say where a run is, attend its jobs, and stop when a person asked for it."""

from __future__ import annotations

from engine.errors import Cancelled, WorkFailed
from engine.flows.durable import Pending
from engine.models.investigation import Investigation, RunTask, TaskState
from engine.runners import JobSpec, JobState, JobStatus
from engine.services import Services
from engine.store import investigations, mail
from engine.store.database import Tx

CARD = "card"  # the one message of an investigation
_NOTED_SHARE = 0.05  # progress is told in steps of 5 %


def attend(services: Services, run_id: str, spec: JobSpec, task: str) -> JobState | Pending:
    """Ensure the job and look at it once: its state when done, ``Pending`` while it works.

    Raises ``WorkFailed`` with the job's cause, or ``Cancelled`` after ending the job when a person asked for that.
    """
    with services.database.read() as tx:
        cancelled = investigations.by_run(tx, run_id).cancel_requested
    state = watched(services, run_id, spec, task, cancelled=cancelled)
    if state.status is JobStatus.DONE:
        return state
    note(services, run_id, RunTask(name=task, state=TaskState.RUNNING, note=_share(state)))
    return Pending()


def watched(services: Services, run_id: str, spec: JobSpec, task: str, *, cancelled: bool) -> JobState:
    """Ensure the job and look at it once. Raises as ``attend`` does."""
    if cancelled:
        services.runner.cancel(spec.job_id)
        raise Cancelled(f"{run_id} was cancelled.")
    state = services.runner.poll(spec.job_id)
    if state.status is JobStatus.GONE or (state.status is JobStatus.FAILED and state.retryable):
        state = services.runner.ensure(spec)
    if state.status is JobStatus.FAILED:
        raise WorkFailed(f"{task}: {state.cause}")
    return state


def note(services: Services, run_id: str, task: RunTask) -> None:
    """Set one line of the run's progress; the message follows. The same line again, or one it lacks, is no change.

    Nor is a line that is complete opened again by further work on it: nothing would complete it a second time.
    """
    with services.database.read() as tx:
        lines = {line.name: line for line in tasks(investigations.by_run(tx, run_id))}
    known = lines.get(task.name)  # a run that an older version planned lacks the lines of steps that came later
    if known in (None, task) or (known.state is TaskState.COMPLETE and task.state is TaskState.RUNNING):
        return
    with services.database.write() as tx:
        run = investigations.by_run(tx, run_id)
        set_tasks(tx, services, run, [task if known.name == task.name else known for known in tasks(run)])


def complete(services: Services, run_id: str, name: str, said: str = "") -> None:
    """Mark one line of the progress as complete."""
    note(services, run_id, RunTask(name=name, state=TaskState.COMPLETE, note=said))


def tasks(run: Investigation) -> list[RunTask]:
    """The lines of a run's progress."""
    return [RunTask.model_validate(line) for line in run.progress.get("tasks", [])]


def set_tasks(tx: Tx, services: Services, run: Investigation, lines: list[RunTask]) -> None:
    """Store the lines and have the run's message rendered again."""
    running = next((line.name for line in lines if line.state is TaskState.RUNNING), run.step)
    investigations.note(tx, run, step=running, progress={"tasks": [line.model_dump(mode="json") for line in lines]})
    tell(tx, services, run)


def tell(tx: Tx, services: Services, run: Investigation) -> None:
    """Have the run's one message show its newest state."""
    mail.enqueue_projection(tx, services.clock, "investigation", run.run_id, kind=CARD, channel=run.channel)


def _share(state: JobState) -> str:
    if state.status is JobStatus.QUEUED:
        return "waits for the device"
    return f"{round(state.progress / _NOTED_SHARE) * _NOTED_SHARE:.0%}"
