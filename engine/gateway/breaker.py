"""The fast loop that can only lower: a tuned side that fails too often gets no more calls, from the next one on.

One breaker a feature and worker, in memory. It trips when that many bad tries would hardly ever happen (1 in 10,000)
if the true rate were ``max_bad``. In canary and cascade it stays so until the route's stage changes, that is, until a
person presses; live, it tries again by itself (docs/gateway.md).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from engine.gateway.routes import Route

ALPHA = 1e-4
TRIES_MOST = 600
OPEN_SECONDS = 30.0
PROBE_SECONDS = 1.0
PROBES_GOOD = 3
OPENINGS_MOST = 3
OPENINGS_SECONDS = 3600.0


class Gate(Enum):
    """What the breaker lets through to the tuned side."""

    OPEN = "open"  # its share
    PROBE = "probe"  # this one call, to see whether it is back
    SHUT = "shut"


@dataclass(frozen=True)
class Trip:
    """A breaker that has just tripped: how many of the window's tries were bad, and whether a person must release."""

    n: int
    bad: int
    latched: bool


@dataclass
class Breaker:
    """The state of one feature in one worker; times are seconds of a monotonic clock."""

    stage: str
    latched: bool = False
    _tries: deque[tuple[float, bool]] = field(default_factory=deque[tuple[float, bool]])
    _bad: int = 0
    _shut_at: float | None = None
    _probed_at: float = 0.0
    _good_probes: int = 0
    _openings: deque[float] = field(default_factory=deque[float])

    @property
    def is_tripped(self) -> bool:
        """Whether the tuned side gets nothing but probes."""
        return self.latched or self._shut_at is not None

    def gate(self, now: float) -> Gate:
        """Whether the tuned side may be tried now; a probe that is let through is counted as begun."""
        if self.latched:
            return Gate.SHUT
        if self._shut_at is None:
            return Gate.OPEN
        if now < self._shut_at + OPEN_SECONDS or now < self._probed_at + PROBE_SECONDS:
            return Gate.SHUT
        self._probed_at = now
        return Gate.PROBE

    def count(self, route: Route, now: float, *, bad: bool) -> Trip | None:
        """Count one tuned try that ended; the trip when it is the one that crosses the limit."""
        if self.latched:
            return None
        if self._shut_at is not None:
            if now >= self._shut_at + OPEN_SECONDS:  # before that it is no probe: it was under way when the trip came
                self._count_probe(now, bad=bad)
            return None
        self._tries.append((now, bad))
        self._bad += bad
        self._forget(now - route.breaker.window_s)
        n = len(self._tries)
        if n < route.breaker.min_n or self._bad <= n * route.breaker.max_bad:
            return None  # no limit lies at or below what is expected
        if self._bad < limit(n, route.breaker.max_bad):
            return None
        return self._trip(route, now)

    def _trip(self, route: Route, now: float) -> Trip:
        trip = Trip(len(self._tries), self._bad, latched=route.mode != "tuned" or self._opens_too_often(now))
        self.latched = trip.latched
        self._shut_at, self._good_probes = now, 0
        self._tries.clear()
        self._bad = 0
        return trip

    def _opens_too_often(self, now: float) -> bool:
        self._openings.append(now)
        while self._openings[0] < now - OPENINGS_SECONDS:
            self._openings.popleft()
        return len(self._openings) >= OPENINGS_MOST

    def _count_probe(self, now: float, *, bad: bool) -> None:
        self._good_probes = 0 if bad else self._good_probes + 1
        if bad:
            self._probed_at = now
        elif self._good_probes >= PROBES_GOOD:
            self._shut_at = None

    def _forget(self, before: float) -> None:
        while self._tries and (self._tries[0][0] < before or len(self._tries) > TRIES_MOST):
            self._bad -= self._tries.popleft()[1]


class Breakers:
    """The breakers of one worker, by feature."""

    def __init__(self) -> None:
        self._known: dict[str, Breaker] = {}

    def of(self, slug: str, route: Route) -> Breaker:
        """A feature's breaker; a new one where none is, or where the route's stage is another than it was."""
        known = self._known.get(slug)
        if known is None or known.stage != route.stage:
            known = self._known[slug] = Breaker(route.stage)
        return known

    def tripped(self) -> dict[str, str]:
        """The stage of each feature whose breaker is tripped."""
        return {slug: one.stage for slug, one in self._known.items() if one.is_tripped}


@lru_cache(maxsize=4 * TRIES_MOST)
def limit(n: int, max_bad: float) -> int:
    """The smallest k with P(Binomial(n, max_bad) >= k) < 1/10,000; n + 1 when there is none. n is 1 to 600."""
    if not 0 < max_bad < 1:
        return 1 if max_bad <= 0 else n + 1
    tail = 0.0
    for k in range(n, -1, -1):
        chance = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        tail += math.exp(chance + k * math.log(max_bad) + (n - k) * math.log1p(-max_bad))
        if tail >= ALPHA:
            return k + 1
    return 0
