"""Say what may leave the seal of a comparison: figures so coarse that many looks teach little of the sealed rows.

Knows nothing of records, messages or people; `seal.released_difference` has the step of the grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.rules import checks
from engine.rules.pairs import Interval
from engine.rules.seal import release_step, released_difference
from engine.rules.verdict import Evidence, Ruling, VerdictPolicy, further_rows

_OUTCOMES = 4
_DECIMALS = 3  # a tenth of a point: the digits of a step would give the counts away


@dataclass(frozen=True)
class Released:
    """What people may read of a sealed comparison: fractions, each a multiple of ``step`` told to a tenth of a point.

    ``difference`` is candidate minus prompted, ``low`` and ``high`` the ends of its interval, both on the side
    of -margin on which the exact end lies, and ``low`` of 0 too, so that no reader sees another outcome than was
    decided. ``bits`` is how much these figures and the outcome can tell of the sealed rows at the most.
    """

    difference: float
    low: float
    high: float
    candidate: float
    prompted: float
    step: float
    bits: float


def released(difference: Interval, prompted: float, *, margin: float, sd: float, rows: int) -> Released:
    """Round a sealed comparison to the grid of ``released_difference``; ``sd`` is of the paired difference per row.

    The candidate's score is the prompted one's plus the released difference: two scores never tell more than that.
    Raises ValueError for an estimate outside its interval, a score outside 0 to 1, a negative sd or no rows.
    """
    if not difference.low <= difference.estimate <= difference.high:
        raise ValueError(f"difference is {difference!r}; the estimate must lie between low and high")
    allowed = checks.margin("margin", margin)
    step = release_step(sd, rows)
    lead = _told(released_difference(difference.estimate, sd, rows))
    score = score_released(prompted, sd, rows)
    return Released(
        difference=lead,
        low=min(_low(difference.low, step, (-allowed, 0.0)), lead),
        high=max(-_low(-difference.high, step, (allowed,)), lead),
        candidate=_told(min(max(score + lead, 0.0), 1.0)),
        prompted=score,
        step=_told(step),
        bits=bits_released(_told(step)),
    )


def rows_released(
    ruling: Ruling, evidence: Evidence, found: Released, policy: VerdictPolicy | None = None, *, alpha: float = 1.0
) -> int | None:
    """Give the further sealed rows that would settle it, as people may read them: from the released difference.

    The exact count would give the exact difference away. One that is rounded onto the margin counts as half a step
    from it; never more than the policy's ``rows_cap``. None where the ruling says none; rows that a plan lacks are
    told as they are. ``alpha`` is the one-sided alpha of the look they are for: it is harder to pass than this one,
    and rows that would have settled this look may not settle that. Raises ValueError as ``decide`` does.
    """
    if ruling.rows_needed is None or evidence.rows < evidence.planned_rows:
        return ruling.rows_needed
    asked = policy or VerdictPolicy()
    rules = replace(asked, alpha=min(asked.alpha, alpha))
    distance = max(abs(min(found.difference, 0.0) + evidence.margin), found.step / 2.0)
    return max(1, min(further_rows(evidence, rules, distance), rules.rows_cap - evidence.rows))


def score_released(score: float, sd: float, rows: int) -> float:
    """Round a sealed score (0 to 1) to the same grid. Raises ValueError as ``released`` does."""
    return _told(min(released_difference(checks.share("score", score), sd, rows), 1.0))


def on_grid(figure: float | None, step: float) -> float | None:
    """Round a sealed figure to the nearest multiple of a step, to a tenth of a point; none stays none.

    Raises ValueError for a step of 0 or below.
    """
    width = checks.above("step", step)
    return None if figure is None else _told(round(figure / width) * width)


def bits_released(step: float) -> float:
    """Give an upper bound, in bits, of what an outcome, three differences and a score on a grid of ``step`` tell.

    Raises ValueError for a step of 0 or below.
    """
    width = checks.above("step", step)
    return math.log2(_OUTCOMES) + 3.0 * math.log2(2.0 / width + 1.0) + math.log2(1.0 / width + 1.0)


def _low(end: float, step: float, lines: tuple[float, ...]) -> float:
    """The multiple nearest to the low end of an interval, above each line if and only if the end itself is."""
    place = round(end / step)
    for line in lines:
        while end > line >= _told(place * step):
            place += 1
        while end <= line < _told(place * step):
            place -= 1
    return _told(place * step)


def _told(figure: float) -> float:
    return round(figure, _DECIMALS) + 0.0
