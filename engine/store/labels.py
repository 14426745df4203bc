"""Labels and their versions. Sealed rows never leave here: ``seals.sealed_rows`` gives them out, for a look."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from engine.errors import NotFound, NotReady, SealBroken
from engine.models.labels import Draft, Label, LabelRow, LabelSet, Part, Provenance, Source
from engine.rules.leaks import copying, shown
from engine.rules.split import Known, Placed


def newest_or_none(tx: Session, feature_id: int) -> LabelSet | None:
    """The feature's newest label version, or none."""
    query = select(LabelSet).where(LabelSet.feature_id == feature_id).order_by(col(LabelSet.number).desc())
    return tx.exec(query.limit(1)).first()


def newest(tx: Session, feature_id: int) -> LabelSet:
    """The feature's newest label version. Raises ``NotReady``."""
    found = newest_or_none(tx, feature_id)
    if found is None:
        raise NotReady("There are no labels yet.", hint="Upload some: /assay labels SLUG")
    return found


def versions(tx: Session, feature_id: int) -> list[LabelSet]:
    """All versions, oldest first."""
    return list(tx.exec(select(LabelSet).where(LabelSet.feature_id == feature_id).order_by(col(LabelSet.number))))


def rows(tx: Session, label_set_id: int, part: Part) -> list[Label]:
    """A version's train or dev labels. Raises ``SealBroken`` for the sealed part, which only a look opens."""
    return list(tx.exec(_of_open(tx, label_set_id, part)))


def first(tx: Session, label_set_id: int, part: Part, most: int) -> list[Label]:
    """The first ``most`` rows that ``rows`` gives. Raises as that does."""
    return list(tx.exec(_of_open(tx, label_set_id, part).limit(most)))


def count(tx: Session, label_set_id: int, part: Part) -> int:
    """How many labels of a version lie in a part; of the sealed one those that a look would open."""
    return tx.exec(select(func.count()).select_from(_of(tx, label_set_id).where(*_lies_in(part)).subquery())).one()


def clusters(tx: Session, label_set_id: int, part: Part) -> int:
    """How many clusters (groups and near copies joined) the labels of a version form in a part."""
    query = select(func.count(func.distinct(Label.cluster))).where(*_within(tx, label_set_id), *_lies_in(part))
    return tx.exec(query).one()


def parts(tx: Session, label_set_id: int | None) -> dict[Part, int]:
    """How many labels of a version lie in each part; all 0 where there is no version."""
    if label_set_id is None:
        return dict.fromkeys(Part, 0)
    found = tx.exec(select(Label.part, func.count()).where(*_within(tx, label_set_id)).group_by(Label.part)).all()
    return {**dict.fromkeys(Part, 0), **{Part(part): number for part, number in found}}


def ids(tx: Session, label_set_id: int, part: Part) -> dict[str, int]:
    """A version's labels of a part by the id people know them under."""
    query = _of(tx, label_set_id).where(Label.part == part)
    return {label.row_id: label.id or 0 for label in tx.exec(query)}


def examples(tx: Session, label_set_id: int) -> list[Label]:
    """A version's train labels that copy no row of another part: what may be shown to a prompted model."""
    train = rows(tx, label_set_id, Part.TRAIN)
    others = tx.exec(_of(tx, label_set_id).where(Label.part != Part.TRAIN))
    copies = copying([label.input for label in train], [label.input for label in others])
    return [label for place, label in enumerate(train) if place not in copies]


def shown_in(tx: Session, label_set_id: int, prompt: str) -> frozenset[int]:
    """Ids of a version's sealed labels that a prompt shows to its model, exactly or nearly; no text leaves."""
    sealed = list(tx.exec(_of(tx, label_set_id).where(*_lies_in(Part.SEALED)).order_by(col(Label.id))))
    return frozenset(sealed[place].id or 0 for place in shown(prompt, [label.input for label in sealed]))


def taught(tx: Session, label_set_id: int) -> frozenset[int]:
    """Ids of a version's sealed labels that a teacher model made: against its own answers no model can lose."""
    query = _of(tx, label_set_id).where(*_lies_in(Part.SEALED), Label.source == Source.TEACHER)
    return frozenset(label.id or 0 for label in tx.exec(query))


