"""The training loop of every rung that takes gradient steps (docs/engine.md), resumable at any step. For jobs alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import Diverged
from engine.models.investigation import Recipe
from engine.train import Progress, _ranks
from engine.train._memory import Portions
from engine.train.checkpoint import Checkpoint, Checkpoints
from engine.train.collapse import Look
from engine.train.profile import MEGA_BATCHES

WARM_UP = 0.06
DECAY = 0.01
CLIP = 1.0
_MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's state

LookAt = Callable[[bool], Look]  # dev after an epoch; true after the last


@dataclass(frozen=True, kw_only=True)
class Dials:
    """The recipe's settings; ``lr`` is the peak's, ``mega`` counts batches sorted by length together.

    ``head`` is the rate of a head over ``lr``.
    """

    lr: float
    epochs: int
    batch: int
    mega: int
    rank: int
    alpha: float
    seed: int
    head: float = 1.0

    def steps(self, rows: int) -> int:
        """Steps of a whole training on so many rows."""
        return self.epochs * math.ceil(rows / self.batch)


def dials_of(recipe: Recipe, rate: float) -> Dials:
    """A recipe's settings at this learning rate."""
    settings = recipe.settings
    return Dials(
        lr=rate,
        epochs=int(settings["epochs"]),
        batch=int(settings["batch"]),
        mega=MEGA_BATCHES,
        rank=int(settings.get("rank", 0)),
        alpha=float(settings.get("alpha", 0.0)),
        seed=recipe.seed,
        head=float(settings.get("head_lr", settings["lr"])) / float(settings["lr"]),
    )


