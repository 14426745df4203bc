"""Hold a live tuned model against prompted options, several tried together (docs/rules.md 8).

Knows nothing of models, prices or months; it is given scores of the same rows, and says who could take its place.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.compare import holm
from engine.rules.paired import compared, not_worse
from engine.rules.pairs import Interval


@dataclass(frozen=True)
class Standing:
    """One prompted option against the live model: ``difference`` is option minus live, at 1 - 2 alpha / N for N tried.

    ``p_value`` is one-sided for "worse by the margin or more", ``adjusted`` the same after Holm over all tried;
    ``is_qualified``: it surely is not worse by more than the margin, and could take the live model's place;
    ``row_variance`` is of the difference per row.
    """

    name: str
    difference: Interval
    method: str
    p_value: float
    adjusted: float
    is_qualified: bool
    row_variance: float = 0.0


@dataclass(frozen=True)
class Rebaseline:
    """Every option tried, in the order given; ``is_broken``: one surely beats the live model by more than the margin.

    ``is_broken`` is the ``quality_broken`` of ``staleness.Month``.
    """

    standings: tuple[Standing, ...]
    is_broken: bool

    @property
    def qualified(self) -> tuple[str, ...]:
        """Names of the options that could take the live model's place."""
        return tuple(one.name for one in self.standings if one.is_qualified)


def rebaseline(
    live: Sequence[float],
    options: Mapping[str, Sequence[float]],
    margin: float,
    *,
    groups: Sequence[Hashable] | None = None,
    alpha: float = 0.025,
) -> Rebaseline:
    """Judge N prompted options against the live model on the same rows, Holm-corrected.

    Scores lie in [0, 1] (right or wrong: 0 and 1), ``options`` by name in the order of ``live``; ``groups`` names the
    customer, document or thread of each row; alpha is one-sided and for all options together. No options: no standing.
    Raises ValueError for scores out of range, lengths that differ, no rows, or a margin outside [0, 1).
    """
    size = checks.open_share("alpha", alpha)
    allowed = checks.margin("margin", margin)
    raw = [not_worse(scores, live, groups, allowed) for scores in options.values()]
    level = 1.0 - 2.0 * size / max(len(raw), 1)
    standings: list[Standing] = []
    for (name, scores), p_value, adjusted in zip(options.items(), raw, holm(raw), strict=True):
        found = compared(scores, live, groups, level=level)
        is_fit = adjusted <= size
        standings.append(Standing(name, found.interval, found.method, p_value, adjusted, is_fit, found.row_variance))
    return Rebaseline(tuple(standings), any(one.difference.low > allowed for one in standings))