def by_id(tx: Session, label_set_id: int) -> LabelSet:
    """The version of that key."""
    return tx.get_one(LabelSet, label_set_id)


def outputs(tx: Session, label_set_id: int) -> dict[str, str]:
    """A version's labels by the hash of their text; the texts stay here."""
    query = select(Label.input, Label.output).where(*_within(tx, label_set_id))
    return {hashlib.sha256(text.encode()).hexdigest(): output for text, output in tx.exec(query)}


def named(tx: Session, feature_id: int, name: str) -> LabelSet:
    """The newest version whose name begins so, or has that number. Raises ``NotFound`` naming those there are."""
    found = versions(tx, feature_id)
    asked = name.strip().lower()
    matching = [one for one in found if asked and (one.sha.startswith(asked) or str(one.number) == asked)]
    if not matching:
        listed = ", ".join(one.name for one in found[-5:]) or "none yet"
        raise NotFound(f"There is no label version {name[:40]!r}.", hint=f"There are: {listed}")
    return matching[-1]


def by_people(tx: Session, feature_id: int) -> int:
    """How many labels of the newest version no teacher made: the sealed part is sized by these."""
    found = newest_or_none(tx, feature_id)
    if found is None:
        return 0
    return found.rows - sources(tx, found.id or 0).get(Source.TEACHER.value, 0)


def by_teacher(tx: Session, feature_id: int) -> list[Label]:
    """The teacher's labels of the newest version that lie in no sealed part."""
    found = newest_or_none(tx, feature_id)
    if found is None:
        return []
    query = _of(tx, found.id or 0).where(Label.source == Source.TEACHER, Label.part != Part.SEALED)
    return list(tx.exec(query.order_by(col(Label.id))))


def usable(tx: Session, feature_id: int) -> int:
    """How many labels the newest version holds."""
    found = newest_or_none(tx, feature_id)
    return found.rows if found else 0


def minutes(tx: Session, label_set_id: int) -> float:
    """Labelling time that people spent on a version, in minutes."""
    return float(tx.exec(select(func.sum(Label.minutes)).where(*_within(tx, label_set_id))).one() or 0.0)


def classes(tx: Session, label_set_id: int) -> dict[str, int]:
    """How many rows of a version carry each label, most frequent first."""
    query = select(Label.output, func.count()).where(*_within(tx, label_set_id)).group_by(Label.output)
    return dict(Counter(dict(tx.exec(query).all())).most_common())


def sources(tx: Session, label_set_id: int) -> dict[str, int]:
    """How many rows of a version came from each source."""
    query = select(Label.source, func.count()).where(*_within(tx, label_set_id)).group_by(Label.source)
    return {str(source): number for source, number in tx.exec(query)}


def known(tx: Session, feature_id: int) -> list[Known]:
    """Every label there ever was as the rules of placing see it, sealed and removed ones included."""
    stored = list(tx.exec(select(Label).where(Label.feature_id == feature_id).order_by(col(Label.id))))
    present = {label.sha for label in stored if label.removed_in is None}
    gone = {label.sha: label for label in stored if label.sha not in present}
    return [
        Known(label.row_id, label.input, label.output, label.group, label.cluster, label.part.value, in_force)
        for labels, in_force in (([one for one in stored if one.removed_in is None], True), (gone.values(), False))
        for label in labels
    ]


def add_version(
    tx: Session,
    feature_id: int,
    rows_in: Sequence[LabelRow],
    placed: Sequence[Placed],
    *,
    made: Provenance,
    at: datetime,
) -> LabelSet:
    """Store the next version: the rows before plus the placed ones, each in its part for ever."""
    number = _next_number(tx, feature_id)
    return _add(
        tx,
        LabelSet(feature_id=feature_id, number=number, created_at=at, sha="", rows=0, added=0, **made.model_dump()),
        [_label(feature_id, rows_in[place.index], place, number) for place in placed],
    )


def take_out(tx: Session, feature_id: int, gone: Sequence[Label]) -> None:
    """Leave rows out of the next version, which the caller stores in this transaction."""
    for label in gone:
        label.removed_in = _next_number(tx, feature_id)
        tx.add(label)
    tx.flush()


