"""The deployment's identity, who is alive, and what fell due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from engine.models.work import Deployment, Due, Heartbeat

SILENT = timedelta(seconds=90)  # docs/slack.md: an older heartbeat is "lost contact since", never "running"


def deployment(tx: Session) -> Deployment:
    """The one row that says what this deployment is. ``found`` makes it."""
    return tx.get_one(Deployment, 1)


def found(tx: Session, now: datetime) -> Deployment:
    """The deployment's row, made once for ever."""
    if tx.get(Deployment, 1) is None:  # several programs may start at once on an empty database
        dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
        made = Deployment(id=1, executor_id=f"assay-{uuid4().hex[:12]}", created_at=now)
        tx.connection().execute(dialect.insert(Deployment).values(made.model_dump()).on_conflict_do_nothing())
    return tx.get_one(Deployment, 1)


def deployment_alone(tx: Session) -> None:
    """Have what changes the whole team's roles and policy come one after another until the transaction ends."""
    tx.exec(select(Deployment.id).where(Deployment.id == 1).with_for_update()).one()


def digest_channel(tx: Session) -> str:
    """Where digests go, "" while nobody chose."""
    return deployment(tx).digest_channel


def beat(tx: Session, program: str, *, host: str, pid: int, now: datetime, facts: dict[str, Any] | None = None) -> None:
    """Say that a program is alive."""
    row = tx.get(Heartbeat, program)
    if row is None:  # two of one program may start at once
        dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
        first = Heartbeat(program=program, host=host, pid=pid, started_at=now, at=now).model_dump()
        tx.connection().execute(dialect.insert(Heartbeat).values(first).on_conflict_do_nothing())
        row = tx.get_one(Heartbeat, program)
    if row.pid != pid or row.host != host:
        row.pid, row.host, row.started_at, row.facts = pid, host, now, {}
    row.at = now
    row.facts = facts or row.facts
    tx.add(row)


def heartbeat(tx: Session, program: str) -> Heartbeat | None:
    """When a program was last alive; none when it never was."""
    return tx.get(Heartbeat, program)


def alone(tx: Session, program: str) -> None:
    """Have what changes a program's facts come one after another until the transaction ends; read them after this."""
    tx.get(Heartbeat, program, with_for_update=True, populate_existing=True)


def beats(tx: Session, prefix: str) -> list[Heartbeat]:
    """When programs whose names begin so were last alive."""
    return list(tx.exec(select(Heartbeat).where(col(Heartbeat.program).startswith(prefix))))


def silent_since(tx: Session, program: str, now: datetime) -> str:
    """ "" while a program is alive; else since when it is silent, as ``14:02 UTC`` ("the start" when it never was)."""
    row = heartbeat(tx, program)
    if row is None:
        return "the start"
    return "" if now - row.at <= SILENT else f"{row.at:%d %b %H:%M} UTC"


def fall_due(tx: Session, kind: str, period: str, run_id: str, *, now: datetime) -> bool:
    """Note that work fell due; false when it had already, however many schedulers start at the same moment."""
    if due(tx, kind, period) is not None:
        return False
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    row = {"kind": kind, "period": period, "run_id": run_id, "at": now}
    made = dialect.insert(Due).values(row).on_conflict_do_nothing().returning(col(Due.id))
    return tx.connection().execute(made).first() is not None


def due(tx: Session, kind: str, period: str) -> Due | None:
    """Work that fell due, none when it did not yet."""
    return tx.exec(select(Due).where(Due.kind == kind, Due.period == period)).one_or_none()


def undone(tx: Session) -> list[Due]:
    """Work that fell due and is not done, oldest first."""
    return list(tx.exec(select(Due).where(col(Due.done_at).is_(None)).order_by(col(Due.id))))


def again(tx: Session, row: Due, run_id: str) -> None:
    """Give due work to another run."""
    row.run_id = run_id
    tx.add(row)


def done(tx: Session, kind: str, period: str, at: datetime) -> None:
    """Note that due work is done; work that never fell due has nothing to note."""
    row = due(tx, kind, period)
    if row is not None and row.done_at is None:
        row.done_at = at
        tx.add(row)


def is_done(tx: Session, kind: str, period: str) -> bool:
    """Whether due work is done."""
    query = select(Due.id).where(Due.kind == kind, Due.period == period, col(Due.done_at).is_not(None))
    return tx.exec(query).first() is not None
