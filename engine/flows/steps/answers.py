"""Answers that people audit: drawn from dev for them to say which are right, and how far they agree with the grades.

For approach reason, whose answers are compared with their labels by a rule. Sealed rows are shown to nobody.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict
from itertools import chain, zip_longest
from typing import Any

from engine.models.feature import ApproachName, Feature
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose
from engine.models.labels import Part
from engine.rules.annotators import Agreement, agreement
from engine.rules.gates import HUMANS_LEAST
from engine.store import investigations, labels, queues, verdicts
from engine.store.database import Tx

RIGHT, WRONG, LABEL_WRONG = "right", "wrong", "label wrong"
CHOICES = (RIGHT, WRONG, LABEL_WRONG)


def drawn(tx: Tx, feature: Feature, size: int) -> list[QueuedText]:
    """Up to ``size`` answers on dev that nobody audited, of both sides of the newest verdict; none without one.

    Half of them are answers that were graded wrong, as far as there are so many, for most may be right; of either half
    rows that come a second time come last. Else a fair draw. An empty reply is wrong whoever looks, and left out.
    """
    verdict = verdicts.newest_of(tx, feature.id or 0)
    if feature.approach != ApproachName.REASON or verdict is None:
        return []
    known = {_place(one) for queue in _closed(tx, feature.id or 0) for one in queues.settled(tx, queue.id or 0)}
    found: dict[tuple[str, str, str], QueuedText] = {}
    for side in ("candidate", "prompted"):
        rows = investigations.predictions(tx, verdict.run_id, verdict.record[side]["contender"], Part.DEV)
        for label, said in rows:
            if label.removed_in is None and label.part is Part.DEV and said.output.strip():
                one = _text(label.row_id, label.input, said.output, is_right=said.correct)
                one.second, one.rationale = label.output, label.rationale
                found.setdefault(_place(one), one)
    left = sorted((one for place, one in found.items() if place not in known), key=_by_hash)
    times: Counter[str] = Counter()
    turns: list[tuple[int, QueuedText]] = []
    for one in left:
        turns.append((times[one.row_id], one))
        times[one.row_id] += 1
    ordered = [one for _, one in sorted(turns, key=lambda pair: pair[0])]
    sides = ([one for one in ordered if one.given == word] for word in (RIGHT, WRONG))
    return [one for one in chain.from_iterable(zip_longest(*sides)) if one is not None][:size]


def audited(tx: Tx, feature_id: int, label_set_id: int) -> Agreement:
    """The grades of answers against what people said in closed audits; of rows whose label is still the same.

    The newest audits that come to 100 together: an older one may be of a prompt or a rule that was mended since.
    """
    now = {row.row_id: row.output for row in labels.rows(tx, label_set_id, Part.DEV)}
    found: list[tuple[str, str]] = []
    for queue in reversed(_closed(tx, feature_id)):
        if len(found) >= HUMANS_LEAST:
            break
        said = queues.settled(tx, queue.id or 0)
        found += [(one.given, one.output) for one in said if one.output and now.get(one.row_id) == one.second]
    return agreement(found)


def body(found: Agreement) -> dict[str, Any]:
    """An audit as the decision record keeps it, with how many answers it ``needed``."""
    return {**{name: value for name, value in asdict(found).items() if name != "alpha"}, "needed": HUMANS_LEAST}


def _closed(tx: Tx, feature_id: int) -> list[LabelQueue]:
    return queues.closed(tx, feature_id, QueuePurpose.ANSWERS)


def _text(row_id: str, question: str, answer: str, *, is_right: bool) -> QueuedText:
    given = RIGHT if is_right else WRONG
    return QueuedText(queue_id=0, number=0, row_id=row_id, input=question, given=given, first=answer)


def _place(one: QueuedText) -> tuple[str, str, str]:
    return one.row_id, one.first, one.second


def _by_hash(one: QueuedText) -> str:
    return hashlib.sha256("\0".join(("answers", *_place(one))).encode()).hexdigest()
