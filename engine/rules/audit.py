"""Hold a live model against people's labels of fresh calls: does it still do what it did when it went live?

Knows nothing of months, queues or who labelled; every figure is a fraction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.pairs import Interval, wilson
from engine.rules.sequential import log_e_below
from engine.rules.watch import AuditPolicy

TWICE_LEAST = 10  # texts a month that two people label: with three months they say something


@dataclass(frozen=True)
class Audited:
    """Fresh rows, how well the live model did on them (none without rows), and the evidence that it is below the bar.

    ``is_broken`` is none where there are too few rows to say. ``interval`` is Wilson's at 95 %, of whole rows.
    """

    rows: int
    quality: float | None
    interval: Interval | None
    log_e: float
    is_broken: bool | None


def audited(scores: Sequence[float], bar: float, policy: AuditPolicy | None = None) -> Audited:
    """Judge scores in [0, 1] of fresh rows, in the order they were labelled, against a bar.

    The evidence is an e-process: it may be looked at each month, and stays valid. Once it reached the odds at any row,
    the quality is broken. Raises ValueError for a score out of range or a bar outside (0, 1).
    """
    limits = policy or AuditPolicy()
    checks.above("policy.odds", limits.odds)
    rows = len(scores)
    if not rows:
        return Audited(0, None, None, 0.0, None)
    quality = math.fsum(scores) / rows
    peak = max(log_e_below(scores, bar))
    is_broken = peak >= math.log(limits.odds)
    unknown = rows < limits.rows_least and not is_broken
    return Audited(rows, quality, wilson(round(quality * rows), rows), peak, None if unknown else is_broken)


def texts_twice(share: float, texts: int) -> int:
    """Count the texts of a month that go to two people: the share, and ten at least, for fewer never say anything."""
    wanted = math.ceil(checks.share("share", share) * checks.count("texts", texts))
    return min(max(wanted, TWICE_LEAST), texts) if share else 0


def texts_to_ask(missing: int, sealed_share: float) -> int:
    """Count the texts people must label for so many fresh rows: a share of them is sealed and tells nothing here."""
    wanted, kept = checks.count("missing", missing), 1.0 - checks.share("sealed_share", sealed_share)
    return math.ceil(wanted / kept) if kept > 0.0 else wanted