@dataclass(frozen=True, kw_only=True)
class Group:
    """Weights that are learned alike: with or without decay, at ``times`` the rate of the schedule."""

    parts: list[nn.Parameter]
    decays: bool
    times: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is learned from: rows, the mean loss of those at some places (with a gradient), and over how much it is.

    A batch taken in parts has the gradient it had whole: each part's loss counts by its ``weight``.
    """

    rows: Sequence[Sized]
    loss_of: Callable[[list[int]], Tensor]
    weight_of: Callable[[list[int]], int] = len


@dataclass
class Trail:
    """Where a training is and how it came there: a look at dev after each epoch, the first and the smoothed loss.

    ``halved`` is how often memory ran out, each time halving how many rows of a batch are worked on at once.
    """

    step: int = 0
    halved: int = 0
    first_loss: float = 0.0
    loss: float = 0.0
    looks: list[Look] = field(default_factory=list[Look])

    @property
    def alarm(self) -> str:
        """What looked wrong last."""
        return self.looks[-1].alarm if self.looks else ""

    def tell(self, step: int, loss: float) -> None:
        """Note the loss of a step."""
        self.first_loss = self.first_loss or loss
        self.loss = loss if self.step == 0 else 0.95 * self.loss + 0.05 * loss
        self.step = step


def by_shape(parts: Iterable[nn.Parameter]) -> list[Group]:
    """All that is to be learned of a whole model: decay for matrices, none for biases and norms."""
    learned = [part for part in parts if part.requires_grad]
    return [
        Group(parts=[part for part in learned if part.ndim > 1], decays=True),
        Group(parts=[part for part in learned if part.ndim < 2], decays=False),
    ]


class Loop:
    """AdamW over groups of weights, warm-up, linear decay, clipped gradients."""

    def __init__(self, groups: Sequence[Group], dials: Dials) -> None:
        self._dials = dials
        self._portions = Portions()
        self._parts = [part for group in groups for part in group.parts]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": group.parts, "weight_decay": DECAY if group.decays else 0.0, "times": group.times}
                for group in groups
                if group.parts
            ],
            lr=dials.lr,
        )

    def run(
        self, lesson: Lesson, look_at: LookAt, *, checkpoints: Checkpoints, progress: Progress, until: int = 0
    ) -> Trail:
        """Train to the end, to the first alarm, or ``until`` a step, and keep where that was left.

        Raises ``Diverged`` when the loss is no number any more, ``OutOfMemory`` when memory runs out a third time.
        """
        steps = self._dials.steps(len(lesson.rows))
        per_epoch = steps // self._dials.epochs
        trail = self._resumed(checkpoints)
        _ranks.align(self._parts)
        self._portions = Portions(trail.halved)
        batches: list[list[int]] = []
        while trail.step < (until or steps):
            epoch, place = divmod(trail.step, per_epoch)
            batches = self._batches(lesson.rows, epoch) if not batches or place == 0 else batches
            self._step(trail, lesson, batches[place], self._lr(trail.step, steps))
            if trail.step % per_epoch == 0:
                trail.looks.append(_ranks.agreed(lambda: look_at(trail.step == steps)))
                if trail.alarm:
                    return trail
            if _ranks.number() == 0 and checkpoints.is_due(trail.step):
                checkpoints.keep(self._state(trail))
            progress(trail.step, steps, round(trail.loss, 4))
        if trail.step == until:
            checkpoints.keep(self._state(trail))
        return trail

    def _step(self, trail: Trail, lesson: Lesson, places: list[int], lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr * group["times"]
        now = self._gradients(lesson, places)
        nn.utils.clip_grad_norm_(self._parts, CLIP)
        self._optimizer.step()
        trail.halved = self._portions.halved
        trail.tell(trail.step + 1, now)
        if not math.isfinite(now):
            raise Diverged(f"the loss became {now} at step {trail.step}")

    def _gradients(self, lesson: Lesson, places: list[int]) -> float:
        """Those of the batch's mean loss, in as many parts as memory asks for; gives the loss.

        Where several processes train, each works on its share, and the sum is the same.
        """
        whole, losses = lesson.weight_of(places), list[float]()

        def begin() -> None:
            self._optimizer.zero_grad()
            losses.clear()

        def learn(part: list[int]) -> None:
            loss = lesson.loss_of(part) * (lesson.weight_of(part) / whole)
            loss.backward()
            losses.append(float(loss.detach()))

        self._portions.through(_ranks.share(places), learn, begin=begin)
        return _ranks.add_up(self._parts, sum(losses))

    def _lr(self, step: int, steps: int) -> float:
        warm = max(1, round(WARM_UP * steps))
        share = (step + 1) / warm if step < warm else (steps - step) / max(1, steps - warm)
        return self._dials.lr * share

    def _batches(self, rows: Sequence[Sized], epoch: int) -> list[list[int]]:
        """Random order, sorted by length within mega-batches, batches in random order: by seed and epoch alone."""
        rng = np.random.default_rng([self._dials.seed, epoch])
        order: list[int] = rng.permutation(len(rows)).tolist()
        size = self._dials.batch
        batches: list[list[int]] = []
        for begin in range(0, len(order), size * self._dials.mega):
            mega = sorted(order[begin : begin + size * self._dials.mega], key=lambda place: len(rows[place]))
            batches += [mega[at : at + size] for at in range(0, len(mega), size)]
        return [batches[place] for place in rng.permutation(len(batches)).tolist()]

    def _state(self, trail: Trail) -> Checkpoint:
        arrays: dict[str, NDArray[Any]] = {}
        for number, part in enumerate(self._parts):
            arrays[f"part.{number}"] = part.detach().cpu().numpy()
            for moment in _MOMENTS:
                arrays[f"{moment}.{number}"] = self._optimizer.state[part][moment].cpu().numpy()
        return Checkpoint(trail.step, arrays, asdict(trail))

    def _resumed(self, checkpoints: Checkpoints) -> Trail:
        kept = _ranks.agreed(checkpoints.newest)
        if kept is None:
            return Trail()
        for number, part in enumerate(self._parts):
            part.data.copy_(torch.from_numpy(kept.arrays[f"part.{number}"]))
            moments = {name: torch.from_numpy(kept.arrays[f"{name}.{number}"]).to(part.device) for name in _MOMENTS}
            self._optimizer.state[part] = {"step": torch.tensor(float(kept.step)), **moments}
        looks = [Look(**seen) for seen in kept.facts["looks"]]
        return Trail(
            step=kept.step,
            halved=int(kept.facts.get("halved", 0)),
            first_loss=float(kept.facts["first_loss"]),
            loss=float(kept.facts["loss"]),
            looks=looks,
        )
