"""Pairs of texts written for one brief: drawn for people to compare, blind, and what people said of them.

Drawn from dev alone: sealed rows are shown to nobody.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from engine.errors import NotReady
from engine.models.feature import ApproachName, Feature
from engine.models.labelling import QueuedText
from engine.models.labels import Part
from engine.rules.judged import CHOICES, Winner, winner
from engine.store import investigations, queues, verdicts
from engine.store.database import Tx

__all__ = ["CHOICES", "Texts", "pairs", "said_of", "settled"]

Texts = tuple[str, str, str]  # row id, the candidate's text, the prompted option's


def pairs(tx: Tx, feature: Feature, size: int) -> list[QueuedText]:
    """Up to ``size`` pairs of the newest verdict's two sides on dev that nobody compared, a fair draw.

    Raises ``NotReady`` for a feature of another approach, without a verdict, or with no such pair left.
    """
    known = settled(tx, feature.id or 0)
    found = [one for one in _written(tx, feature) if _texts(one) not in known]
    if not found:
        raise NotReady(
            f"No pair of {feature.slug} is left that nobody compared.",
            hint=f"What people said counts at the next run: /assay investigate {feature.slug}",
        )
    return sorted(found, key=_by_hash)[:size]


def settled(tx: Tx, feature_id: int) -> dict[Texts, Winner]:
    """What people said in closed queues, by row and texts; the newest word where a pair was compared twice."""
    return {
        _texts(one): winner(one.output, candidate_first=one.candidate_first) for one in queues.paired(tx, feature_id)
    }


def said_of(known: Mapping[Texts, Winner], row_id: str, candidate: str, prompted: str) -> Winner | None:
    """What people said of two texts, none where they said nothing; the sides may have been the other way about."""
    found = known.get((row_id, candidate, prompted))
    if found is not None:
        return found
    return _TURNED.get(known.get((row_id, prompted, candidate)))


_TURNED: Mapping[Winner | None, Winner] = {"candidate": "prompted", "prompted": "candidate", "tie": "tie"}


def _written(tx: Tx, feature: Feature) -> list[QueuedText]:
    """The two sides' texts for each brief on dev where they differ, in an order of chance."""
    if feature.approach is not ApproachName.VOICE:
        raise NotReady(
            f"{feature.slug} is {feature.approach}: its answers are right or wrong, and nobody need compare them.",
            hint=f"Have people label: /assay labels {feature.slug} queue=50",
        )
    verdict = verdicts.newest_of(tx, feature.id or 0)
    if verdict is None:
        raise NotReady(
            f"{feature.slug} has no two texts to compare yet: an investigation writes them.",
            hint=f"Start one, it says what it found until then: /assay investigate {feature.slug}",
        )
    ours, theirs = (
        investigations.predictions(tx, verdict.run_id, verdict.record[side]["contender"], Part.DEV)
        for side in ("candidate", "prompted")
    )
    answered = {said.label_id: said.output for _, said in theirs}
    return [
        _pair(label.row_id, label.input, candidate=said.output, prompted=answered[said.label_id])
        for label, said in ours
        if said.output.strip() and answered.get(said.label_id, "").strip() not in ("", said.output.strip())
    ]


def _pair(row_id: str, brief: str, *, candidate: str, prompted: str) -> QueuedText:
    candidate_first = bool(secrets.randbits(1))
    first, second = (candidate, prompted) if candidate_first else (prompted, candidate)
    return QueuedText(
        queue_id=0, number=0, row_id=row_id, input=brief, first=first, second=second, candidate_first=candidate_first
    )


def _texts(one: QueuedText) -> Texts:
    return (one.row_id, one.first, one.second) if one.candidate_first else (one.row_id, one.second, one.first)


def _by_hash(one: QueuedText) -> str:
    return hashlib.sha256(f"pairs\0{one.row_id}".encode()).hexdigest()
