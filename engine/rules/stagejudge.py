"""What a judge of texts shows of a rollout's stage, from counts of pairs: evidence of harm that holds at any peek.

Knows nothing of judges, texts or stages. A pair is won by the tuned text, by the prompted one, or by neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.sequential import log_e_paired

_ORDERS = 2  # a lead of one pair in a hundred moves the win rate by half a point: margins are told on the win rate
_MOST = 0.99  # a tolerance above this asks for more than every pair
Table = Sequence[Sequence[int]]  # pairs by what the judge said (rows) and people said: candidate, prompted, tie


@dataclass(frozen=True)
class PairCounts:
    """Pairs of a rollout by who wrote the better text; at most one of each unit and stage."""

    tuned: int = 0
    prompted: int = 0
    even: int = 0

    @property
    def pairs(self) -> int:
        """How many pairs were judged."""
        return self.tuned + self.prompted + self.even


def log_e_judged(seen: PairCounts, tolerance: float) -> float:
    """Give the log evidence that the tuned texts lose by more than `tolerance` more pairs of all than they win.

    No pair gives 0. Raises ValueError for broken counts or a tolerance outside [0, 1).
    """
    return log_e_paired(seen.tuned, seen.prompted, seen.even, tolerance, "worse")


def tolerance(margin: float, table: Table, *, differing: float) -> float:
    """Give how many more pairs of all may be lost than won before that is harm, as people would see it.

    ``margin`` is of the win rate. Where people liked the candidate better than the judge did on the pairs of ``table``,
    the difference is the judge's and is allowed too; where they liked it less, nothing is taken off. ``differing`` is
    the share of pairs whose texts differ, for shadow pairs that say the same are not kept. Raises ValueError for a
    table of no pair, a margin outside [0, 1) or a share outside (0, 1].
    """
    allowed, share = checks.margin("margin", margin), checks.above("differing", checks.share("differing", differing))
    pairs = checks.above("table", float(sum(map(sum, table))))
    said = (sum(table[0]) - sum(table[1])) / pairs
    people = (sum(row[0] for row in table) - sum(row[1] for row in table)) / pairs
    return min((_ORDERS * allowed + max(people - said, 0.0)) / share, _MOST)
