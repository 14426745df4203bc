"""A second durable core, ours: the exit from DBOS (docs/decisions/0001). Its rows and leases: ``testing.leases``.

It passes the contract tests of the port beside ``engine.flows.dbos_durable``. Results are recorded once; steps execute
at least once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Concatenate

from pydantic import TypeAdapter

from engine.errors import FlowDrift, NotReady, Unavailable, Upstream
from engine.flows.durable import P, Pending, Queue, R
from engine.flows.patience import answered, patient
from engine.flows.recorded import RETRIES, met, outcome, shape_of
from engine.flows.table import AT_ONCE, FLOWS, Flow
from engine.services import Services
from engine.testing.leases import JournalClient, Lease, Leases, Lost

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0  # a dead owner's runs are taken over after so long; work goes on within 10 s (docs/engine.md)
POLL_SECONDS = 0.2


class JournalEngine:
    """Runs flows. Several may share a deployment: a run belongs to one at a time, by lease."""

    def __init__(
        self,
        services: Services,
        *,
        broken: Callable[[str, str], None],
        queues: tuple[Queue, ...],
        flows: Mapping[str, Flow] = FLOWS,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._services = services
        self._flows = flows
        self._broken = broken
        self._queues = queues
        self._leases = Leases(services.database, lease_seconds)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Take work from the queues, lapsed leases of others among it. Raises ``NotReady`` for foreign runs."""
        others = JournalClient(self._services.database).other_versions()
        if others:
            raise NotReady(
                f"These runs were begun by another version of Assay's flows: {', '.join(others[:5])}.",
                hint="Let that version finish them, or cancel them with it (CHANGELOG.md).",
            )
        self._begin(self._renew)
        for queue in self._queues:
            for _ in range(AT_ONCE[queue]):
                self._begin(self._work, queue)

    def stop(self) -> None:
        """End polling and give the leases back; runs under way go on at the next start."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, loop: Callable[..., None], *given: Queue) -> None:
        self._threads.append(threading.Thread(target=loop, args=given, name=loop.__name__, daemon=True))
        self._threads[-1].start()

    def _renew(self) -> None:
        while not self._stopping.wait(self._leases.seconds / 4):
            self._coping(self._leases.renew)

    def _work(self, queue: Queue) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            lease = self._coping(lambda: self._leases.take(queue))
            if lease is not None:
                try:
                    self._run(lease)
                except (Lost, Unavailable):
                    self._coping(lambda lease=lease: self._leases.give_back(lease))

    def _run(self, lease: Lease) -> None:
        flow, steps = self._flows[lease.flow], _Steps(self._services, lease, self._leases, self._stopping)
        with _Ending(lambda: self._broken(lease.flow, lease.run_id)) as ending:
            flow.body(steps, flow.argument.model_validate(lease.args))
        state = "failed" if ending.error else "done"
        patient(lambda: self._leases.end(lease, state, ending.error), wait=steps.wait)

    def _coping(self, call: Callable[[], R]) -> R | None:
        try:
            return call()
        except Unavailable as error:
            log.warning("journal.waits", extra={"why": str(error)})
            return None


class _Ending:
    """Whatever ends a flow ends its run, in words for whom it concerns; a lost lease alone goes on to the owner."""

    def __init__(self, broken: Callable[[], None]) -> None:
        self.error = ""
        self._broken = broken

    def __enter__(self) -> _Ending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = type(error).__name__
            self._broken()
        return isinstance(error, Exception)


class _Steps:
    """What a flow body is given. Implements ``Stepper``."""

    def __init__(self, services: Services, lease: Lease, leases: Leases, stopping: threading.Event) -> None:
        self._services = services
        self._lease = lease
        self._leases = leases
        self._stopping = stopping
        self._known = patient(lambda: leases.recorded(lease.run_id), wait=self.wait)
        self._place = 0

    def step(self, name: str, fn: Callable[Concatenate[Services, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The recorded result of the step, or that of calling ``fn`` now, recorded."""
        return self._recorded(name, shape_of(fn), lambda: fn(self._services, *args, **kwargs))

    def until(
        self, name: str, fn: Callable[Concatenate[Services, P], R | Pending], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Poll until there is an answer, and record that alone; a restart polls again."""

        def poll() -> R:
            return answered(lambda: fn(self._services, *args, **kwargs), wait=self.wait)

        return self._recorded(name, shape_of(fn), poll)

    def sleep(self, seconds: float) -> None:
        """Wait; survives a restart: the moment of waking is recorded."""
        wakes = self._recorded(f"sleep {self._place}", TypeAdapter(float), lambda: self._leases.now() + seconds)
        self.wait(max(0.0, wakes - self._leases.now()))

    def _recorded(self, name: str, shape: TypeAdapter[Any], call: Callable[[], object]) -> Any:  # noqa: ANN401 (of the step's type)
        self._place += 1
        known = self._known.get(self._place)
        if known is None:
            known = name, self._tried(shape, call)
            patient(lambda: self._leases.record(self._lease, self._place, *known), wait=self.wait)
        if known[0] != name:
            raise FlowDrift(f"run {self._lease.run_id} was begun by a flow whose step {self._place} is {known[0]}")
        return met(shape, known[1])

    def _tried(self, shape: TypeAdapter[Any], call: Callable[[], object]) -> dict[str, Any]:
        for attempt in range(RETRIES - 1):
            try:
                return outcome(shape, call, is_last=False)
            except Upstream:
                self.wait(2.0**attempt)
        return outcome(shape, call, is_last=True)

    def wait(self, seconds: float) -> None:
        """Raises ``Lost`` where the run is not ours any more, or the engine stops."""
        if self._stopping.wait(seconds) or self._leases.lost(self._lease):
            raise Lost
