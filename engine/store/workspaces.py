"""Workspaces that installed Assay. Their tokens pass through sealed; nothing here can read them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select, update

from engine.models.workspace import Workspace
from engine.store.database import Tx

SLACK_CLOCK = timedelta(seconds=1)  # events are dated in whole seconds


def by_team(tx: Tx, team: str) -> Workspace | None:
    """The row of a workspace, also of one that took Assay away."""
    return tx.exec(select(Workspace).where(Workspace.team == team)).first()


def every(tx: Tx) -> list[Workspace]:
    """All of them, in the order they came."""
    return list(tx.exec(select(Workspace).order_by(col(Workspace.id))))


def held(tx: Tx) -> list[Workspace]:
    """The same, each as it is until the transaction ends: nobody renews or ends one meanwhile."""
    return list(tx.exec(select(Workspace).order_by(col(Workspace.id)).with_for_update()))


def keep(tx: Tx, given: Workspace) -> Workspace:
    """Store an installation; one of a workspace that is known replaces what was known of it."""
    if by_team(tx, given.team) is None:
        try:
            with tx.begin_nested():
                tx.add(given)
        except IntegrityError:  # it came by another door just now
            tx.expunge_all()
        else:
            return given
    found = tx.exec(select(Workspace).where(Workspace.team == given.team).with_for_update()).one()
    for name, value in given.model_dump(exclude={"id", "version"}).items():
        setattr(found, name, value)
    found.version += 1
    tx.add(found)
    tx.flush()
    return found


def claim_renewal(tx: Tx, team: str, version: int, *, now: datetime, until: datetime) -> bool:
    """Be the one who asks Slack for new tokens of this version; false where somebody else does, or did."""
    claimed = tx.exec(
        update(Workspace)
        .where(
            col(Workspace.team) == team,
            col(Workspace.version) == version,
            col(Workspace.ended_at).is_(None),
            or_(col(Workspace.renewing_until).is_(None), col(Workspace.renewing_until) <= now),
        )
        .values(renewing_until=until)
        .execution_options(synchronize_session=False)
    )
    return claimed.rowcount == 1


def renew(tx: Tx, team: str, version: int, *, sealed: str, expires_at: datetime | None) -> bool:
    """Store the tokens that follow those of a version; false where it is no longer the one, or the workspace left."""
    renewed = tx.exec(
        update(Workspace)
        .where(col(Workspace.team) == team, col(Workspace.version) == version, col(Workspace.ended_at).is_(None))
        .values(sealed=sealed, expires_at=expires_at, version=version + 1, renewing_until=None, said="")
        .execution_options(synchronize_session=False)
    )
    return renewed.rowcount == 1


def end(tx: Tx, team: str, at: datetime) -> bool:
    """Delete the tokens of a workspace that took Assay away; false for an end from before it was installed (again)."""
    ended = tx.exec(
        update(Workspace)
        .where(col(Workspace.team) == team, col(Workspace.ended_at).is_(None))
        .where(col(Workspace.installed_at) <= at + SLACK_CLOCK)
        .values(sealed="", expires_at=None, renewing_until=None, ended_at=at, version=Workspace.version + 1)
        .execution_options(synchronize_session=False)
    )
    return ended.rowcount == 1
