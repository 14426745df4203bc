"""The money of a verdict or a reading over the months, for pages: both ways with their bands, and what moves it most.

Decides nothing and draws nothing: the same plan, policy and seed give the sums a verdict was judged by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from engine.flows.steps.reread import plan_of
from engine.rules.cash import CashCurve, cash_curve
from engine.rules.cost import Spread, Swing, simulate, tornado
from engine.rules.plan import Plan, break_even_volume, payback_months

MONTHS_MOST = 36  # as far as ``payback_months`` looks
DRAWS = 20_000  # those of ``simulate``
CHANGE = 0.25  # by how much the tornado moves each input
_AFTER = 3  # months shown past a late break-even


@dataclass(frozen=True)
class Forecast:
    """A plan over the months. ``months`` are the policy's, the curve may be longer; sums are US dollars.

    ``saving_low`` and ``p_payback`` are of the policy's months; ``break_even_calls`` is inf where no volume pays.
    """

    plan: Plan
    spread: Spread
    months: int
    curve: CashCurve
    swings: tuple[Swing, ...]
    change: float
    draws: int
    break_even_calls: float
    saving_low: float
    p_payback: float

    @property
    def breaks_even(self) -> bool:
        """Whether any volume pays."""
        return math.isfinite(self.break_even_calls)


def forecast(plan: Plan, months: int, seed: int) -> Forecast:
    """The plan over the policy's months, longer where it pays back later; escalation is none, as in every judgement."""
    spread = Spread(escalation=None)
    judged = simulate(plan, spread, months, DRAWS, seed=seed)
    curve = cash_curve(plan, spread, _shown(plan, months), draws=DRAWS, seed=seed)
    return _told(plan, months, curve, saving_low=judged.saving_low, p_payback=judged.p_payback)


def of_record(record: Mapping[str, Any]) -> Forecast | None:
    """The forecast of a decision record, drawn when it was decided; none where its money is not known.

    An early record kept no draws: they are drawn again from its plan, policy and seed.
    """
    try:
        plan, months = plan_of(record["cost"]["plan"]), record["policy"]["cost"]["months"]
        if not record.get("forecast"):
            return forecast(plan, months, record["seed"])
        judged, kept = record["cost"]["simulation"], record["forecast"]
        curve = TypeAdapter(CashCurve).validate_python(kept["curve"])
        return _told(plan, months, curve, saving_low=judged["saving_low"], p_payback=judged["p_payback"])
    except (KeyError, TypeError, ValueError):
        return None  # unknown money, or a record of another version: nothing is made up for it


def kept(plan: Plan, months: int, seed: int) -> dict[str, Any]:
    """What a decision record keeps of the forecast, so that no page draws it again."""
    curve = cash_curve(plan, Spread(escalation=None), _shown(plan, months), draws=DRAWS, seed=seed)
    return {"curve": asdict(curve)}


def _told(plan: Plan, months: int, curve: CashCurve, *, saving_low: float, p_payback: float) -> Forecast:
    return Forecast(
        plan=plan,
        spread=Spread(escalation=None),
        months=months,
        curve=curve,
        swings=tornado(plan, CHANGE, months),
        change=CHANGE,
        draws=DRAWS,
        break_even_calls=break_even_volume(plan, months),
        saving_low=saving_low,
        p_payback=p_payback,
    )


def _shown(plan: Plan, months: int) -> int:
    pays = payback_months(plan, MONTHS_MOST)
    return months if pays <= months or not math.isfinite(pays) else min(math.ceil(pays) + _AFTER, MONTHS_MOST)
