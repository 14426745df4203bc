"""Say before any spending what the sealed rows there are can prove, and what labelling only disagreements would save.

Knows nothing of labels or models; it is given counts and what is known or assumed of how often two models disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.distributions import normal_quantile
from engine.rules.planner import pairs_needed
from engine.rules.power import EvalPolicy
from engine.rules.seal import look_alpha

_POWER = 0.8  # as VerdictPolicy.power


@dataclass(frozen=True)
class Outlook:
    """What ``rows`` sealed rows can prove at the next look, planned for two models that are equally good.

    ``rows_needed`` prove the margin with power .8; ``provable`` is the smallest margin that the rows there prove.
    ``labels_needed`` of the needed rows must be labelled where only rows on which the two answer differently are;
    the others have difference 0 without a label, so ``labels_saved`` are saved.
    """

    rows: int
    rows_needed: int
    provable: float
    disagreement: float
    is_measured: bool
    labels_needed: int
    labels_saved: int

    @property
    def is_enough(self) -> bool:
        """Whether the rows there are prove the margin."""
        return self.rows >= self.rows_needed


def outlook(
    rows: int,
    margin: float,
    look: int,
    policy: EvalPolicy | None = None,
    *,
    disagreement: float | None = None,
    apart: float | None = None,
) -> Outlook:
    """Plan the sealed rows before a run (docs/rules.md 5).

    ``disagreement`` is the share of rows on which only one of the two is right, ``apart`` that on which they answer
    differently, both as an earlier run measured them; None: the policy's assumption. ``apart`` is never the smaller.
    Raises ValueError for fewer than 1 row, a margin outside (0, 1), a look but 1, 2 or 3, or shares out of range.
    """
    rules = policy or EvalPolicy()
    count = checks.count("rows", rows, 1)
    assumed = rules.assumed_disagreement if disagreement is None else checks.share("disagreement", disagreement)
    differing = max(assumed, assumed if apart is None else checks.share("apart", apart))
    if assumed == 0.0:
        assumed = 1.0 / count  # no disagreement on some rows is none on all only for lack of rows
    alpha = look_alpha(look)
    needed = max(pairs_needed(assumed, margin, alpha=alpha, power=_POWER), rules.sealed_rows_least)
    z_sum = normal_quantile(1.0 - alpha) + normal_quantile(_POWER)
    labelled = min(math.ceil(needed * differing), needed)
    return Outlook(
        rows=count,
        rows_needed=needed,
        provable=z_sum * math.sqrt(assumed / count),
        disagreement=assumed,
        is_measured=disagreement is not None,
        labels_needed=labelled,
        labels_saved=needed - labelled,
    )