def restore(tx: Session, old: LabelSet, *, made: Provenance, at: datetime) -> LabelSet:
    """Store the next version with the rows of an older one; every row keeps its part."""
    wanted = {label.sha: label for label in tx.exec(_of(tx, old.id or 0))}
    present = {label.sha: label for label in tx.exec(_of(tx, newest(tx, old.feature_id).id or 0))}
    number = _next_number(tx, old.feature_id)
    back = [
        Label(**label.model_dump(exclude={"id", "added_in", "removed_in"}), added_in=number)
        for sha, label in wanted.items()
        if sha not in present
    ]
    label_set = LabelSet(
        feature_id=old.feature_id, number=number, created_at=at, sha="", rows=0, added=0, **made.model_dump()
    )
    take_out(tx, old.feature_id, [label for sha, label in present.items() if sha not in wanted])
    return _add(tx, label_set, back)


def _next_number(tx: Session, feature_id: int) -> int:
    before = newest_or_none(tx, feature_id)
    return before.number + 1 if before else 1


def _add(tx: Session, label_set: LabelSet, added: Sequence[Label]) -> LabelSet:
    present = select(Label.sha).where(Label.feature_id == label_set.feature_id, col(Label.removed_in).is_(None))
    shas = [*tx.exec(present), *(label.sha for label in added)]
    label_set.sha = hashlib.sha256("\n".join(sorted(shas)).encode()).hexdigest()
    label_set.rows, label_set.added = len(shas), len(added)
    _rest_again(tx, label_set.feature_id, added)
    tx.add(label_set)
    tx.add_all(added)
    tx.flush()
    return label_set


def _rest_again(tx: Session, feature_id: int, added: Sequence[Label]) -> None:
    """A sealed row that was taken out and comes back is opened no more, if it was not before."""
    query = select(Label.input, Label.rested_in).where(
        Label.feature_id == feature_id, col(Label.rested_in).is_not(None)
    )
    rested = dict(tx.exec(query).all())
    for label in added:
        label.rested_in = rested.get(label.input)


def row_sha(feature_id: int, text: str, output: str) -> str:
    """The hash that names a labelled row: ``sha256(feature, input, output)``."""
    return hashlib.sha256("\x1f".join((str(feature_id), text, output)).encode()).hexdigest()


def add_draft(tx: Session, draft: Draft) -> Draft:
    """Keep an uploaded file between preview and Confirm."""
    tx.add(draft)
    tx.flush()
    return draft


def draft(tx: Session, token: str) -> Draft | None:
    """The draft a button names, or none."""
    return tx.exec(select(Draft).where(Draft.token == token)).one_or_none()


def _label(feature_id: int, row: LabelRow, place: Placed, number: int) -> Label:
    return Label(
        feature_id=feature_id,
        row_id=row.id,
        sha=row_sha(feature_id, row.input, row.output),
        input=row.input,
        output=row.output,
        group=row.group,
        cluster=place.cluster,
        source=row.source,
        minutes=row.minutes,
        rationale=row.rationale,
        rejected=row.rejected,
        part=Part(place.part),
        added_in=number,
    )


def _of(tx: Session, label_set_id: int):  # noqa: ANN202 (SQLModel's own select type)
    return select(Label).where(*_within(tx, label_set_id))


def _of_open(tx: Session, label_set_id: int, part: Part):  # noqa: ANN202 (SQLModel's own select type)
    if part is Part.SEALED:
        raise SealBroken("Sealed rows were asked for without a look on the ledger.")
    return _of(tx, label_set_id).where(Label.part == part).order_by(col(Label.id))


def _within(tx: Session, label_set_id: int):  # noqa: ANN202 (SQLAlchemy's own expression types)
    label_set = tx.get_one(LabelSet, label_set_id)
    removed = col(Label.removed_in).is_(None) | (col(Label.removed_in) > label_set.number)
    return (
        col(Label.feature_id) == label_set.feature_id,
        col(Label.added_in) <= label_set.number,
        removed,
    )


def _lies_in(part: Part):  # noqa: ANN202 (SQLAlchemy's own expression types)
    """In a part; a sealed row that no look opens any more is in none, and is never trained on."""
    return (Label.part == part, col(Label.rested_in).is_(None))
