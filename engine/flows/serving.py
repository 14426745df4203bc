"""Keep every candidate of an open rollout served, and stop what no rollout needs: a plain loop in ``assay engine``.

Rows say what people and routes see. Servers are looked at, started again with back-off, and asked after every start
what they were judged by. Cut at any moment, the next look goes on from the rows and from what really runs.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from engine.errors import AssayError, Unavailable, Upstream
from engine.evals.parity import Agreement
from engine.flows.steps import parity, rented, route, served
from engine.flows.steps.served import Wanted
from engine.models.rollout import Stage
from engine.models.serving import ServerName, Serving, ServingState
from engine.servers import Condition, Endpoint, Health, Server
from engine.services import Services
from engine.store import mail, policies, rollouts, servings

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
START_PATIENCE = timedelta(minutes=10)  # weights may be large, and a provider takes its time
SILENCE = timedelta(seconds=30)  # a busy server may miss a look or two
STEADY = timedelta(minutes=1)  # after which earlier failures are forgotten
BACKOFF_MOST = timedelta(seconds=60)
SWEEP_SECONDS = 600.0  # until it is asked again whether a new day has begun
ENDED = "its server ended"
DIFFERS_AGAIN = timedelta(hours=1)  # another answer today is likely to be another answer in a minute


class Keeper:
    """Serves what rollouts need. It remembers checks under way and when a server was asked and answered."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="parity")
        self._checks: dict[int, Future[Agreement]] = {}
        self._answered: dict[int, datetime] = {}
        self._looked: dict[int, float] = {}
        self._stubborn: dict[int, float] = {}
        self._swept_until = 0.0

    def run(self, until: Callable[[], bool]) -> None:
        """Look once a second until told to stop. Raises what nobody foresaw."""
        while not until():
            began = time.monotonic()
            try:
                self.look()
            except (Unavailable, OSError) as error:
                log.warning("serving.waiting", extra={"why": type(error).__name__})
            while not until() and time.monotonic() < began + EVERY_SECONDS:
                time.sleep(0.05)

    def look(self) -> None:
        """One look at everything that is served or should be."""
        with self._services.database.read() as tx:
            needed = served.wanted(tx)
            known = {(row.feature_id, row.artifact): row for row in servings.running(tx)}
        for one in needed:
            row = known.pop((one.feature_id, one.artifact), None)
            if row is None or row.server is not one.server or row.host != socket.gethostname():
                row = self._begin(one)
            self._keep(one, row)
        artifacts = {one.artifact for one in needed if one.server is ServerName.LOCAL}
        for row in known.values():
            self._stop(row, still_needed=row.artifact in artifacts)
        self._sweep(artifacts)
        rented.stop_asked(self._services)
        if time.monotonic() >= self._swept_until:
            self._swept_until = time.monotonic() + SWEEP_SECONDS
            rented.nightly(self._services)

    def _keep(self, one: Wanted, row: Serving) -> None:
        """Look at one candidate's server, and do what its state asks for; what goes wrong is the row's ``said``."""
        server = self._services.servers.of(one.server, one.place)
        now = self._services.clock.now()
        if (row.state is ServingState.FAILED and now < row.next_at) or not self._is_due(row, server):
            return
        try:
            health = _health(server, one.artifact)
            if row.state is ServingState.READY:
                self._watch(row, server, health)
            elif health.condition is Condition.READY:
                self._check(one, row, server)
            elif row.started_at is None:
                self._start(one, row, server)
            elif health.condition is Condition.DOWN:
                self._fail(row, health.why or ENDED)
            elif now - row.started_at > START_PATIENCE:
                self._end_silent(row, server)
                self._fail(row, health.why or "it did not answer in time")
        except AssayError as error:
            self._fail(row, str(error).rstrip("."))

    def _is_due(self, row: Serving, server: Server) -> bool:
        """Whether a server that costs a call to ask was asked long enough ago."""
        key, now = row.id or 0, time.monotonic()
        if now - self._looked.get(key, -server.look_seconds) < server.look_seconds * 0.9:
            return False
        self._looked[key] = now
        return True

    def _begin(self, one: Wanted) -> Serving:
        with self._services.database.write() as tx:
            now = self._services.clock.now()
            row = servings.of_candidate(tx, one.feature_id, one.artifact)
            row = row or Serving(feature_id=one.feature_id, artifact=one.artifact, next_at=now, changed_at=now)
            row.server, row.state, row.host = one.server, ServingState.STARTING, socket.gethostname()
            row.checked_at = row.started_at = None
            row.said, row.failures, row.next_at, row.changed_at = "", 0, now, now
            servings.save(tx, row)
        return row

    def _start(self, one: Wanted, row: Serving, server: Server) -> None:
        at = server.ensure(one.artifact)
        log.info("serving.started", extra={"feature": one.slug, "server": one.server, "where": at.base_url})
        self._note(row, state=ServingState.STARTING, started_at=self._services.clock.now(), **_where(at))

    def _check(self, one: Wanted, row: Serving, server: Server) -> None:
        """It answers: have it asked what it was judged by, or read what that gave."""
        key = row.id or 0
        check = self._checks.get(key)
        if check is None:
            at = server.ensure(one.artifact)
            started = row.started_at or self._services.clock.now()
            self._note(row, state=ServingState.CHECKING, said="", started_at=started, **_where(at))
            args = (self._services, one.feature_id, one.artifact, at)
            self._checks[key] = self._pool.submit(parity.check, *args)
        elif check.done():
            del self._checks[key]
            self._judge(one, row, check.result())

    def _judge(self, one: Wanted, row: Serving, found: Agreement) -> None:
        with self._services.database.read() as tx:
            floor = policies.current(tx, one.feature_id).evaluation.parity_floor
        now = self._services.clock.now()
        facts: dict[str, Any] = {"agree": found.agree, "asked": found.rows}
        if found.agree >= floor * found.rows:
            log.info("serving.checked", extra={"feature": one.slug, "agree": found.agree, "rows": found.rows})
            self._note(row, state=ServingState.READY, checked_at=now, **facts)
            return
        why = (
            f"served answers differ from offline on {found.rows - found.agree} of {found.rows} rows "
            f"({found.agree / found.rows:.1%}, need {floor:.0%}); first: id {found.first}"
        )
        log.error("serving.differed", extra={"feature": one.slug, "agree": found.agree, "rows": found.rows})
        failed = {"state": ServingState.FAILED, "said": why, "checked_at": None, "next_at": now + DIFFERS_AGAIN}
        self._note(row, **facts, **failed)

    def _watch(self, row: Serving, server: Server, health: Health) -> None:
        key, now = row.id or 0, self._services.clock.now()
        if health.condition is Condition.READY:
            self._answered[key] = now
            if row.failures and now - row.changed_at > STEADY:
                self._note(row, failures=0)
        elif health.condition is Condition.DOWN:
            self._fail(row, health.why or ENDED)
        elif now - self._answered.setdefault(key, now) > SILENCE + 2 * timedelta(seconds=server.look_seconds):
            self._end_silent(row, server)
            self._fail(row, health.why or "it stopped answering")

    def _end_silent(self, row: Serving, server: Server) -> None:
        """A process of ours that says nothing is ended; what others run is theirs to mend."""
        if row.server is ServerName.LOCAL:
            server.unload(row.artifact)

    def _fail(self, row: Serving, why: str) -> None:
        """Say why, and when it is tried again: after 1 s, 2 s, 4 s … 60 s."""
        self._checks.pop(row.id or 0, None)
        wait = min(timedelta(seconds=2 ** min(row.failures, 6)), BACKOFF_MOST)
        next_at = self._services.clock.now() + wait
        log.warning("serving.failed", extra={"artifact": row.artifact[:12], "why": why, "failures": row.failures + 1})
        failed = {"state": ServingState.FAILED, "failures": row.failures + 1}
        self._note(row, said=why, started_at=None, next_at=next_at, **failed)

    def _stop(self, row: Serving, *, still_needed: bool) -> None:
        """End a server that no rollout needs any more. One that cannot be ended now is tried again."""
        key = row.id or 0
        if time.monotonic() < self._stubborn.get(key, 0.0):
            return
        try:
            if not still_needed:
                with self._services.database.read() as tx:
                    place = served.place_of(policies.traffic(tx, row.feature_id))
                self._services.servers.of(row.server, place).unload(row.artifact)
        except AssayError as error:
            self._stubborn[key] = time.monotonic() + BACKOFF_MOST.total_seconds()
            log.warning("serving.unstoppable", extra={"artifact": row.artifact[:12], "why": str(error)})
            return
        self._checks.pop(key, None)
        log.info("serving.stopped", extra={"artifact": row.artifact[:12], "server": row.server})
        self._note(row, state=ServingState.STOPPED, checked_at=None, started_at=None, said="")

    def _sweep(self, artifacts: set[str]) -> None:
        """End children of this host that no row speaks of: of a database that was set back, say."""
        local = self._services.servers.of(ServerName.LOCAL, "")
        for artifact in set(local.served()) - artifacts:
            log.warning("serving.orphaned", extra={"artifact": artifact[:12]})
            local.unload(artifact)

    def _note(self, row: Serving, **changes: Any) -> None:  # noqa: ANN401 (columns of Serving)
        """Store what changed, have the rollout's card say it and the gateway follow."""
        with self._services.database.write() as tx:
            kept = servings.by_id(tx, row.id or 0)
            for name, value in changes.items():
                setattr(kept, name, value)
            kept.changed_at = self._services.clock.now()
            servings.save(tx, kept)
            rollout = rollouts.open_of(tx, kept.feature_id)
            if rollout is not None and rollout.stage is not Stage.DRAFT and rollout.artifact == kept.artifact:
                rollouts.save(tx, rollout)
                mail.enqueue_projection(
                    tx, self._services.clock, "rollout", str(rollout.id), kind="card", channel=rollout.channel
                )
        route.refresh(self._services)


def _health(server: Server, artifact: str) -> Health:
    """How it is; one that cannot be asked just now may well serve."""
    try:
        return server.health(artifact)
    except Upstream as error:
        return Health(condition=Condition.STARTING, why=str(error).rstrip("."))


def _where(at: Endpoint) -> dict[str, str]:
    return {"base_url": at.base_url, "served_as": at.model}
