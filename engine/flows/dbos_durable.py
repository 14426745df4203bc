"""The durable core on DBOS, and the only file that imports it. Replace this file to leave DBOS (docs/decisions/0001).

Results are recorded once; steps execute at least once. Recorded are JSON values, errors of ours included, so that a
replay meets the same error as the first run did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Concatenate

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatus

from engine.errors import NotReady
from engine.flows.durable import P, Pending, Queue, R, Run
from engine.flows.patience import answered
from engine.flows.recorded import RETRIES, met, outcome, shape_of
from engine.flows.table import AT_ONCE, FLOWS, WORKFLOW_SCHEMA, Flow
from engine.services import Services
from engine.store import work
from engine.store.database import Database, Tx

POLL_SECONDS = 0.5
_OPEN = ["PENDING", "ENQUEUED", "DELAYED"]
_STATES = {
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "PENDING": "running",
    "SUCCESS": "done",
    "CANCELLED": "cancelled",
}


class DbosClient:
    """Asks for runs, from any program. Implements ``Durable``."""

    def __init__(self, database: Database) -> None:
        self._client = DBOSClient(
            system_database_url=_url(database), serializer=DBOSPortableJSONSerializer(), lazy=True
        )

    def enqueue(self, tx: Tx, flow: str, run_id: str, args: dict[str, Any], *, queue: Queue) -> None:
        """Ask for a run inside the caller's transaction; the same run id again is the same run."""
        options = EnqueueOptions(
            workflow_name=flow, queue_name=queue.value, workflow_id=run_id, app_version=WORKFLOW_SCHEMA
        )
        self._client.enqueue_in_transaction(tx, options, args)

    def cancel(self, run_id: str) -> None:
        """Mark a run cancelled: no further step begins."""
        self._client.cancel_workflow(run_id)

    def runs(self, *, state: str | None = None) -> list[Run]:
        """Runs known, newest first."""
        found = [_run(status) for status in self._client.list_workflows(sort_desc=True)]
        return [run for run in found if state is None or run.state == state]

    def other_versions(self) -> list[str]:
        """Open runs begun by another version of the flows, which this one cannot continue."""
        found = self._client.list_workflows(status=_OPEN)
        return [f"{run.workflow_id} (schema {run.app_version})" for run in found if run.app_version != WORKFLOW_SCHEMA]

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()


class DbosEngine:
    """Runs flows. At most one per deployment: its holder has the engine's lock (``engine.worker``)."""

    def __init__(
        self,
        services: Services,
        *,
        broken: Callable[[str, str], None],
        queues: tuple[Queue, ...],
        flows: Mapping[str, Flow] = FLOWS,
    ) -> None:
        self._services = services
        self._flows = flows
        self._broken = broken
        self._queues = queues
        self._stopping = threading.Event()

    def start(self) -> None:
        """Recover this deployment's runs and take work from the queues. Raises ``NotReady`` for foreign runs."""
        with closing(open_durable(self._services)) as client:
            others = client.other_versions()
        if others:
            raise NotReady(
                f"These runs were begun by another version of Assay's flows: {', '.join(others[:5])}.",
                hint="Let that version finish them, or cancel them with it (CHANGELOG.md).",
            )
        with self._services.database.read() as tx:
            executor_id = work.deployment(tx).executor_id
        DBOS(config=_config(self._services.database, executor_id))
        for name, flow in self._flows.items():
            DBOS.workflow(name=name)(self._workflow(flow))
        DBOS.listen_queues([queue.value for queue in self._queues])
        DBOS.launch()
        for queue in self._queues:
            DBOS.register_queue(queue.value, worker_concurrency=AT_ONCE[queue], polling_interval_sec=POLL_SECONDS)

    def stop(self) -> None:
        """End polling and give the connections back; runs under way go on at the next start."""
        self._stopping.set()
        DBOS.destroy(destroy_registry=True)

    def _workflow(self, flow: Flow) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def run(args: dict[str, Any]) -> dict[str, Any]:
            run_id = DBOS.workflow_id or ""
            try:
                stepper = _Steps(self._services, self._stopping)
                return flow.body(stepper, flow.argument.model_validate(args)).model_dump(mode="json")
            except Exception:
                if not self._stopping.is_set():
                    self._broken(flow.body.__name__, run_id)
                raise

        run.__qualname__ = run.__name__ = flow.body.__name__
        return run


class _Steps:
    """What a flow body is given. Implements ``Stepper``."""

    def __init__(self, services: Services, stopping: threading.Event) -> None:
        self._services = services
        self._stopping = stopping

    def step(self, name: str, fn: Callable[Concatenate[Services, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The recorded result of the step, or that of calling ``fn`` now, recorded."""

        def once() -> R:
            return fn(self._services, *args, **kwargs)

        return self._recorded(name, fn, once)

    def until(
        self, name: str, fn: Callable[Concatenate[Services, P], R | Pending], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Poll until there is an answer, and record that alone; a restart polls again."""

        def poll() -> R:
            return answered(lambda: fn(self._services, *args, **kwargs), wait=self._wait)

        return self._recorded(name, fn, poll)

    def sleep(self, seconds: float) -> None:
        """Wait; survives a restart."""
        DBOS.sleep(seconds)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped

    def _recorded(self, name: str, fn: Callable[..., Any], call: Callable[[], R]) -> R:
        shape = shape_of(fn)

        def body() -> dict[str, Any]:
            tried = DBOS.step_status
            return outcome(shape, call, is_last=tried is None or (tried.current_attempt or 0) >= RETRIES - 1)

        recorded = DBOS.run_step(
            {
                "name": name,
                "retries_allowed": True,
                "max_attempts": RETRIES,
                "interval_seconds": 1.0,
                "backoff_rate": 2,
            },
            body,
        )
        return met(shape, recorded)


class _Stopped(BaseException):
    """The engine is stopping; the step is not recorded and polls again at the next start."""


def open_durable(services: Services) -> DbosClient:
    """A client that enqueues, cancels and lists; it never runs flows."""
    return DbosClient(services.database)


def migrate(database: Database) -> None:
    """Create or upgrade DBOS's own tables, which lie in our database so that work is enqueued in our transactions."""
    DBOS.migrate(_url(database))


def _url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def _config(database: Database, executor_id: str) -> DBOSConfig:
    return DBOSConfig(
        name="assay",
        system_database_url=_url(database),
        application_version=WORKFLOW_SCHEMA,
        executor_id=executor_id,
        log_level="ERROR",
        serializer=DBOSPortableJSONSerializer(),
        run_migrations=False,
        notification_listener_polling_interval_sec=POLL_SECONDS,
    )


def _run(status: WorkflowStatus) -> Run:
    return Run(
        run_id=status.workflow_id,
        flow=status.name,
        state=_STATES.get(status.status, "failed"),
        error=type(status.error).__name__ if status.error else "",
    )
