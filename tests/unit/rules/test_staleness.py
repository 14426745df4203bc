"""Known answers are docs/rules.md 11's: least squares, Fieller and Theil–Sen computed there with scipy."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.staleness import (
    AdvicePolicy,
    Month,
    advantage,
    advise,
    forecast_crossover,
    noise,
)

NAN, INF = math.nan, math.inf


def advice(*advantages: float, **facts: Any) -> tuple[str, int]:
    found = advise([Month(value) for value in advantages], **facts)
    return str(found.advice), found.bad_months


KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: advantage(1084, [2200, 1800]), 0.3977778),
    (lambda: advantage(100, []), 1),
    (lambda: advantage(0, [5]), 1),
    (lambda: noise([0.3, 0.28, 0.27, 0.24, 0.23]), 0.006770032),
    (lambda: noise([0.3, 0.2, 0.1]), None),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


ADVICE: list[tuple[Callable[[], object], tuple[str, int]]] = [
    (lambda: advice(0.3, 0.3, 0.3, days_live=90), ("KEEP", 0)),
    (lambda: advice(0.05, -0.02, -0.03, days_live=200, noise_sd=0.03), ("RETIRE", 2)),
    (lambda: advice(0.05, 0.02, -0.03, days_live=200, noise_sd=0.03), ("WATCH", 1)),
    (lambda: advice(0.05, -0.02, -0.03, days_live=200, noise_sd=0.1), ("WATCH", 2)),
    (lambda: advice(0.05, -0.02, -0.03, days_live=30, noise_sd=0.03), ("WATCH", 2)),
    (lambda: advice(0.12, days_live=100, noise_sd=0.03), ("KEEP", 0)),
    (lambda: advice(0.12, days_live=100, previous="WATCH", noise_sd=0.03), ("WATCH", 0)),
    (lambda: advice(0.3, days_live=100, shutdown_in_days=60), ("RETIRE", 0)),
    (lambda: advice(0.3, days_live=100, shutdown_in_days=91), ("KEEP", 0)),
    (lambda: advice(0.3, days_live=100, retrain_due=("cadence",)), ("RETRAIN", 0)),
    (lambda: advice(0.3, days_live=100, crossover_months=3), ("WATCH", 0)),
    (lambda: advice(0.2, 0.2, days_live=100, previous="WATCH"), ("KEEP", 0)),
    (lambda: advice(0.2, days_live=100, previous="WATCH"), ("WATCH", 0)),  # one clear month is not two
    (lambda: advice(0.15, 0.2, days_live=100, previous="WATCH"), ("WATCH", 0)),
    (lambda: advice(0.1, days_live=100), ("KEEP", 0)),  # .10 itself is not below .10
]


@pytest.mark.parametrize(("call", "known"), ADVICE)
def test_known_advice_comes_out(call: Callable[[], object], known: tuple[str, int]) -> None:
    assert call() == known


def test_a_month_surely_worse_in_quality_asks_for_retraining_and_two_for_retirement() -> None:
    good, worse = Month(0.4), Month(0.4, quality_broken=True)
    once = advise([good, worse], days_live=10, noise_sd=0.03)
    twice = advise([good, worse, worse], days_live=10, noise_sd=0.03)
    assert (once.advice, once.bad_months) == ("RETRAIN", 1)
    assert (twice.advice, twice.bad_months) == ("RETIRE", 2)


def test_bad_months_so_deep_that_noise_cannot_explain_them_retire() -> None:
    # mean -.4 + .8416 * .1 / sqrt 3 = -.351, below .05; with -.001 it would be .048, below .05 as well
    assert advice(-0.4, -0.4, -0.4, days_live=60, noise_sd=0.1) == ("RETIRE", 3)
    assert advice(-0.01, -0.01, -0.01, days_live=60, noise_sd=0.2) == ("WATCH", 3)


def test_the_noise_is_given_or_measured_or_assumed() -> None:
    months = [Month(value) for value in (0.3, 0.28, 0.27, 0.24, 0.23)]
    assert advise(months, days_live=90, noise_sd=0.07).noise_sd == 0.07
    assert advise(months, days_live=90).noise_sd == pytest.approx(0.006770032, abs=1e-6)
    assert advise(months[:3], days_live=90).noise_sd == 0.10


def test_only_the_last_twelve_months_make_noise() -> None:
    quiet = [0.3 - 0.01 * place for place in range(12)]
    assert noise([5.0, -5.0, 5.0, *quiet]) == pytest.approx(noise(quiet))


def test_no_rule_takes_money_already_spent() -> None:
    names = {*inspect.signature(advise).parameters, *inspect.signature(advantage).parameters}
    assert not [name for name in names if "spent" in name or "sunk" in name or "invest" in name]


months = st.lists(st.builds(Month, st.floats(-1, 1), st.booleans()), min_size=1, max_size=8)


@given(months, st.floats(0, 1000), st.sampled_from(["KEEP", "WATCH", "RETRAIN", "RETIRE"]))
def test_a_good_last_month_is_never_retired(found: list[Month], days: float, previous: str) -> None:
    good = advise([*found, Month(0.3)], days_live=days, previous=previous)
    assert good.advice in ("KEEP", "WATCH")
    assert good.bad_months == 0
    assert good.reasons


def test_a_falling_price_crosses_over_at_a_known_month() -> None:
    found = forecast_crossover([2.1, 2, 1.86, 1.77, 1.69, 1.6])
    got = [found.month, found.low, found.high, found.slope, found.robust_slope]
    assert got == pytest.approx([13.53392, 12.82081, 14.35006, -0.05470061, -0.05438674], abs=1e-5)
    assert found.reason == ""


NO_DATE: list[tuple[list[float], str]] = [
    ([2.0], "only 1 months"),
    ([2, 1.9, 1.8], "only 3 months"),
    ([1.5, 1.7, 1.4, 1.6, 1.55, 1.5], "not clear"),
    ([1.5] * 6, "not clear"),
    ([1.0, 1.1, 1.21, 1.33, 1.46, 1.61], "not getting cheaper"),
]


@pytest.mark.parametrize(("ratios", "why"), NO_DATE)
def test_no_date_is_given_without_a_clear_fall(ratios: list[float], why: str) -> None:
    found = forecast_crossover(ratios)
    assert (found.month, found.low, found.high) == (None, None, None)
    assert why in found.reason


@given(st.floats(1.01, 4), st.floats(-0.5, -0.02), st.integers(6, 24))
def test_an_exact_line_crosses_where_it_crosses(first: float, slope: float, rows: int) -> None:
    found = forecast_crossover([first * math.exp(slope * month) for month in range(rows)])
    assert found.month == pytest.approx(-math.log(first) / slope, rel=1e-6)
    assert found.low is not None
    assert found.high is not None
    assert found.low - 1e-6 <= found.month <= found.high + 1e-6


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("keep_month_usd", lambda: advantage(-1, [5])),
    (r"alternatives_month_usd\[1\]", lambda: advantage(1, [5, 0])),
    (r"advantages\[0\]", lambda: noise([NAN])),
    ("months", lambda: advise([], days_live=10)),
    ("days_live", lambda: advice(0.3, days_live=-1)),
    ("noise_sd", lambda: advice(0.3, days_live=1, noise_sd=-1)),
    ("crossover_months", lambda: advice(0.3, days_live=1, crossover_months=INF)),
    ("shutdown_in_days", lambda: advice(0.3, days_live=1, shutdown_in_days=-1)),
    ("previous", lambda: advice(0.3, days_live=1, previous="SELL")),
    (r"advantages\[0\]", lambda: advice(NAN, days_live=1)),
    ("policy.quiet_sd", lambda: advice(0.3, days_live=1, policy=AdvicePolicy(quiet_sd=-1))),
    ("policy.quiet_run", lambda: advice(0.3, days_live=1, policy=AdvicePolicy(quiet_run=0))),
    ("policy.watch_below", lambda: advice(0.3, days_live=1, policy=AdvicePolicy(watch_below=NAN))),
    ("ratios", lambda: forecast_crossover([])),
    (r"ratios\[1\]", lambda: forecast_crossover([1, 0])),
    ("confidence", lambda: forecast_crossover([1, 2], confidence=1)),
    ("minimum_months", lambda: forecast_crossover([1, 2], minimum_months=2)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
