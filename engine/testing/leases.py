"""The journal's rows: runs with their leases, and what their steps gave. Whoever lost a lease is refused its write.

A run's row names its owner, an epoch that grows with each owner, and until when the lease lasts; a step's result is
recorded under (run, name) by the owner of the newest epoch alone.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from engine.flows.durable import Queue, Run
from engine.flows.table import WORKFLOW_SCHEMA
from engine.store.database import Database, Tx

log = logging.getLogger(__name__)

_OPEN = ("queued", "running")


@dataclass(frozen=True)
class Rows:
    """The two tables."""

    runs: sql.Table
    steps: sql.Table


@cache
def rows() -> Rows:
    """The tables, which are no part of the migrations while no program runs on them."""
    known = sql.MetaData()
    runs = sql.Table(
        "journal_run",
        known,
        sql.Column("number", sql.Integer, primary_key=True),
        sql.Column("run_id", sql.String(100), nullable=False, unique=True),
        sql.Column("flow", sql.String(50), nullable=False),
        sql.Column("args", sql.Text, nullable=False),
        sql.Column("queue", sql.String(10), nullable=False),
        sql.Column("version", sql.String(10), nullable=False),
        sql.Column("state", sql.String(10), nullable=False),
        sql.Column("error", sql.String(100), nullable=False, default=""),
        sql.Column("owner", sql.String(40), nullable=False, default=""),
        sql.Column("epoch", sql.Integer, nullable=False, default=0),
        sql.Column("lease_until", sql.Float, nullable=False, default=0.0),  # seconds, by the database's own clock
    )
    steps = sql.Table(
        "journal_step",
        known,
        sql.Column("run_id", sql.String(100), primary_key=True),
        sql.Column("name", sql.String(100), primary_key=True),
        sql.Column("place", sql.Integer, nullable=False),
        sql.Column("result", sql.Text, nullable=False),
        sql.UniqueConstraint("run_id", "place"),
    )
    return Rows(runs, steps)


@dataclass(frozen=True)
class Lease:
    """A run as taken by one owner, who may write while no later epoch is known."""

    run_id: str
    flow: str
    args: dict[str, Any]
    epoch: int


class Lost(BaseException):
    """Somebody else has the run, or a person cancelled it, or the engine stops: not one more write here.

    Not an ``Exception``, so that no flow takes it for an error of its step.
    """


def migrate(database: Database) -> None:
    """Create the two tables."""
    with database.write() as tx:
        rows().runs.metadata.create_all(tx.connection())


class JournalClient:
    """Asks for runs, from any program. Implements ``Durable``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs = rows().runs

    def enqueue(self, tx: Tx, flow: str, run_id: str, args: dict[str, Any], *, queue: Queue) -> None:
        """Ask for a run inside the caller's transaction; the same run id again is the same run."""
        dialect: Any = sqlite if self._database.is_sqlite else postgresql
        row = {"run_id": run_id, "flow": flow, "args": json.dumps(args), "queue": queue.value, "state": "queued"}
        made = dialect.insert(self._runs).values(version=WORKFLOW_SCHEMA, **row).on_conflict_do_nothing()
        tx.connection().execute(made)

    def cancel(self, run_id: str) -> None:
        """Mark a run cancelled: no further step begins, and the one under way is refused its write."""
        with self._database.write() as tx:
            is_open = (self._runs.c.run_id == run_id) & self._runs.c.state.in_(_OPEN)
            changed = sql.update(self._runs).where(is_open).values(state="cancelled", epoch=self._runs.c.epoch + 1)
            tx.connection().execute(changed)

    def runs(self, *, state: str | None = None) -> list[Run]:
        """Runs known, newest first."""
        asked = sql.select(self._runs).order_by(self._runs.c.number.desc())
        with self._database.read() as tx:
            found = tx.connection().execute(asked if state is None else asked.where(self._runs.c.state == state)).all()
        return [Run(run_id=row.run_id, flow=row.flow, state=row.state, error=row.error) for row in found]

    def other_versions(self) -> list[str]:
        """Open runs begun by another version of the flows, which this one cannot continue."""
        asked = sql.select(self._runs).where(self._runs.c.state.in_(_OPEN), self._runs.c.version != WORKFLOW_SCHEMA)
        with self._database.read() as tx:
            return [f"{row.run_id} (schema {row.version})" for row in tx.connection().execute(asked)]

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()


