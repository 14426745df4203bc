"""Rollouts: where one stands and what it waits for, and that it moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from bot.messages import examples
from engine.desk.rollouts import RolloutView
from engine.models.rollout import RolloutStatus

Moved = Literal["raised", "paused", "resumed", "rolled_back", "ended"]


@dataclass(frozen=True)
class State:
    """A rollout as people ask about it; at most one of the buttons stands."""

    template: ClassVar[str] = "rollout/state"
    rollout: RolloutView
    begun: bool
    can_ask: bool
    is_open: bool
    is_paused: bool

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
    )


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
