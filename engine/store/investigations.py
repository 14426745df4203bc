"""Investigations, their candidates and their predictions. Knows nothing of how they are made or judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from engine.errors import NotFound
from engine.models.investigation import OPEN_STATES, Candidate, Investigation, Prediction, RunState, StoredPrediction
from engine.models.labels import Label, Part


def add(tx: Session, investigation: Investigation) -> Investigation:
    """Store a run; its row has an id afterwards."""
    tx.add(investigation)
    tx.flush()
    return investigation


def find(tx: Session, run_id: str) -> Investigation | None:
    """The run of that id, or none."""
    return tx.exec(select(Investigation).where(Investigation.run_id == run_id)).one_or_none()


def by_run(tx: Session, run_id: str) -> Investigation:
    """The run of that id. Raises ``NotFound``."""
    found = find(tx, run_id)
    if found is None:
        raise NotFound(f"There is no investigation {run_id[:40]!r}.", hint="List them with: /assay status")
    return found


def alone(tx: Session, run_id: str) -> Investigation:
    """The run as it stands once whoever else changes it is done; nobody does until the transaction ends.

    Raises ``NotFound``.
    """
    found = by_run(tx, run_id)
    tx.refresh(found, with_for_update=True)
    return found


def open_of(tx: Session, feature_id: int) -> Investigation | None:
    """The feature's open run; there is at most one."""
    return tx.exec(select(Investigation).where(Investigation.open_feature_id == feature_id)).one_or_none()


def newest_of(tx: Session, feature_id: int) -> Investigation | None:
    """The feature's newest run, open or ended."""
    query = select(Investigation).where(Investigation.feature_id == feature_id).order_by(col(Investigation.id).desc())
    return tx.exec(query.limit(1)).first()


def recent(tx: Session, limit: int = 10) -> list[Investigation]:
    """The newest runs of all features, newest first."""
    return list(tx.exec(select(Investigation).order_by(col(Investigation.id).desc()).limit(limit)))


def of_feature(tx: Session, feature_id: int) -> list[Investigation]:
    """All runs of a feature, oldest first."""
    query = select(Investigation).where(Investigation.feature_id == feature_id).order_by(col(Investigation.id))
    return list(tx.exec(query))


def open_runs(tx: Session) -> list[Investigation]:
    """Every open run."""
    return list(tx.exec(select(Investigation).where(col(Investigation.state).in_(OPEN_STATES))))


def note(tx: Session, run: Investigation, *, step: str, progress: Mapping[str, Any]) -> None:
    """Say where a run is, for people; raises its version so that its message is rendered again."""
    run.step = step
    run.progress = dict(progress)
    run.version += 1
    tx.add(run)


def end(tx: Session, run: Investigation, state: RunState, *, reason: str, at: datetime) -> bool:
    """Close an open run, which the caller holds ``alone``; false and no change when it has ended already."""
    if run.state not in OPEN_STATES:
        return False
    run.state = state
    run.reason = reason
    run.finished_at = at
    run.open_feature_id = None
    run.version += 1
    tx.add(run)
    return True


def add_candidate(tx: Session, candidate: Candidate) -> None:
    """Store a candidate, or a rung that was skipped; again is no change."""
    known = select(Candidate).where(Candidate.run_id == candidate.run_id, Candidate.contender == candidate.contender)
    if tx.exec(known).first() is None:
        tx.add(candidate)


def candidates(tx: Session, run_id: str) -> list[Candidate]:
    """The run's candidates and skipped rungs, in the order they were made."""
    return list(tx.exec(select(Candidate).where(Candidate.run_id == run_id).order_by(col(Candidate.id))))


def trained(tx: Session, most: int) -> list[Candidate]:
    """The newest candidates of all features that came out of a training, newest first."""
    return list(
        tx.exec(select(Candidate).where(Candidate.artifact != "").order_by(col(Candidate.id).desc()).limit(most))
    )


def candidate_by_artifact(tx: Session, artifact: str) -> Candidate | None:
    """A candidate by the artifact it is stored as, of the newest run that has its answers on dev; else of any.

    Runs on the same rows make the same artifact, and one of them may have ended before it asked it.
    """
    answered = (
        select(StoredPrediction.id)
        .where(
            StoredPrediction.run_id == Candidate.run_id,
            StoredPrediction.contender == Candidate.contender,
            StoredPrediction.part == Part.DEV,
        )
        .exists()
    )
    query = select(Candidate).where(Candidate.artifact == artifact)
    return tx.exec(query.order_by(answered.desc(), col(Candidate.id).desc()).limit(1)).first()


def candidates_beginning(tx: Session, artifact: str) -> list[Candidate]:
    """A candidate by its artifact's id, or by the beginning of it; the first two where several begin so.

    A candidate that several runs share, for they made the same, is the newest run's.
    """
    if not re.fullmatch("[0-9a-f]{4,64}", artifact):
        return []
    query = select(Candidate).where(col(Candidate.artifact).startswith(artifact)).order_by(col(Candidate.id))
    return list({one.artifact: one for one in tx.exec(query)}.values())[:2]


def add_predictions(
    tx: Session, run_id: str, contender: str, *, part: Part, label_ids: Mapping[str, int], rows: Sequence[Prediction]
) -> int:
    """Store the predictions not stored yet, by (run, contender, label); the number added."""
    have = select(StoredPrediction.label_id).where(
        StoredPrediction.run_id == run_id, StoredPrediction.contender == contender
    )
    known = set(tx.exec(have))
    missing = [row for row in rows if label_ids[row.row_id] not in known]
    tx.add_all(
        StoredPrediction(
            run_id=run_id,
            contender=contender,
            label_id=label_ids[row.row_id],
            part=part,
            **row.model_dump(exclude={"row_id"}),
        )
        for row in missing
    )
    return len(missing)


def predictions(tx: Session, run_id: str, contender: str, part: Part) -> list[tuple[Label, StoredPrediction]]:
    """One contender's predictions on a part with the labels they answer, by label id."""
    query = (
        select(Label, StoredPrediction)
        .where(StoredPrediction.label_id == Label.id)
        .where(
            StoredPrediction.run_id == run_id,
            StoredPrediction.contender == contender,
            StoredPrediction.part == part,
        )
        .order_by(col(StoredPrediction.label_id))
    )
    return list(tx.exec(query))


def dev_lookups(tx: Session, feature_id: int, *, since: datetime) -> int:
    """How often dev was looked up since a moment: contenders scored on it, in every run of the feature."""
    runs = select(Investigation.run_id).where(Investigation.feature_id == feature_id, Investigation.created_at >= since)
    scored = (
        select(StoredPrediction.run_id, StoredPrediction.contender)
        .where(StoredPrediction.part == Part.DEV, col(StoredPrediction.run_id).in_(runs))
        .distinct()
    )
    return tx.exec(select(func.count()).select_from(scored.subquery())).one()


def contenders(tx: Session, run_id: str, part: Part) -> list[str]:
    """Names of the contenders that have predictions on a part."""
    query = (
        select(StoredPrediction.contender)
        .where(StoredPrediction.run_id == run_id, StoredPrediction.part == part)
        .distinct()
        .order_by(StoredPrediction.contender)
    )
    return list(tx.exec(query))
