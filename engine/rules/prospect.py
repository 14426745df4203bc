"""Say what a tuned model could plausibly save before any is trained: shares, dollars, and the volume that pays.

Knows nothing of traffic or price lists; unknown calls or prices give no prospect, never a saving of zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.rules.cost import Spread
from engine.rules.distributions import normal_quantile
from engine.rules.money import CostPolicy, Money, Spending, judged
from engine.rules.plan import break_even_volume

_LOW = 0.9  # the low figure is a 10 % quantile


@dataclass(frozen=True)
class Prospect:
    """Gross saving as shares of the baseline's bill (10 % quantile and median), and the money of a whole server.

    ``effort_month_usd`` is what people spend on keeping it each month; ``break_even_calls`` is inf where a call saves
    nothing.
    """

    saving_low: float
    saving_median: float
    effort_month_usd: float
    break_even_calls: float
    money: Money


def prospect(spending: Spending | None, policy: CostPolicy, seed: int = 0) -> Prospect | None:
    """Judge the money of a model nobody has trained; None where calls or their price are unknown.

    Gross saving is 1 - hosting / (calls * price) with whole servers and no escalation, for a whole candidate answers.
    Hosting and calls spread lognormally as ``Spread`` assumes, so the share of hosting is lognormal too:
    its 90 % quantile is the median times exp(z_.9 sqrt(volume_sd^2 + fixed_sd^2)).
    """
    money = judged(spending, policy, seed)
    if money is None:
        return None
    spread = Spread()
    width = normal_quantile(_LOW) * math.hypot(spread.volume_sd, spread.fixed_sd)
    return Prospect(
        saving_low=1.0 - (1.0 - money.gross_saving) * math.exp(width),
        saving_median=money.gross_saving,
        effort_month_usd=policy.operations_month_usd + policy.retraining_usd / policy.retrain_months,
        break_even_calls=break_even_volume(money.plan, policy.months),
        money=money,
    )
