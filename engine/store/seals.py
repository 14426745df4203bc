"""The sealed part and its ledger of looks. Sealed rows leave the store through ``sealed_rows`` alone, for a look."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, func, select

from engine.clock import Clock
from engine.errors import NotReady
from engine.models.investigation import Investigation
from engine.models.labels import Label, LabelSet, Part
from engine.models.seal import Look, Seal
from engine.rules.refresh import Refresh, SealedRow
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
    if first_look(tx, feature_id) is None:
        known.dev_share, known.sealed_share = dev_share, sealed_share
        tx.add(known)
        tx.flush()
    return known


def next_look(tx: Session, seal_id: int) -> int:
    """The number the next look will have (1 to 3). Raises ``NotReady`` when all are used.

    A refreshed version counts on from the looks that opened its most worn row.
    """
    used = tx.exec(select(func.count()).where(Look.seal_id == seal_id)).one() + by_id(tx, seal_id).worn
    if used >= LOOKS:
        raise NotReady(
            f"The sealed rows were looked at {LOOKS} times, which is all an honest test allows.",
            hint="Add labels of other texts: with the month's digest they become the next version (docs/decide.md).",
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
    first = next(iter(ledger(tx, seal_id)), None)
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


def has_looked(tx: Session, run_id: str) -> bool:
    """Whether a look of this run stands on the ledger."""
    return tx.exec(select(Look).where(Look.run_id == run_id)).first() is not None


def sealed_rows(tx: Session, look: Look, label_set_id: int) -> list[Label]:
    """The sealed labels of a version, for a look that stands on the ledger."""
    assert look.id is not None, "a look is on the ledger before rows leave"
    return list(tx.exec(_open_rows(tx.get_one(LabelSet, label_set_id)).order_by(col(Label.id))))


def first_look(tx: Session, feature_id: int) -> Look | None:
    """The first look at a row of the feature's newest seal, which fixed its margin; none while nobody looked."""
    seal = find(tx, feature_id)
    return next(iter(ledger(tx, seal.id or 0)), None) if seal else None


def looks(tx: Session, seal_id: int) -> list[Look]:
    """The ledger of a seal, oldest first."""
    return list(tx.exec(select(Look).where(Look.seal_id == seal_id).order_by(col(Look.number))))


def lineage(tx: Session, seal_id: int) -> list[int]:
    """The versions whose rows a version holds, oldest first, itself last: back to where no row had been looked at."""
    found: list[int] = []
    at: int | None = seal_id
    while at is not None:
        seal = by_id(tx, at)
        found.append(at)
        at = seal.parent_id if seal.worn else None
    return found[::-1]


def root(tx: Session, seal_id: int) -> Seal:
    """The first version of an eval, whose salt every later one keeps."""
    seal = by_id(tx, seal_id)
    while seal.parent_id is not None:
        seal = by_id(tx, seal.parent_id)
    return seal


def ledger(tx: Session, seal_id: int) -> list[Look]:
    """Every look that opened rows of a version, those of the versions before it too, oldest first."""
    query = select(Look).where(col(Look.seal_id).in_(lineage(tx, seal_id)))
    return list(tx.exec(query.order_by(col(Look.at), col(Look.id))))


def used(tx: Session, seal_id: int) -> int:
    """How many looks have opened the most worn row of a version."""
    return len(looks(tx, seal_id)) + by_id(tx, seal_id).worn


def ledger_of(tx: Session, run_id: str) -> tuple[Seal, list[Look]] | None:
    """The seal a run has looked at with its whole ledger, oldest look first; none before the run has looked."""
    mine = tx.exec(select(Look).where(Look.run_id == run_id)).one_or_none()
    return (tx.get_one(Seal, mine.seal_id), ledger(tx, mine.seal_id)) if mine else None


def worn_rows(tx: Session, seal: Seal, label_set: LabelSet) -> list[SealedRow]:
    """The sealed rows of a version that a look would open, by id, each with the looks that have opened it; no text.

    A row that was taken out and came back is as old as its text.
    """
    numbers = [_number(tx, look) for look in ledger(tx, seal.id or 0)]
    query = select(Label.input, func.min(Label.added_in)).where(Label.feature_id == seal.feature_id)
    first = dict(tx.exec(query.group_by(Label.input)).all())
    found = tx.exec(_open_rows(label_set).order_by(col(Label.id)))
    return [
        SealedRow(
            row.id or 0,
            row.cluster,
            first[row.input],
            sum(number >= first[row.input] for number in numbers),
            is_anchor=row.is_anchor,
        )
        for row in found
    ]


def follow(tx: Session, seal: Seal, found: Refresh, *, came: int, at: datetime) -> Seal:
    """Make the next version of an eval, linked to this one; rows that left or are spent are opened no more."""
    made = Seal(
        feature_id=seal.feature_id,
        number=seal.number + 1,
        salt=seal.salt,
        dev_share=seal.dev_share,
        sealed_share=seal.sealed_share,
        created_at=at,
        parent_id=seal.id,
        worn=found.worn,
        came=came,
        gone=len(found.left) + len(found.spent),
        anchor=len(found.anchor),
    )
    tx.add(made)
    for row in tx.exec(select(Label).where(col(Label.id).in_((*found.left, *found.spent, *found.anchor)))):
        row.is_anchor = row.is_anchor or row.id in found.anchor
        if row.id in found.left or row.id in found.spent:
            row.rested_in = made.number
        tx.add(row)
    tx.flush()
    return made


def unanswered(tx: Session, seal: Seal, label_set: LabelSet, answered: Collection[int]) -> list[Label]:
    """Sealed rows of a refreshed eval that a live model has not answered yet: for it alone, no figure leaves."""
    if seal.parent_id is None:
        return []
    return [row for row in tx.exec(_open_rows(label_set).order_by(col(Label.id))) if row.id not in answered]


def _open_rows(label_set: LabelSet):  # noqa: ANN202 (SQLModel's own select type)
    return select(Label).where(
        Label.feature_id == label_set.feature_id,
        Label.part == Part.SEALED,
        Label.added_in <= label_set.number,
        col(Label.removed_in).is_(None) | (col(Label.removed_in) > label_set.number),
        col(Label.rested_in).is_(None),
    )


def _number(tx: Session, look: Look) -> int:
    """The number of the label version a look opened; 0 for a run without one."""
    query = (
        select(LabelSet.number)
        .join(Investigation, col(Investigation.label_set_id) == LabelSet.id)
        .where(Investigation.run_id == look.run_id)
    )
    return tx.exec(query).first() or 0
