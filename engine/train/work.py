"""What a rung that takes gradient steps is given, and what its training says of itself. Imports no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.approaches import Task
from engine.models.investigation import Recipe
from engine.train import Host, Progress, Trained, TrainingRow
from engine.train.lowered import tried
from engine.train.profile import Needs, Profile, facts, profile_of

if TYPE_CHECKING:
    from engine.train._loop import Trail

Facts = Mapping[str, float | int | str]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One training: the arguments of ``Rung.train``."""

    recipe: Recipe
    task: Task
    train: Sequence[TrainingRow]
    dev: Sequence[TrainingRow]
    folder: Path
    scratch: Path
    host: Host
    progress: Progress

    def profile(self, needs: Needs | None = None) -> Profile:
        """How heavy work runs here; ``needs`` says what a decoder's training takes."""
        return profile_of(self.host, self.scratch.parent, needs)


@dataclass(frozen=True)
class Attempt:
    """What came of one try; ``alarm`` is "" when nothing looks wrong. The candidate lies in the work's folder."""

    alarm: str
    facts: Facts


def attempted(trail: Trail, profile: Profile, *, quality: str, **more: float | str) -> Attempt:
    """A trail as an attempt; ``quality`` names what the last look at dev measured."""
    seen = {quality: round(trail.looks[-1].accuracy, 4)} if trail.looks else {}
    found = {
        "steps": trail.step,
        "halved": trail.halved,
        "first_loss": round(trail.first_loss, 4),
        "last_loss": round(trail.loss, 4),
    }
    return Attempt(trail.alarm, {**facts(profile), **found, **seen, **more})


def trained(work: Work, attempt: Callable[[float], Attempt]) -> Trained:
    """Try at the recipe's rate, then at a third of it. The alarm is "collapsed" when it stayed so."""
    began = time.perf_counter()
    made, rate = tried(work.scratch, float(work.recipe.settings["lr"]), attempt)
    return Trained(
        seconds=time.perf_counter() - began,
        alarm="collapsed" if made.alarm else "",
        facts={**made.facts, "lr": rate, "why": made.alarm},
    )