class Leases:
    """What one owner holds. Every write names its epoch; raises ``Lost`` where a later one is known."""

    def __init__(self, database: Database, seconds: float) -> None:
        self.seconds = seconds
        self._database = database
        self._runs, self._steps = rows().runs, rows().steps
        self._owner = uuid4().hex
        self._held: dict[str, int] = {}

    def now(self) -> float:
        """Seconds by the database's clock: hosts' clocks differ."""
        with self._database.read() as tx:
            return float(tx.connection().execute(sql.select(self._clock)).scalar_one())

    def take(self, queue: Queue) -> Lease | None:
        """The oldest open run that nobody holds."""
        free = sql.select(self._runs).where(self._runs.c.queue == queue.value, self._runs.c.state.in_(_OPEN))
        free = free.where(self._runs.c.lease_until < self._clock, self._runs.c.run_id.not_in(list(self._held)))
        oldest = free.order_by(self._runs.c.number).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as tx:
            row = tx.connection().execute(oldest).first()
            if row is None:
                return None
            lease = Lease(row.run_id, row.flow, json.loads(row.args), row.epoch + 1)
            self._held[lease.run_id] = lease.epoch
            taken = {"owner": self._owner, "epoch": lease.epoch, "state": "running", "lease_until": self._later}
            tx.connection().execute(sql.update(self._runs).where(self._runs.c.number == row.number).values(**taken))
        return lease

    def renew(self) -> None:
        """Say that the owner lives."""
        for run_id, epoch in tuple(self._held.items()):
            with self._database.write() as tx:
                if not self._write(tx, run_id, epoch, lease_until=self._later):
                    self._forget(run_id, epoch)

    def lost(self, lease: Lease) -> bool:
        """Whether a renewal or a write met a later epoch."""
        return self._held.get(lease.run_id) != lease.epoch

    def recorded(self, run_id: str) -> dict[int, tuple[str, dict[str, Any]]]:
        """Names and results of the steps recorded, by place."""
        with self._database.read() as tx:
            found = tx.connection().execute(sql.select(self._steps).where(self._steps.c.run_id == run_id)).all()
        return {row.place: (row.name, json.loads(row.result)) for row in found}

    def record(self, lease: Lease, place: int, name: str, result: dict[str, Any]) -> None:
        """Keep the result of a step."""
        row = {"run_id": lease.run_id, "name": name, "place": place, "result": json.dumps(result)}
        with self._database.write() as tx:
            self._own(tx, lease, lease_until=self._later)
            tx.connection().execute(sql.insert(self._steps).values(**row))

    def end(self, lease: Lease, state: str, error: str) -> None:
        """The run is over."""
        with self._database.write() as tx:
            self._own(tx, lease, state=state, error=error, lease_until=0.0)
        self._forget(lease.run_id, lease.epoch)

    def give_back(self, lease: Lease) -> None:
        """The run may be taken by anybody at once; nothing where it is somebody else's already."""
        with self._database.write() as tx:
            self._write(tx, lease.run_id, lease.epoch, lease_until=0.0)
        self._forget(lease.run_id, lease.epoch)

    def _own(self, tx: Tx, lease: Lease, **values: Any) -> None:  # noqa: ANN401 (columns)
        if not self._write(tx, lease.run_id, lease.epoch, **values):
            log.warning("write.refused", extra={"run": lease.run_id, "epoch": lease.epoch})
            raise Lost

    def _write(self, tx: Tx, run_id: str, epoch: int, **values: Any) -> bool:  # noqa: ANN401 (columns)
        ours = (self._runs.c.run_id == run_id) & (self._runs.c.owner == self._owner) & (self._runs.c.epoch == epoch)
        return tx.connection().execute(sql.update(self._runs).where(ours).values(**values)).rowcount == 1

    def _forget(self, run_id: str, epoch: int) -> None:
        if self._held.get(run_id) == epoch:  # else it was taken anew here meanwhile
            del self._held[run_id]

    @property
    def _clock(self) -> sql.ColumnElement[float]:
        days = "(julianday('now') - 2440587.5) * 86400.0"  # Unix time; unixepoch has no fractions before SQLite 3.42
        words = days if self._database.is_sqlite else "extract(epoch from clock_timestamp())"
        return sql.literal_column(words, sql.Float)

    @property
    def _later(self) -> sql.ColumnElement[float]:
        return self._clock + self.seconds
