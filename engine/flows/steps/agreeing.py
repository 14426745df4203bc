"""How far labels hold: between two people on one text, and of an old label when people are asked for it again, blind.

Old rows are drawn from dev alone: sealed rows are shown to nobody, and dev is a fair draw of the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from engine.flows.steps import written
from engine.models.feature import Feature
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, TextState
from engine.models.labels import Label, Part
from engine.rules.annotators import ROWS_LEAST, Again, Agreement, Flip, again, doubles, is_surely_below, is_too_low
from engine.rules.bucket import bucket
from engine.rules.calendar import following, period_of
from engine.store import labels, queues, seals
from engine.store.database import Tx
from engine.store.policies import Policy
from engine.store.queues import Judged

EACH_MONTHS = 3  # old rows are asked again once a quarter
OLD = timedelta(days=90)
ROWS_LEAST_AGAIN = 20  # rows asked again from which their agreement is read as a fact
TOLD = timedelta(days=365)  # what two people said longer ago says nothing of those who label now


def twice(feature: Feature, found: Sequence[Judged]) -> Agreement:
    """How far people agree on the texts that two of them judged; what says the same is the same."""
    said = [dict(zip(row.by, written.alike(feature, list(row.by.values())), strict=True)) for row in found]
    return doubles(said) if said else Agreement(0)


def draw(tx: Tx, feature_id: int, size: int, now: datetime) -> list[QueuedText]:
    """Up to ``size`` old dev rows whose label is asked for again, a fair draw; none before a quarter has gone by.

    Rows nobody was asked for again come first. A queue that was closed before half of its old rows were answered
    takes up no quarter.
    """
    label_set, seal = labels.newest_or_none(tx, feature_id), seals.find(tx, feature_id)
    before = [queue for queue in queues.asking_again(tx, feature_id) if _has_asked(tx, queue)]
    if not size or label_set is None or seal is None:
        return []
    if before and following(period_of(before[-1].created_at), EACH_MONTHS) > period_of(now):
        return []
    asked = {text.row_id for queue in before for text in _old(tx, queue)}
    old = {one.number for one in labels.versions(tx, feature_id) if one.created_at <= now - OLD}
    rows = [row for row in labels.rows(tx, label_set.id or 0, Part.DEV) if row.added_in in old]
    salt = f"{seal.salt}/again/{period_of(now)}"
    drawn = sorted(rows, key=lambda row: (row.row_id in asked, bucket(salt, row.row_id), row.id or 0))
    return [
        QueuedText(queue_id=0, number=0, row_id=row.row_id, input=row.input, given=row.output) for row in drawn[:size]
    ]


def _has_asked(tx: Tx, queue: LabelQueue) -> bool:
    old = _old(tx, queue)
    answered = [text for text in old if text.state is not TextState.WAITING]
    return queue.state is QueueState.OPEN or 2 * len(answered) >= len(old)


def _old(tx: Tx, queue: LabelQueue) -> list[QueuedText]:
    return [text for text in queues.texts(tx, queue.id or 0) if text.given]


def labels_given(tx: Tx, queue: LabelQueue) -> Mapping[str, Label]:
    """By their ids the rows in force whose labels a queue asks people for again: a teacher's, or old ones of dev.

    An old one that has another label since stays as it is: what people said of it was held against the one before.
    """
    if queue.purpose is QueuePurpose.AUDIT:
        return {row.row_id: row for row in labels.by_teacher(tx, queue.feature_id)}
    newest = labels.newest_or_none(tx, queue.feature_id)
    rows = labels.rows(tx, newest.id or 0, Part.DEV) if newest else []
    given = {text.row_id: text.given for text in queues.texts(tx, queue.id or 0)}
    return {row.row_id: row for row in rows if row.output == given.get(row.row_id)}


def again_in(tx: Tx, feature: Feature, queue: LabelQueue) -> Again:
    """How the old labels of a queue held: told by every first answer, and by what became of them in the end.

    Labels that are written are not named: a flip of theirs says how many changed.
    """
    if queue.purpose is not QueuePurpose.LABEL:
        return Again(0)
    old = [row for row in queues.judged(tx, queue.id or 0) if row.given]
    said = [written.alike(feature, (row.given, next(iter(row.by.values()), ""), row.output)) for row in old]
    held = again([(given, first, settled) for given, first, settled in said])
    changed = sum(one.rows for one in held.flips)
    return held if feature.labels or not changed else replace(held, flips=(Flip("", "", changed),))


def newest_again(
    tx: Tx, feature: Feature, now: datetime, until: datetime | None = None
) -> tuple[LabelQueue, Again] | None:
    """The newest queue closed in the year before in which old labels were given again, and how they held; else none."""
    asked = queues.asking_again(tx, feature.id or 0)
    asking = [one for one in asked if one.closed_at is not None and one.closed_at > now - TOLD]
    asking = [one for one in asking if until is None or (one.closed_at or until) < until]
    held = ((queue, again_in(tx, feature, queue)) for queue in reversed(asking))
    return next((found for found in held if found[1].rows), None)


def told(tx: Tx, feature: Feature, policy: Policy, until: datetime) -> dict[str, Any]:
    """What a month's look says of labels: the agreement of two people in the year before, and old labels asked again.

    ``too_low`` says that two people may agree too little to judge a model by; ``moved`` that old labels surely hold
    too seldom. Both are none where there is too little to say.
    """
    closed = [
        one
        for one in queues.closed(tx, feature.id or 0)
        if one.purpose in (QueuePurpose.LABEL, QueuePurpose.AUDIT)
        and one.closed_at
        and until - TOLD < one.closed_at < until
    ]
    found = twice(feature, [row for one in closed for row in queues.judged(tx, one.id or 0)])
    two = {**asdict(found), "too_low": is_too_low(found), "least": ROWS_LEAST}
    asked = newest_again(tx, feature, until, until)
    if asked is None:
        return {"twice": two, "again": None}
    queue, held = asked
    return {
        "twice": two,
        "again": {
            **asdict(held),
            "moved": is_surely_below(held, policy.readiness.relabel_agreement),
            "asked": queue.created_at.date().isoformat(),
        },
    }
