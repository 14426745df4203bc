"""Rollouts: where one stands and what it waits for, and that it moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from bot.messages import examples
from engine.desk.drills import DrillView
from engine.desk.rollouts import ArmView, GuardrailView, NeedView, RolloutView
from engine.models.drill import DrillState
from engine.models.rollout import RolloutStatus

BAR = 10  # signs of a bar

Moved = Literal["raised", "paused", "resumed", "rolled_back", "settled", "ended"]


@dataclass(frozen=True)
class Side:
    """One side of a stage: calls, the shares of them that were bad (none: unknown), and units whose day is closed."""

    is_tuned: bool
    calls: int
    failed: float | None
    invalid: float | None
    slow: float | None
    thumbs: int
    thumbs_down: int
    units: int


@dataclass(frozen=True)
class Bar:
    """A guardrail: how much of what shows harm there is, as a share and as a bar, and each side's rate.

    ``unknown`` says why nothing is known of it, "" where something is.
    """

    name: str
    bar: str
    share: float
    is_harmed: bool
    prompted: float | None
    tuned: float | None
    unknown: str = ""


@dataclass(frozen=True)
class Needed:
    """One thing the next stage asks for, as a bar: "hours", "units", "week" or "safe", there is and needed."""

    name: str
    bar: str
    share: float
    have: int
    need: int
    is_met: bool


@dataclass(frozen=True)
class State:
    """A rollout as people ask about it; at most one of the buttons stands."""

    template: ClassVar[str] = "rollout/state"
    rollout: RolloutView
    begun: bool
    can_ask: bool
    is_open: bool
    is_paused: bool
    is_back: bool
    sides: tuple[Side, ...]
    bars: tuple[Bar, ...]
    needs: tuple[Needed, ...]

    @classmethod
    def example(cls) -> State:
        """A rollout that must wait."""
        return state(examples.rollout())


def state(rollout: RolloutView) -> State:
    """Where a rollout stands."""
    begun = rollout.rollout_id != 0
    is_open = begun and rollout.status in (RolloutStatus.RUNNING, RolloutStatus.PAUSED)
    return State(
        rollout=rollout,
        begun=begun,
        can_ask=rollout.next_stage is not None and rollout.gate == "READY" and not rollout.pending,
        is_open=is_open,
        is_paused=begun and rollout.status is RolloutStatus.PAUSED,
        is_back=begun and rollout.status is RolloutStatus.ROLLED_BACK,
        sides=tuple(_side(arm) for arm in rollout.evidence.arms),
        bars=tuple(_bar(one) for one in rollout.evidence.guardrails),
        needs=tuple(_needed(one) for one in rollout.horizon.needs) if is_open else (),
    )


def _side(arm: ArmView) -> Side:
    return Side(
        is_tuned=arm.arm == "tuned",
        calls=arm.n,
        failed=arm.errors / arm.n if arm.n else None,
        invalid=arm.invalid / arm.n if arm.n and arm.invalid else None,
        slow=arm.slow / arm.slow_known if arm.slow_known else None,
        thumbs=arm.thumbs,
        thumbs_down=arm.thumbs_down,
        units=arm.units,
    )


def _bar(guardrail: GuardrailView) -> Bar:
    share = min(max(guardrail.log_e / guardrail.limit, 0.0), 1.0)
    return Bar(
        name=guardrail.name.replace("_", " "),
        bar=_drawn(share),
        share=share,
        is_harmed=guardrail.log_e >= guardrail.limit,
        prompted=guardrail.baseline,
        tuned=guardrail.tuned,
        unknown=guardrail.unknown,
    )


def _needed(need: NeedView) -> Needed:
    share = min(max(need.have / need.need, 0.0), 1.0)
    met = need.have >= need.need
    return Needed(need.name, _drawn(share), share, math.floor(need.have), math.ceil(need.need), met)


def _drawn(share: float) -> str:
    """A bar; a full one only where nothing is missing."""
    full = math.floor(share * BAR)
    return "█" * full + "░" * (BAR - full)


@dataclass(frozen=True)
class Change:
    """A rollout moved: how, by whom ("" for the machine) and why."""

    template: ClassVar[str] = "rollout/moved"
    rollout: RolloutView
    how: Moved
    by: str
    reason: str

    @classmethod
    def example(cls) -> Change:
        """A rollback by a person."""
        return cls(examples.rollout(status="rolled_back", share=0.0), "rolled_back", "U0BO", "refunds go wrong")


def moved(rollout: RolloutView, how: Moved, *, by: str = "", reason: str = "") -> Change:
    """That a rollout moved."""
    return Change(rollout, how, by, reason)


@dataclass(frozen=True)
class Drilled:
    """A rollback drill: under way, or what it showed."""

    template: ClassVar[str] = "rollout/drilled"
    drill: DrillView

    @classmethod
    def example(cls) -> Drilled:
        """A drill that passed beside a canary."""
        return cls(
            DrillView(
                slug="ticket-router", by="U0BO", state=DrillState.PASSED, on="2026-11-03", share=0.05, workers=4,
                seconds=1.8, counts_until="2027-02-01",
            )
        )  # fmt: skip
