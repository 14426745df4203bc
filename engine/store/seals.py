"""The sealed part and its ledger of looks. Sealed rows leave the store through ``sealed_rows`` alone, for a look."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlmodel import Session, col, func, select

from engine.clock import Clock
from engine.errors import NotReady
from engine.models.labels import Label, LabelSet, Part
from engine.models.seal import Look, Seal
from engine.rules.seal import look_alpha

LOOKS = 3  # docs/decide.md: .020, .004, .001, then a new eval version


def find(tx: Session, feature_id: int) -> Seal | None:
    """The feature's newest seal, or none before its first labels."""
    return tx.exec(select(Seal).where(Seal.feature_id == feature_id).order_by(col(Seal.number).desc())).first()


def current(tx: Session, feature_id: int) -> Seal:
    """The feature's newest seal. Raises ``NotReady`` before its first labels."""
    found = find(tx, feature_id)
    if found is None:
        raise NotReady("There are no labels yet, so nothing is sealed.", hint="Upload some: /assay labels SLUG")
    return found


def by_id(tx: Session, seal_id: int) -> Seal:
    """The seal of that id."""
    return tx.get_one(Seal, seal_id)


def add(tx: Session, feature_id: int, *, dev_share: float, sealed_share: float, at: datetime) -> Seal:
    """Make the next eval version with a salt of its own."""
    known = find(tx, feature_id)
    seal = Seal(
        feature_id=feature_id,
        number=known.number + 1 if known else 1,
        salt=secrets.token_hex(8),
        dev_share=dev_share,
        sealed_share=sealed_share,
        created_at=at,
    )
    tx.add(seal)
    tx.flush()
    return seal


def share(tx: Session, feature_id: int, *, dev_share: float, sealed_share: float, at: datetime) -> Seal:
    """Part groups by these shares from now: a first seal is made; one that was looked at keeps its own for ever."""
    known = find(tx, feature_id)
    if known is None:
        return add(tx, feature_id, dev_share=dev_share, sealed_share=sealed_share, at=at)
    if not looks(tx, known.id or 0):
        known.dev_share, known.sealed_share = dev_share, sealed_share
        tx.add(known)
        tx.flush()
    return known


def next_look(tx: Session, seal_id: int) -> int:
    """The number the next look will have (1 to 3). Raises ``NotReady`` when all are used."""
    used = tx.exec(select(func.count()).where(Look.seal_id == seal_id)).one()
    if used >= LOOKS:
        raise NotReady(
            f"The sealed rows were looked at {LOOKS} times, which is all an honest test allows.",
            hint="Upload labels it has never seen and seal a new part (docs/decide.md).",
        )
    return used + 1


def open_look(
    tx: Session,
    clock: Clock,
    *,
    seal_id: int,
    run_id: str,
    contender: str,
    purpose: str,
    margin: float,
    by: str,
) -> Look:
    """Write one look for one candidate of one run on the ledger; the same run again is the same look.

    Raises ``NotReady`` when all looks are used. The margin is that of the first look for ever (docs/decide.md).
    """
    known = tx.exec(select(Look).where(Look.run_id == run_id)).one_or_none()
    if known is not None:
        return known
    number = next_look(tx, seal_id)
    first = tx.exec(select(Look).where(Look.seal_id == seal_id, Look.number == 1)).one_or_none()
    look = Look(
        seal_id=seal_id,
        number=number,
        run_id=run_id,
        contender=contender,
        purpose=purpose,
        alpha=look_alpha(number),
        margin=first.margin if first else margin,
        by=by,
        at=clock.now(),
    )
    tx.add(look)
    tx.flush()
    return look


def sealed_rows(tx: Session, look: Look, label_set_id: int) -> list[Label]:
    """The sealed labels of a version, for a look that stands on the ledger."""
    assert look.id is not None, "a look is on the ledger before rows leave"
    label_set = tx.get_one(LabelSet, label_set_id)
    query = select(Label).where(
        Label.feature_id == label_set.feature_id,
        Label.part == Part.SEALED,
        Label.added_in <= label_set.number,
        col(Label.removed_in).is_(None) | (col(Label.removed_in) > label_set.number),
    )
    return list(tx.exec(query.order_by(col(Label.id))))


def first_look(tx: Session, feature_id: int) -> Look | None:
    """The first look at the feature's newest seal, which fixed its margin; none while nobody looked."""
    seal = find(tx, feature_id)
    return next(iter(looks(tx, seal.id or 0)), None) if seal else None


def looks(tx: Session, seal_id: int) -> list[Look]:
    """The ledger of a seal, oldest first."""
    return list(tx.exec(select(Look).where(Look.seal_id == seal_id).order_by(col(Look.number))))


def ledger_of(tx: Session, run_id: str) -> tuple[Seal, list[Look]] | None:
    """The seal a run has looked at with its whole ledger, oldest look first; none before the run has looked."""
    mine = tx.exec(select(Look).where(Look.run_id == run_id)).one_or_none()
    return (tx.get_one(Seal, mine.seal_id), looks(tx, mine.seal_id)) if mine else None
