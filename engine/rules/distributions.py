"""Quantiles and tails of the distributions the rules need.

Knows nothing of what is tested; imports scipy inside functions, because its import is too slow for a chat reply.
"""

from __future__ import annotations

import math
from statistics import NormalDist


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile of `probability` (strictly between 0 and 1)."""
    return NormalDist().inv_cdf(probability)


def normal_tail(z: float) -> float:
    """Return P(Z >= z) for a standard normal Z; accurate in the far tail."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Return Student's t quantile."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))


def t_tail(t: float, degrees_of_freedom: float) -> float:
    """Return P(T >= t) for Student's t."""
    from scipy.special import stdtr

    return float(stdtr(degrees_of_freedom, -t))


def chi_square_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the chi-square quantile."""
    from scipy.special import chdtri

    return float(chdtri(degrees_of_freedom, 1.0 - probability))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return the quantile of the Beta(a, b) distribution."""
    from scipy.special import betaincinv

    return float(betaincinv(a, b, probability))


def half_binomial_cdf(successes: int, n: int) -> float:
    """Return P(X <= successes) for X ~ Binomial(n, 1/2)."""
    from scipy.special import bdtr

    return float(bdtr(successes, n, 0.5))


def paired_t_power(n: int, effect: float, alpha: float) -> float:
    """Return the power of a one-sided paired t test of `n` differences; `effect` is gap / sd (noncentral t)."""
    from scipy.special import nctdtr

    critical = t_quantile(1.0 - alpha, n - 1)
    return 1.0 - float(nctdtr(n - 1, effect * math.sqrt(n), critical))
