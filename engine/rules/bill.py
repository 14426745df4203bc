"""What a month with a live tuned model cost, what it would have cost on prompting alone, and what keeping it costs.

Knows nothing of price lists, traffic or money already spent: it is given a month's figures. None is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from engine.rules import checks

SWITCHING_MONTHS = 12  # what changing over to another prompted model costs is spread over a year (docs/rules.md 8)


@dataclass(frozen=True)
class Bill:
    """One month in US dollars by component; None where it is not known.

    ``prompted_usd``: calls the prompted model answered; ``escalated_usd``: those the tuned model passed on;
    ``shadow_usd``: answers beside that nobody used; ``tuned_usd``: tuned calls where each is charged.
    """

    prompted_usd: float | None
    escalated_usd: float | None
    shadow_usd: float | None
    tuned_usd: float | None
    hosting_usd: float
    retraining_usd: float
    operations_usd: float
    rebaseline_usd: float

    @property
    def total_usd(self) -> float | None:
        """The whole month; None while a component is unknown."""
        parts: list[float | None] = [getattr(self, part.name) for part in fields(self)]
        known = [part for part in parts if part is not None]
        return math.fsum(known) if len(known) == len(parts) else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the components that are not known."""
        return tuple(part.name for part in fields(self) if getattr(self, part.name) is None)


@dataclass(frozen=True)
class Running:
    """What keeping a model costs: US dollars a month whatever is asked, a call, and the shares still prompted."""

    fixed_month_usd: float
    tuned_call_usd: float
    escalation: float
    holdback: float


def counterfactual_usd(days: Sequence[tuple[int, float | None]]) -> float | None:
    """Give what all calls of a month would have cost prompted: the sum of calls a day times the call's price that day.

    ``days`` holds (calls, US dollars a call); None for no call at all, or where a day with calls has no price.
    Raises ValueError for a broken count or price.
    """
    counted = [(checks.count("calls", calls), usd) for calls, usd in days]
    if not any(calls for calls, _ in counted) or any(calls and usd is None for calls, usd in counted):
        return None
    return math.fsum(calls * checks.number("call_usd", usd, 0.0) for calls, usd in counted if usd is not None)


def idle_share(busy_seconds: float, hours: float, servers: int = 1) -> float:
    """Give the share of paid server time in which nothing was answered, at least: calls may have overlapped.

    Raises ValueError for negative seconds, or no hours or servers.
    """
    paid = checks.above("hours", hours) * 3600.0 * checks.count("servers", servers, 1)
    return max(1.0 - checks.number("busy_seconds", busy_seconds, 0.0) / paid, 0.0)


def keep_month_usd(calls: float, prompted_call_usd: float, running: Running) -> float:
    """Give what a month costs from now on if the model stays, in US dollars: nothing of it was spent before.

    Raises ValueError for negative money or calls, or shares outside 0 to 1.
    """
    still = checks.share("escalation", running.escalation) + checks.share("holdback", running.holdback)
    volume = checks.number("calls", calls, 0.0)
    a_call = checks.number("tuned_call_usd", running.tuned_call_usd, 0.0) + still * checks.number(
        "prompted_call_usd", prompted_call_usd, 0.0
    )
    return checks.number("fixed_month_usd", running.fixed_month_usd, 0.0) + volume * a_call


def alternative_month_usd(calls: float, call_usd: float, switching_usd: float = 0.0) -> float:
    """Give what a month costs on a prompted option, with the cost of changing over to it spread over a year.

    Raises ValueError for negative money or calls.
    """
    change = checks.number("switching_usd", switching_usd, 0.0) / SWITCHING_MONTHS
    return checks.number("calls", calls, 0.0) * checks.number("call_usd", call_usd, 0.0) + change


def ratios(advantages: Sequence[float | None]) -> tuple[float, ...]:
    """Give best/keep of the newest months without a gap, oldest first, of advantages (1 - keep/best).

    A month without a qualified alternative (1.0), or unknown, ends the series: it has no ratio.
    """
    kept: list[float] = []
    for advantage in reversed(advantages):
        if advantage is None or advantage >= 1.0:
            break
        kept.append(1.0 / (1.0 - advantage))
    return tuple(reversed(kept))


def scheduled_crossover(keep_usd: float, best_usd: Sequence[float | None]) -> int | None:
    """Give the first of the months to come (1, 2, …) whose best price, by price lists known today, is under keeping.

    None where there is none; an unknown month decides nothing.
    """
    keep = checks.number("keep_usd", keep_usd, 0.0)
    return next((month for month, usd in enumerate(best_usd, 1) if usd is not None and usd < keep), None)
