"""What could take a live candidate's place, at what price a month, and how good it is. Decides nothing about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.flows.steps.month import Case, Size
from engine.models.checkup import Rebaseline
from engine.models.feature import is_simulated
from engine.rules.bill import alternative_month_usd
from engine.rules.calendar import bounds, following
from engine.rules.release import on_grid
from engine.rules.seal import release_step
from engine.store.database import Tx
from engine.teachers.options import BASELINE
from engine.teachers.prices import price_of

AHEAD = 12  # months of announced prices looked at


@dataclass(frozen=True)
class Option:
    """A prompted option: ``month_usd`` at today's price, none where nobody knows it; quality and bounds as fractions.

    ``size`` is what one call of it takes; ``is_qualified``: it could take the live model's place. ``step`` is the grid
    of what leaves the sealed rows it was tried on, ``prompt`` says whether it was asked the current one or its own.
    """

    name: str
    model: str
    size: Size | None
    month_usd: float | None
    quality: float | None
    low: float | None
    high: float | None
    is_qualified: bool
    step: float = 1.0
    prompt: str = "current"

    def told(self) -> dict[str, Any]:
        """The option as a checkup keeps it, and people read it: its sealed figures on their grid."""
        return {
            "name": self.name, "model": self.model, "simulated": is_simulated(self.model), "month_usd": self.month_usd,
            "quality": on_grid(self.quality, self.step), "low": on_grid(self.low, self.step),
            "high": on_grid(self.high, self.step), "qualified": self.is_qualified, "prompt": self.prompt,
        }  # fmt: skip


def options(tx: Tx, case: Case, calls: float, call: Size | None, *, tried: Rebaseline | None) -> list[Option]:
    """The registered baseline and what this month's re-baseline tried, priced at the month's last day."""
    results: dict[str, dict[str, Any]] = (tried.results.get("options") if tried else None) or {}
    names = dict.fromkeys((BASELINE, *results))
    return [_option(tx, case, calls, call, name=name, results=results) for name in names]


def best_month_usd(found: list[Option]) -> float | None:
    """The cheapest qualified option whose price is known; none without one."""
    return min((one.month_usd for one in found if one.is_qualified and one.month_usd is not None), default=None)


def announced(tx: Tx, case: Case, calls: float, found: list[Option]) -> list[float | None]:
    """The cheapest qualified option in each of the months to come, at the prices announced for them today."""
    told: list[float | None] = []
    for ahead in range(1, AHEAD + 1):
        day = bounds(following(case.period, ahead))[0]
        prices = [
            one.size.usd(price_of(tx, one.model, day.date()))
            for one in found
            if one.is_qualified and one.size is not None
        ]
        known = [usd for usd in prices if usd is not None]
        told.append(calls * min(known) if known else None)
    return told


def _option(
    tx: Tx, case: Case, calls: float, call: Size | None, *, name: str, results: dict[str, dict[str, Any]]
) -> Option:
    said = results.get(name, {})
    model = str(said.get("model") or case.baseline.model)
    taken = call if name == BASELINE else _scaled(call, said, results.get(BASELINE))
    usd = taken.usd(price_of(tx, model, case.last_day)) if taken else None
    switching = 0.0 if name == BASELINE else case.policy.rebaseline.switching_usd
    return Option(
        name=name,
        model=model,
        size=taken,
        month_usd=None if usd is None else alternative_month_usd(calls, usd, switching),
        quality=said.get("quality"),
        low=said.get("low"),
        high=said.get("high"),
        is_qualified=_baseline_qualifies(case, said) if name == BASELINE else bool(said.get("qualified")),
        prompt=str(said.get("prompt", "current")),
        step=release_step(said.get("sd", 1.0), said.get("rows", 1)),
    )


def _baseline_qualifies(case: Case, said: dict[str, Any]) -> bool:
    """What the team ran before is good enough for it, unless it is surely worse than the live model.

    ``low`` and ``high`` of a re-baseline are option minus live; those of a verdict are tuned minus prompted.
    """
    if said.get("high") is not None:
        return said["high"] >= 0.0
    return float(case.verdict.record["quality"]["low"]) <= 0.0


def _scaled(call: Size | None, said: dict[str, Any], beside: dict[str, Any] | None) -> Size | None:
    """A production call of an option: the baseline's, times what the same rows took with each of them."""
    fed, spoken = said.get("tokens_in"), said.get("tokens_out")
    if fed is None or spoken is None:
        return None
    if call is None or not beside or not beside.get("tokens_in"):
        return Size(fed, 0.0, spoken)
    share = fed / beside["tokens_in"]
    longer = spoken / beside["tokens_out"] if beside.get("tokens_out") else 1.0
    return Size(call.fed * share, call.cached * share, call.said * longer)
