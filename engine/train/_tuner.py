"""The training loop of the LoRA encoder: recipe of docs/engine.md, resumable at any step. Loaded by jobs alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import Diverged
from engine.train import Progress, _adapter, _torch
from engine.train._linear import Head
from engine.train.checkpoint import Checkpoint, Checkpoints
from engine.train.collapse import Look, look

WARM_UP = 0.06
DECAY = 0.01
CLIP = 1.0
_MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's state


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows after the lower layers, each (tokens, width), and their class numbers."""

    states: list[Tensor]
    wanted: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Dials:
    """The recipe's settings; ``lr`` is the peak's, ``mega`` counts batches sorted by length together."""

    lr: float
    epochs: int
    batch: int
    mega: int
    rank: int
    alpha: float
    seed: int


@dataclass
class Trail:
    """Where a training is and how it came there: a look at dev after each epoch, the first and the smoothed loss."""

    step: int = 0
    first_loss: float = 0.0
    loss: float = 0.0
    looks: list[Look] = field(default_factory=list[Look])

    @property
    def alarm(self) -> str:
        """What looked wrong last."""
        return self.looks[-1].alarm if self.looks else ""


class Tuner:
    """One encoder with adapters in the layers from ``start``, and a head, under training."""

    def __init__(self, encoder: _torch.Encoder, head: Head, start: int, dials: Dials) -> None:
        self._encoder = encoder
        self._start = start
        self._dials = dials
        self.adapted = _adapter.adapt(encoder, start, rank=dials.rank, alpha=dials.alpha, seed=dials.seed)
        self._weight = nn.Parameter(torch.tensor(head.weight, device=encoder.device))
        self._bias = nn.Parameter(torch.tensor(head.bias, device=encoder.device))
        small = [part for lora in self.adapted.values() for part in (lora.down, lora.up)]
        self._parts = [*small, self._weight, self._bias]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": small, "weight_decay": DECAY},
                {"params": [self._weight, self._bias], "weight_decay": 0.0},
            ],
            lr=dials.lr,
        )

    def head(self) -> Head:
        """The head as it stands."""
        return Head(self._weight.detach().cpu().numpy().copy(), self._bias.detach().cpu().numpy().copy())

    def run(self, train: Part, dev: Part, *, checkpoints: Checkpoints, progress: Progress) -> Trail:
        """Train to the end, or to the first alarm. Raises ``Diverged`` when the loss is no number any more."""
        per_epoch = math.ceil(len(train.states) / self._dials.batch)
        steps = per_epoch * self._dials.epochs
        floor = self._look(dev, train, None).macro_f1  # adapters begin as nothing: this is the frozen head
        trail = self._resumed(checkpoints)
        batches: list[list[int]] = []
        while trail.step < steps:
            epoch, place = divmod(trail.step, per_epoch)
            batches = self._batches(train.states, epoch) if not batches or place == 0 else batches
            self._step(trail, train, batches[place], self._lr(trail.step, steps))
            if trail.step % per_epoch == 0:
                trail.looks.append(self._look(dev, train, floor if trail.step == steps else None))
                if trail.alarm:
                    return trail
            if checkpoints.is_due(trail.step):
                checkpoints.keep(self._state(trail))
            progress(trail.step, steps, round(trail.loss, 4))
        return trail

    def _step(self, trail: Trail, train: Part, places: list[int], lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        wanted = torch.from_numpy(train.wanted[places]).to(self._encoder.device)
        loss = nn.functional.cross_entropy(self._logits([train.states[place] for place in places]), wanted)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parts, CLIP)
        self._optimizer.step()
        trail.step += 1
        now = float(loss.detach())
        if not math.isfinite(now):
            raise Diverged(f"the loss became {now} at step {trail.step}")
        trail.first_loss = trail.first_loss or now
        trail.loss = now if trail.step == 1 else 0.95 * trail.loss + 0.05 * now

    def _logits(self, states: Sequence[Tensor]) -> Tensor:
        hidden, mask = _torch.padded(states, self._encoder.device)
        out = self._encoder.through(hidden, mask, self._start, self._encoder.depth)
        return nn.functional.linear(_torch.pooled(out, mask), self._weight, self._bias)

    @torch.no_grad()
    def _look(self, dev: Part, train: Part, floor: float | None) -> Look:
        if not dev.states:
            return Look(0.0, 0.0)
        best = np.zeros(len(dev.states), dtype=np.int64)
        for places in _torch.by_length(dev.states, self._encoder.profile.answer_batch):
            best[places] = self._logits([dev.states[place] for place in places]).argmax(1).cpu().numpy()
        return look(dev.wanted.tolist(), best.tolist(), train=train.wanted.tolist(), frozen_f1=floor)

    def _lr(self, step: int, steps: int) -> float:
        warm = max(1, round(WARM_UP * steps))
        share = (step + 1) / warm if step < warm else (steps - step) / max(1, steps - warm)
        return self._dials.lr * share

    def _batches(self, rows: Sequence[Tensor], epoch: int) -> list[list[int]]:
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
        kept = checkpoints.newest()
        if kept is None:
            return Trail()
        for number, part in enumerate(self._parts):
            part.data.copy_(torch.from_numpy(kept.arrays[f"part.{number}"]))
            moments = {name: torch.from_numpy(kept.arrays[f"{name}.{number}"]).to(part.device) for name in _MOMENTS}
            self._optimizer.state[part] = {"step": torch.tensor(float(kept.step)), **moments}
        looks = [Look(**seen) for seen in kept.facts["looks"]]
        return Trail(kept.step, float(kept.facts["first_loss"]), float(kept.facts["loss"]), looks)
