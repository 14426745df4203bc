"""What a tuned model costs and saves month by month, under one plan with no chance in it.

Knows nothing of prices' sources or of money already spent; every sum is a forecast in float US dollars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.rules import checks


@dataclass(frozen=True)
class Plan:
    """One feature's money: volume, US dollars per call on both sides, fixed dollars a month, dollars once.

    `escalation` is the share of calls still sent to the baseline; `growth` the volume's per month; `halving_months` the
    time in which the baseline's price halves; `price_steps` are (month, factor) pairs that hold from that month on.
    """

    calls_per_month: float
    baseline_call_usd: float
    tuned_call_usd: float
    fixed_month_usd: float
    one_time_usd: float
    escalation: float = 0.0
    growth: float = 0.0
    halving_months: float = math.inf
    price_steps: tuple[tuple[int, float], ...] = ()


def checked(plan: Plan) -> Plan:
    """Return the plan as it is; ValueError for negative money, shares outside 0 to 1 or growth of -1 or below."""
    for name in ("calls_per_month", "baseline_call_usd", "tuned_call_usd", "fixed_month_usd", "one_time_usd"):
        checks.number(name, getattr(plan, name), 0.0)
    checks.share("escalation", plan.escalation)
    checks.above("growth", plan.growth, -1.0)
    if plan.halving_months != math.inf:
        checks.above("halving_months", plan.halving_months)
    for month, factor in plan.price_steps:
        checks.count("price_steps month", month, 1)
        checks.number("price_steps factor", factor, 0.0)
    return plan


def step_factor(plan: Plan, month: float) -> float:
    """Multiply the factors of every price step whose month has come."""
    return math.prod(factor for start, factor in plan.price_steps if start <= month)


def call_usd(plan: Plan, metered_usd: float | None = None) -> float:
    """Give the US dollars of one call on the tuned side: as planned, or with what was `metered_usd` for one instead.

    What is fixed is spread over the plan's volume: over a canary's few calls it would say nothing of the plan.
    """
    fixed = checked(plan).fixed_month_usd / plan.calls_per_month if plan.calls_per_month > 0.0 else 0.0
    planned = plan.tuned_call_usd + plan.escalation * plan.baseline_call_usd
    return fixed + (planned if metered_usd is None else checks.number("metered_usd", metered_usd, 0.0))


def blended_call_usd(baseline_call_usd: float, tuned_call_usd: float, escalation: float) -> float:
    """Give what a call costs on average, in US dollars, where a share of calls is handed on to the baseline.

    c_t + e c_b: the tuned side sees every call. Raises ValueError for a negative price or a share outside 0 to 1.
    """
    passed = checks.share("escalation", escalation)
    price = checks.number("baseline_call_usd", baseline_call_usd, 0.0)
    return checks.number("tuned_call_usd", tuned_call_usd, 0.0) + passed * price


def gross_saving(plan: Plan, hosting_month_usd: float) -> float:
    """Give the share of the baseline's bill saved in month 1: 1 - (V c_t + hosting) / (V c_b) - escalation.

    Raises ValueError when the baseline costs nothing or the plan is broken.
    """
    hosting = checks.number("hosting_month_usd", hosting_month_usd, 0.0)
    volume = checked(plan).calls_per_month
    bill = volume * plan.baseline_call_usd * step_factor(plan, 1)
    if bill <= 0.0:
        raise ValueError(f"baseline costs {bill!r} a month; there is nothing to save")
    return 1.0 - (volume * plan.tuned_call_usd + hosting) / bill - plan.escalation


def monthly_saving(plan: Plan, month: int = 1) -> float:
    """Give the net saving of month 1, 2, … in US dollars; negative where the tuned model costs more.

    S_t = V_t c_b,t (1 - e) - V_t c_t - F. Raises ValueError for a month below 1 or a broken plan.
    """
    at = checks.count("month", month, 1)
    return _saving(checked(plan), at)


def payback_months(plan: Plan, horizon: int = 36) -> float:
    """Give the months until cumulated savings reach the one-time cost, linear inside the month; inf past `horizon`.

    It falls only in a month that saves. Raises ValueError for a horizon below 1 or a broken plan.
    """
    checked(plan)
    saved = 0.0
    for month in range(1, checks.count("horizon", horizon, 1) + 1):
        saving = _saving(plan, month)
        if saving > 0.0 and saved + saving >= plan.one_time_usd:
            return month - 1 + (plan.one_time_usd - saved) / saving
        saved += saving
    return math.inf


def net_present_value(plan: Plan, months: int = 12, annual_rate: float = 0.10) -> float:
    """Give -I + sum of S_t / (1 + r)^(t/12) over `months`, in US dollars.

    Raises ValueError for months below 1, a negative rate or a broken plan.
    """
    rate = checks.number("annual_rate", annual_rate, 0.0)
    span = range(1, checks.count("months", months, 1) + 1)
    checked(plan)
    return -plan.one_time_usd + math.fsum(_saving(plan, t) / (1.0 + rate) ** (t / 12.0) for t in span)


def break_even_volume(plan: Plan, months: int = 12) -> float:
    """Give the calls a month at which savings pay fixed and one-time cost within `months`; inf if a call saves nothing.

    V* = (I/T + F) / (c_b (1 - e) - c_t), at month 1's price. Raises ValueError for months below 1 or a broken plan.
    """
    span = checks.count("months", months, 1)
    checked(plan)
    per_call = plan.baseline_call_usd * step_factor(plan, 1) * (1.0 - plan.escalation) - plan.tuned_call_usd
    return (plan.one_time_usd / span + plan.fixed_month_usd) / per_call if per_call > 0.0 else math.inf


def crossover_month(plan: Plan) -> float:
    """Give the months from now until the baseline is as cheap as the tuned model, volume held.

    0 if it already is, inf if never. A price step of month m takes hold m - 1 months from now.
    Raises ValueError for a broken plan.
    """
    checked(plan)
    keep = plan.calls_per_month * plan.tuned_call_usd + plan.fixed_month_usd
    bill = plan.calls_per_month * plan.baseline_call_usd * (1.0 - plan.escalation)
    starts = sorted({0.0, *(float(month - 1) for month, _ in plan.price_steps)})
    for start, end in zip(starts, [*starts[1:], math.inf], strict=True):
        crossing = _crossing(bill * step_factor(plan, start + 1), keep, plan.halving_months)
        if crossing <= start:
            return start
        if crossing < end:
            return crossing
    return math.inf


def _saving(plan: Plan, month: int) -> float:
    volume = plan.calls_per_month * (1.0 + plan.growth) ** (month - 1)
    price = plan.baseline_call_usd * 2.0 ** (-(month - 1) / plan.halving_months) * step_factor(plan, month)
    return volume * price * (1.0 - plan.escalation) - volume * plan.tuned_call_usd - plan.fixed_month_usd


def _crossing(bill: float, keep: float, halving_months: float) -> float:
    if bill <= keep:
        return 0.0
    return math.log2(bill / keep) * halving_months if keep > 0.0 else math.inf
