"""What a rung that takes gradient steps is given, and what its training says of itself. Imports no torch."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.approaches import Task
from engine.errors import Diverged, OutOfMemory
from engine.models.investigation import Recipe
from engine.rules import halving
from engine.train import Host, Progress, Trained, TrainingRow
from engine.train.lowered import tried
from engine.train.profile import Needs, Profile, facts, profile_of

if TYPE_CHECKING:
    from engine.train._loop import Trail

STEPS_LEAST = 20  # of a first round: fewer tell nothing of a recipe, so there is no race over few rows
FEWER = (3, 1)  # recipes that race where more would learn too little each
Facts = Mapping[str, float | int | str]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One training: the arguments of ``Rung.train``. Rivals share what lies in ``shared`` and what is ``kept``."""

    recipe: Recipe
    task: Task
    train: Sequence[TrainingRow]
    dev: Sequence[TrainingRow]
    folder: Path
    scratch: Path
    host: Host
    progress: Progress
    shared: Path
    kept: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def profile(self, needs: Needs | None = None, *, is_whole: bool = False) -> Profile:
        """How heavy work runs here; ``needs`` says what a decoder's training takes, of all weights if ``is_whole``."""
        return profile_of(self.host, self.shared, needs, is_whole=is_whole)


@dataclass(frozen=True)
class Attempt:
    """What came of one try; ``alarm`` is "" when nothing looks wrong. The candidate lies in the work's folder."""

    alarm: str
    facts: Facts


Trial = Callable[[Work, int], float]  # learn up to that step, keep it, and give the mean loss on dev


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


def trained(work: Work, attempt: Callable[[Work, float], Attempt], trial: Trial | None = None) -> Trained:
    """Let rivals race, try the best at its rate, then at a third of it. The alarm is "collapsed" when it stayed so."""
    began = time.perf_counter()
    entrants = _entrants(work) if trial is not None else [work]
    best = _raced(work, entrants, trial) if trial is not None and len(entrants) > 1 else work
    made, rate = tried(best.scratch, float(best.recipe.settings["lr"]), lambda lr: attempt(best, lr))
    return Trained(
        seconds=time.perf_counter() - began,
        alarm="collapsed" if made.alarm else "",
        facts={**made.facts, "lr": rate, "why": made.alarm, "raced": len(entrants)},
        recipe=best.recipe.model_copy(update={"rivals": ()}),
    )


def racing(recipe: Recipe, rows: int) -> int:
    """How many recipes race over so many rows: fewer, or one, where the first round would be too short to tell."""
    most = 1 + len(recipe.rivals)
    for count in (most, *(fewer for fewer in FEWER if fewer < most)):
        if count == 1 or steps_of(recipe, halving.rounds(count)[0].share, rows) >= STEPS_LEAST:
            return count
    return 1


def steps_of(recipe: Recipe, share: float, rows: int) -> int:
    """How many steps that share of a whole training is."""
    return round(share * float(recipe.settings["epochs"]) * rows / float(recipe.settings["batch"]))


def _entrants(work: Work) -> list[Work]:
    count = racing(work.recipe, len(work.train))
    recipes = [work.recipe, *work.recipe.rivals][:count]
    return [
        replace(work, recipe=recipe, scratch=work.scratch / f"rival-{place}") for place, recipe in enumerate(recipes)
    ]


def _raced(work: Work, entrants: Sequence[Work], trial: Trial) -> Work:
    """The entrant that halving leaves; it goes on from its checkpoint. What is told is not learned again."""
    noted = work.scratch / "race.json"
    told: dict[str, float | None] = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else {}
    left = list(entrants)
    for number, one in enumerate(halving.rounds(len(entrants))):
        for entrant in left:
            name = f"{number} {entrant.scratch.name}"
            if name not in told:
                entrant.scratch.mkdir(parents=True, exist_ok=True)
                told[name] = _loss(entrant, trial, one.share * _epochs(work) / _epochs(entrant))
                draft = noted.with_suffix(".draft")
                draft.write_text(json.dumps(told), encoding="utf-8")
                draft.rename(noted)
        places = halving.best([told[f"{number} {entrant.scratch.name}"] for entrant in left], one.kept)
        for place, entrant in enumerate(left):
            if place not in places:
                shutil.rmtree(entrant.scratch, ignore_errors=True)
        left = [left[place] for place in places]
    return left[0]


def _epochs(work: Work) -> float:
    return float(work.recipe.settings["epochs"])


def _loss(entrant: Work, trial: Trial, share: float) -> float | None:
    """On dev, after that share of the entrant's own steps; none where it diverged or does not fit."""
    try:
        loss = trial(entrant, max(1, steps_of(entrant.recipe, share, len(entrant.train))))
    except (Diverged, OutOfMemory):
        return None
    return loss if math.isfinite(loss) else None
