"""Price calls and hardware, and say how the forecast of a plan spreads and what moves it most.

Knows nothing of price lists, invoices or money already spent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engine.rules import checks
from engine.rules.checks import Vector
from engine.rules.plan import (
    Plan,
    break_even_volume,
    checked,
    crossover_month,
    gross_saving,
    monthly_saving,
    net_present_value,
    payback_months,
    step_factor,
)

__all__ = [
    "Draws",
    "Plan",
    "Simulation",
    "Spread",
    "Swing",
    "TokenPrices",
    "Tokens",
    "break_even_volume",
    "call_cost",
    "checked_cost",
    "crossover_month",
    "drawn",
    "gpu_usd_per_million_tokens",
    "gross_saving",
    "monthly_saving",
    "net_present_value",
    "payback_months",
    "replicas",
    "simulate",
    "tornado",
]

_LEAST_USD = 1e-9  # a baseline that costs nothing saves nothing: the share is a large loss, not a division by 0
_FIELDS = {  # what a swing is called: the plan's field it moves
    "volume": "calls_per_month",
    "baseline_price": "baseline_call_usd",
    "fixed": "fixed_month_usd",
    "one_time": "one_time_usd",
}


@dataclass(frozen=True)
class Tokens:
    """Tokens of one call; `cached_input` and `cache_write` are parts of `input`."""

    input: int
    output: int
    cached_input: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class TokenPrices:
    """Nano-dollars per million tokens; a `cached_input` or `cache_write` of None costs as much as input."""

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None


@dataclass(frozen=True)
class Spread:
    """How uncertain a forecast is: lognormal sds, growth per month, median halving time in months, Beta escalation.

    `one_time_factor` is the median overrun; an `escalation` of None keeps the plan's.
    """

    volume_sd: float = 0.15
    growth_mean: float = 0.02
    growth_sd: float = 0.03
    halving_median: float = 12.0
    halving_sd: float = 0.4
    one_time_factor: float = 1.25
    one_time_sd: float = 0.35
    fixed_sd: float = 0.2
    escalation: tuple[float, float] | None = (3.0, 27.0)


@dataclass(frozen=True)
class Swing:
    """How the net present value moves, in US dollars, when one input falls and rises by the same share."""

    name: str
    low_usd: float
    high_usd: float


@dataclass(frozen=True)
class Simulation:
    """10, 50 and 90 % quantiles of the NPV in US dollars, P(NPV > 0) and P(payback within the months).

    `saving_low` is the 10 % quantile of the net saving over the months, as a share of what the baseline would cost.
    """

    npv_low_usd: float
    npv_median_usd: float
    npv_high_usd: float
    p_positive: float
    p_payback: float
    saving_low: float


@dataclass(frozen=True)
class Draws:
    """Plans drawn around one, in US dollars: once (one a draw), saved and spent on the baseline (draws x months)."""

    one_time: Vector
    savings: Vector
    spend: Vector

    def paid(self) -> NDArray[np.bool_]:
        """Whether, by each month that saves, the savings so far have reached what was spent once (draws x months)."""
        reached = np.cumsum(self.savings, axis=1) >= self.one_time[:, None]
        return reached & (self.savings > 0.0)


def call_cost(tokens: Tokens, prices: TokenPrices, *, retry_rate: float = 0.0, batch_discount: float = 0.0) -> int:
    """Give one call's expected cost in nano-dollars, rounded half up once at the end.

    `retry_rate` and `batch_discount` are shares. Raises ValueError for broken counts, prices or shares, or more cached
    and cache-write than input tokens.
    """
    fed, said = checks.count("input", tokens.input), checks.count("output", tokens.output)
    cached, written = (checks.count(name, getattr(tokens, name)) for name in ("cached_input", "cache_write"))
    if cached + written > fed:
        raise ValueError(
            f"cached_input is {cached}, cache_write {written} and input {fed}; those tokens are part of the input"
        )
    for name in ("input", "output", "cached_input", "cache_write"):
        price = getattr(prices, name)
        checks.count(f"prices.{name}", 0 if price is None else price)
    factor = (1 + _exact(checks.share("retry_rate", retry_rate))) * (
        1 - _exact(checks.share("batch_discount", batch_discount))
    )
    return math.floor(_million_fold(fed, cached, written, said, prices=prices) * factor / 1_000_000 + Fraction(1, 2))


def checked_cost(fed: int, cached: int, written: int, said: int, *, prices: TokenPrices) -> int:
    """The same as `call_cost` for counts and prices that were checked before: a log has millions of calls."""
    return (_million_fold(fed, cached, written, said, prices=prices) + 500_000) // 1_000_000


def _million_fold(fed: int, cached: int, written: int, said: int, *, prices: TokenPrices) -> int:
    price_cached = prices.input if prices.cached_input is None else prices.cached_input
    price_written = prices.input if prices.cache_write is None else prices.cache_write
    plain = fed - cached - written
    return plain * prices.input + cached * price_cached + written * price_written + said * prices.output


def replicas(peak_rps: float, rps_per_gpu: float, utilisation: float = 0.6, minimum: int = 1) -> int:
    """Count the whole GPUs a peak needs: max(minimum, ceil(peak / (rps per GPU * utilisation))).

    Rates in requests per second. Raises ValueError for a negative peak, or a GPU rate or utilisation of 0.
    """
    peak = _exact(checks.number("peak_rps", peak_rps, 0.0))
    served = _exact(checks.above("rps_per_gpu", rps_per_gpu)) * _exact(_utilisation(utilisation))
    return max(checks.count("minimum", minimum), math.ceil(peak / served))


def gpu_usd_per_million_tokens(usd_per_hour: float, tokens_per_second: float, utilisation: float) -> float:
    """Give the US dollars a million tokens cost on a rented GPU that is busy `utilisation` of the time.

    Raises ValueError for a negative price, or a speed or utilisation of 0.
    """
    price = checks.number("usd_per_hour", usd_per_hour, 0.0)
    speed = checks.above("tokens_per_second", tokens_per_second)
    return price / (speed * 3600.0 * _utilisation(utilisation)) * 1e6


def tornado(plan: Plan, change: float = 0.25, months: int = 12, annual_rate: float = 0.10) -> tuple[Swing, ...]:
    """Give the NPV change when volume, baseline_price, fixed and one_time each fall and rise by `change`; widest first.

    Equally wide swings stand by name. Raises ValueError for a change outside (0, 1] or a broken plan.
    """
    share = checks.share("change", checks.above("change", change))
    middle = net_present_value(plan, months, annual_rate)
    swings: list[Swing] = []
    for name, field in _FIELDS.items():
        low, high = (
            net_present_value(replace(plan, **{field: getattr(plan, field) * factor}), months, annual_rate) - middle
            for factor in (1.0 - share, 1.0 + share)
        )
        swings.append(Swing(name, low, high))
    # Rounded to a millionth of a dollar, so that equal swings do not trade places by float noise.
    return tuple(sorted(swings, key=lambda swing: (-round(abs(swing.high_usd - swing.low_usd), 6), swing.name)))


def simulate(
    plan: Plan,
    spread: Spread | None = None,
    months: int = 12,
    draws: int = 20_000,
    seed: int = 0,
    annual_rate: float = 0.10,
) -> Simulation:
    """Draw plans around `plan` and give the NPV's quantiles, P(NPV > 0) and P(payback within `months`).

    Growth and halving time come from the spread, not from the plan. Raises ValueError for a broken plan or spread.
    """
    rate = checks.number("annual_rate", annual_rate, 0.0)
    found = drawn(plan, spread, months, draws, seed=seed)
    span = np.arange(1, months + 1, dtype=np.float64)
    npv = found.savings @ (1.0 + rate) ** (-span / 12.0) - found.one_time
    low, median, high = np.quantile(npv, [0.1, 0.5, 0.9])
    saving = found.savings.sum(axis=1) / np.maximum(found.spend.sum(axis=1), _LEAST_USD)
    probabilities = float((npv > 0.0).mean()), float(found.paid().any(axis=1).mean())
    return Simulation(float(low), float(median), float(high), *probabilities, float(np.quantile(saving, 0.1)))


def drawn(plan: Plan, spread: Spread | None, months: int, draws: int, *, seed: int) -> Draws:
    """Draw plans around `plan`. One seed gives one set of draws: more months are the same ones, longer.

    Raises ValueError for a broken plan or spread.
    """
    checked(plan)
    spread = _checked_spread(spread or Spread())
    size = checks.count("draws", draws, 1)
    span = np.arange(1, checks.count("months", months, 1) + 1, dtype=np.float64)
    generator = np.random.default_rng(checks.count("seed", seed))
    volume = plan.calls_per_month * np.exp(generator.normal(0.0, spread.volume_sd, size))
    growth = np.maximum(1.0 + generator.normal(spread.growth_mean, spread.growth_sd, size), 0.0)
    halving = spread.halving_median * np.exp(generator.normal(0.0, spread.halving_sd, size))
    overrun = spread.one_time_factor * np.exp(generator.normal(0.0, spread.one_time_sd, size))
    fixed = plan.fixed_month_usd * np.exp(generator.normal(0.0, spread.fixed_sd, size))
    escalation = (
        np.full(size, plan.escalation) if spread.escalation is None else generator.beta(*spread.escalation, size)
    )
    steps = np.array([step_factor(plan, float(month)) for month in span])
    volumes = volume[:, None] * growth[:, None] ** (span - 1.0)
    prices = plan.baseline_call_usd * 2.0 ** (-(span - 1.0) / halving[:, None]) * steps
    savings = volumes * (prices * (1.0 - escalation[:, None]) - plan.tuned_call_usd) - fixed[:, None]
    return Draws(plan.one_time_usd * overrun, savings, volumes * prices)


def _checked_spread(spread: Spread) -> Spread:
    for name in ("volume_sd", "growth_sd", "halving_sd", "one_time_factor", "one_time_sd", "fixed_sd"):
        checks.number(f"spread.{name}", getattr(spread, name), 0.0)
    checks.above("spread.growth_mean", spread.growth_mean, -1.0)
    checks.above("spread.halving_median", spread.halving_median)
    for shape in spread.escalation or ():
        checks.above("spread.escalation", shape)
    return spread


def _exact(value: float) -> Fraction:
    """Read a float as the decimal it prints, so that .03 is three hundredths and not a hair more."""
    return Fraction(repr(value))


def _utilisation(utilisation: float) -> float:
    return checks.share("utilisation", checks.above("utilisation", utilisation))
