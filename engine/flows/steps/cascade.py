"""A candidate that answers where it is sure and hands the rest to a prompted option: the two as one contender.

The threshold is found on dev; nothing of the sealed part is read here.
"""

from __future__ import annotations

from engine.approaches import Task
from engine.flows.steps import scores
from engine.flows.steps.compare import paired
from engine.models.verdict import Cascade
from engine.rules.calibration import cascade_threshold
from engine.rules.paired import NO_INTERVAL

_LEAST_ERROR = 0.001  # a target must lie above 0; no number of dev rows shows less


def considered(
    task: Task, ours: scores.Rows, theirs: scores.Rows, confidence: float
) -> tuple[Cascade, scores.Rows] | None:
    """The cascade that surely beats the candidate alone on dev, and its rows; none where there is no such one.

    An answer stands where such answers are surely wrong no more often than the prompted option is. ``confidence`` is
    that of the interval. A candidate that says no confidence cannot be part of a cascade.
    """
    sure = [said.confidence for _, said in ours]
    known = [one for one in sure if one is not None]
    if len(known) < len(sure) or not theirs:
        return None
    wrong = sum(not said.correct for _, said in theirs) / len(theirs)
    found = cascade_threshold(known, [said.correct for _, said in ours], min(max(wrong, _LEAST_ERROR), 0.999))
    if found is None or found.kept_share >= 1.0:
        return None
    rows = scores.composed(ours, theirs, found.threshold)
    lead = paired(task, rows, ours, confidence)
    if lead.method == NO_INTERVAL or lead.interval.low <= 0.0:
        return None
    made = Cascade(
        threshold=found.threshold,
        escalation=1.0 - found.kept_share,
        kept_error=found.error,
        kept_error_upper=found.error_upper,
    )
    return made, rows
