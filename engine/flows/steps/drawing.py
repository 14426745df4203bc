"""Draw the texts of a queue: captured ones nobody labelled, labels or answers nobody audited, or pairs to compare."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date

from engine.errors import NotReady
from engine.flows.steps import answers, labelling, pairing
from engine.models.feature import ApproachName, Feature
from engine.models.labelling import QueuedText, QueuePurpose
from engine.models.labels import Label, Source
from engine.store import labels, queues
from engine.store.database import Tx

AUDIT_LEAST = 100  # docs/rules.md 2: rows below which an audit proves nothing


def texts(tx: Tx, feature: Feature, size: int, purpose: QueuePurpose) -> tuple[QueuePurpose, list[QueuedText]]:
    """Up to ``size`` captured texts to label, labels of a teacher to audit, or pairs to compare, a fair draw.

    Where a verdict's answers were worked out an audit is of those, as long as 100 are left, or as many as are missing
    to 100. Raises ``NotReady`` where none is left, or fewer to audit.
    """
    if purpose is QueuePurpose.PAIRS:
        return purpose, pairing.pairs(tx, feature, size)
    if purpose is QueuePurpose.LABEL:
        return purpose, captured(tx, feature, size)
    said, newest = answers.drawn(tx, feature, size), labels.newest_or_none(tx, feature.id or 0)
    counted = answers.audited(tx, feature.id or 0, newest.id or 0).rows if newest else 0
    missing = AUDIT_LEAST - counted if counted < AUDIT_LEAST else AUDIT_LEAST
    if len(said) >= missing:
        return QueuePurpose.ANSWERS, said
    return purpose, _by_teacher(tx, feature, size, said=len(said), missing=missing)


def _by_teacher(tx: Tx, feature: Feature, size: int, *, said: int, missing: int) -> list[QueuedText]:
    """Labels of a teacher that nobody audited; ``said`` answers of a verdict are left where ``missing`` are needed."""
    seen = {one.row_id for queue in queues.closed(tx, feature.id or 0) for one in queues.settled(tx, queue.id or 0)}
    taught = [row for row in labels.by_teacher(tx, feature.id or 0) if row.row_id not in seen]
    if len(taught) < AUDIT_LEAST:
        if said:
            raise NotReady(
                f"{feature.slug} has {said:,} answers on dev that nobody audited; an audit takes {missing}.",
                hint=f"More labels make more dev rows, at the next run: /assay labels {feature.slug}",
            )
        raise NotReady(
            f"{feature.slug} has {len(taught):,} labels by a teacher that nobody audited; an audit takes "
            f"{AUDIT_LEAST}.",
            hint=_next(feature),
        )
    return [_audited(row) for row in sorted(taught, key=lambda row: row.sha)[:size]]  # by hash: a fair draw


def _next(feature: Feature) -> str:
    if feature.approach == ApproachName.REASON:
        return f"Answers can be audited once an investigation has some: /assay investigate {feature.slug}"
    return f"Have a teacher label some: /assay labels {feature.slug} sample=500"


def captured(tx: Tx, feature: Feature, size: int, *, since: date | None = None) -> list[QueuedText]:
    """Up to ``size`` captured texts that nobody labelled, a fair draw of those since a day. None: ``NotReady``."""
    drawn = labelling.texts(tx, feature, size, Source.PERSON, since=since)
    if not drawn:
        raise labelling.none_left(feature.slug)
    return [QueuedText(queue_id=0, number=0, row_id=row.id, input=row.input) for row in drawn]


def _audited(row: Label) -> QueuedText:
    return QueuedText(queue_id=0, number=0, row_id=row.row_id, input=row.input, given=row.output)


def shuffled(texts: Sequence[QueuedText]) -> list[QueuedText]:
    """Number texts anew by chance, so that nobody can tell from its place whether a text is judged twice."""
    order = sorted(texts, key=lambda _text: secrets.token_bytes(8))
    for number, text in enumerate(order, start=1):
        text.number = number
    return order
