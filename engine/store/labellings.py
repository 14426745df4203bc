"""Teachers' labellings: rows only. What they draw, ask and store is ``engine.flows.steps``'s."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from engine.errors import NotFound
from engine.models.investigation import OPEN_STATES, RunState
from engine.models.labelling import Labelling


def add(tx: Session, labelling: Labelling) -> Labelling:
    """Store a labelling; its row has an id afterwards."""
    tx.add(labelling)
    tx.flush()
    return labelling


def by_run(tx: Session, run_id: str) -> Labelling:
    """The labelling of that id. Raises ``NotFound``."""
    found = tx.exec(select(Labelling).where(Labelling.run_id == run_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no labelling {run_id[:40]!r}.", hint="Start one: /assay labels SLUG sample=500")
    return found


def alone(tx: Session, run_id: str) -> Labelling:
    """The labelling as it stands once whoever else changes it is done; nobody does until the transaction ends.

    Raises ``NotFound``.
    """
    found = by_run(tx, run_id)
    tx.refresh(found, with_for_update=True)
    return found


def open_of(tx: Session, feature_id: int) -> Labelling | None:
    """The feature's labelling under way, or none."""
    return tx.exec(select(Labelling).where(Labelling.open_feature_id == feature_id)).one_or_none()


def newest_of(tx: Session, feature_id: int) -> Labelling | None:
    """The feature's newest labelling, or none."""
    query = select(Labelling).where(Labelling.feature_id == feature_id).order_by(col(Labelling.id).desc())
    return tx.exec(query.limit(1)).first()


def newest_quoted(tx: Session, feature_id: int, model: str, baseline_id: int) -> Labelling | None:
    """The newest labelling of a feature with this teacher and prompt whose replies were measured; none without."""
    mine = (Labelling.feature_id == feature_id, Labelling.model == model, Labelling.baseline_id == baseline_id)
    found = tx.exec(select(Labelling).where(*mine).order_by(col(Labelling.id).desc()))
    return next((one for one in found if one.quoted), None)


def open_runs(tx: Session) -> list[Labelling]:
    """Every labelling that has not ended."""
    return list(tx.exec(select(Labelling).where(col(Labelling.state).in_(OPEN_STATES))))


def end(tx: Session, labelling: Labelling, state: RunState, *, reason: str, at: datetime) -> bool:
    """Close a labelling, which the caller holds ``alone``; false when it had ended already, which stays as it is."""
    if labelling.state not in OPEN_STATES:
        return False
    labelling.state, labelling.reason, labelling.finished_at = state, reason, at
    labelling.open_feature_id = None
    labelling.version += 1
    tx.add(labelling)
    return True
