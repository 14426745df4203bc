"""Label versions as people look back on them: what each added and who made it, what differs, going back, taking out.

Sealed rows never leave here: an export holds the rows of train and dev (docs/labels.md).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence

from engine.desk import Desk
from engine.errors import Conflict, Invalid
from engine.flows.steps import versions
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.labels import Label, LabelSet, Origin, Part, Provenance
from engine.models.mail import Once
from engine.models.money import to_usd
from engine.rules.cells import disarmed
from engine.store import deeds, features, labels, mail
from engine.store.database import Tx

COLUMNS = ("id", "input", "output", "split", "group", "source", "minutes")
FORMATS = ("csv", "jsonl")


class Edition(Value):
    """One label version: what it added, from what, by whom, with which rights, and what was paid for it."""

    name: str
    number: int
    rows: int
    added: int
    origin: Origin
    by: str
    at: str
    filename: str
    maker: str
    rights: str
    run_id: str
    cost_usd: float


class History(Value):
    """A feature's label versions, newest first; ``restored`` is the older one a rollback went back to."""

    slug: str
    editions: tuple[Edition, ...]
    restored: str = ""


class Difference(Value):
    """From one version to another: rows added and taken out by label, and labels changed on the same text."""

    slug: str
    before: str
    after: str
    added: tuple[tuple[str, int], ...]
    removed: tuple[tuple[str, int], ...]
    relabelled: int


class Exported(Value):
    """Rows of train and dev as a file; ``sealed`` rows stay where they are."""

    slug: str
    version: str
    filename: str
    content: bytes
    rows: int
    sealed: int


def history(desk: Desk, slug: str) -> History:
    """A feature's label versions. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _history(tx, slug)


def diff(desk: Desk, slug: str, name: str = "") -> Difference:
    """From a version, else the one before the newest, to the newest. Raises ``NotFound``, ``Invalid`` for one alone."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        newest = labels.newest(tx, feature.id or 0)
        known = labels.versions(tx, feature.id or 0)
        if len(known) < 2:
            raise Invalid(f"{slug} has one label version, {newest.name}: there is nothing to compare it with.")
        before = labels.named(tx, feature.id or 0, name) if name else known[-2]
        return _difference(tx, slug, before, newest)


def rollback(desk: Desk, actor: Actor, slug: str, name: str, *, once: Once | None = None) -> History:
    """Make the next version hold what an older one held; no row changes its part, no version is lost.

    Raises ``NotFound``, ``Conflict`` for what is the newest already.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        old, newest = labels.named(tx, feature.id or 0, name), labels.newest(tx, feature.id or 0)
        if old.sha == newest.sha:
            raise Conflict(f"{slug} holds the rows of {old.name} already. Nothing was changed.")
        made = Provenance(by=actor.id, origin=Origin.ROLLBACK, maker=old.maker, rights=old.rights)
        label_set = labels.restore(tx, old, made=made, at=desk.services.clock.now())
        versions.tell(tx, desk.services, feature, label_set, actor=actor)
        return _history(tx, slug).model_copy(update={"restored": old.name})


def export(desk: Desk, actor: Actor, slug: str, *, name: str = "", form: str = "csv") -> Exported:
    """The rows of a version people may see, as CSV (cells a spreadsheet would run are disarmed) or JSONL.

    Raises ``NotFound``, ``Invalid`` for another format.
    """
    if form not in FORMATS:
        raise Invalid(f"Labels are exported as {' or '.join(FORMATS)}, not as {form[:20]!r}.")
    with desk.services.database.write() as tx:
        feature = features.by_slug(tx, slug)
        newest = labels.newest(tx, feature.id or 0)
        label_set = labels.named(tx, feature.id or 0, name) if name else newest
        rows = [row for part in (Part.TRAIN, Part.DEV) for row in labels.rows(tx, label_set.id or 0, part)]
        deeds.record(
            tx, desk.services.clock, actor, "export labels",
            entity="label_set", entity_id=label_set.name, feature_id=feature.id, after={"rows": len(rows)},
        )  # fmt: skip
        return Exported(
            slug=slug,
            version=label_set.name,
            filename=f"{slug}-{label_set.name}.{form}",
            content=(_csv(rows) if form == "csv" else _jsonl(rows)).encode(),
            rows=len(rows),
            sealed=labels.count(tx, label_set.id or 0, Part.SEALED),
        )


def _history(tx: Tx, slug: str) -> History:
    feature = features.by_slug(tx, slug)
    found = reversed(labels.versions(tx, feature.id or 0))
    return History(slug=slug, editions=tuple(_edition(label_set) for label_set in found))


def _edition(label_set: LabelSet) -> Edition:
    return Edition(
        name=label_set.name,
        number=label_set.number,
        rows=label_set.rows,
        added=label_set.added,
        origin=label_set.origin,
        by=label_set.by,
        at=f"{label_set.created_at:%Y-%m-%d}",
        filename=label_set.filename,
        maker=label_set.maker,
        rights=label_set.rights,
        run_id=label_set.run_id,
        cost_usd=to_usd(label_set.cost_nano),
    )


def _difference(tx: Tx, slug: str, before: LabelSet, after: LabelSet) -> Difference:
    old, fresh = labels.outputs(tx, before.id or 0), labels.outputs(tx, after.id or 0)
    both = old.keys() & fresh.keys()
    added = Counter(output for text, output in fresh.items() if text not in both)
    removed = Counter(output for text, output in old.items() if text not in both)
    return Difference(
        slug=slug,
        before=before.name,
        after=after.name,
        added=tuple(added.most_common()),
        removed=tuple(removed.most_common()),
        relabelled=sum(old[text] != fresh[text] for text in both),
    )


def _csv(rows: Sequence[Label]) -> str:
    told = io.StringIO()
    writer = csv.writer(told, lineterminator="\n")
    columns = _columns(rows)
    writer.writerow(columns)
    writer.writerows([[disarmed(cell) for cell in _cells(row)[: len(columns)]] for row in rows])
    return told.getvalue()


def _jsonl(rows: Sequence[Label]) -> str:
    columns = _columns(rows)
    lines = (dict(zip(columns, _cells(row), strict=False)) for row in rows)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _cells(row: Label) -> list[str | float]:
    told = [row.row_id, row.input, row.output, row.part.value, row.group, row.source.value, row.minutes]
    return [*told, row.rejected]


def _columns(rows: Sequence[Label]) -> tuple[str, ...]:
    """The file's columns; that of rejected texts where a row has one."""
    return (*COLUMNS, "rejected") if any(row.rejected for row in rows) else COLUMNS
