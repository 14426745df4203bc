"""The LoRA encoder under training: adapters in its upper layers, and a head. Loaded by jobs alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.train import Progress, _adapter, _torch
from engine.train._linear import Head
from engine.train._loop import Dials, Lesson, Loop, Trail
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look, look


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows after the lower layers, each (tokens, width), and their class numbers."""

    states: list[Tensor]
    wanted: NDArray[np.int64]


class Tuner:
    """One encoder with adapters in the layers from ``start``, and a head, under training."""

    def __init__(self, encoder: _torch.Encoder, head: Head, start: int, dials: Dials) -> None:
        self._encoder = encoder
        self._start = start
        self._dials = dials
        self.adapted = _adapter.adapt(encoder, start, rank=dials.rank, alpha=dials.alpha, seed=dials.seed)
        self._weight = nn.Parameter(torch.tensor(head.weight, device=encoder.device))
        self._bias = nn.Parameter(torch.tensor(head.bias, device=encoder.device))

    def head(self) -> Head:
        """The head as it stands."""
        return Head(self._weight.detach().cpu().numpy().copy(), self._bias.detach().cpu().numpy().copy())

    def run(self, train: Part, dev: Part, *, checkpoints: Checkpoints, progress: Progress) -> Trail:
        """Train to the end, or to the first alarm. Raises ``Diverged`` when the loss is no number any more."""
        floor = self._look(dev, train, None).macro_f1  # adapters begin as nothing: this is the frozen head
        small = [part for lora in self.adapted.values() for part in (lora.down, lora.up)]
        loop = Loop(small, [self._weight, self._bias], self._dials)
        return loop.run(
            Lesson(rows=train.states, loss_of=lambda places: self._loss(train, places)),
            lambda last: self._look(dev, train, floor if last else None),
            checkpoints=checkpoints,
            progress=progress,
        )

    def _loss(self, train: Part, places: list[int]) -> Tensor:
        wanted = torch.from_numpy(train.wanted[places]).to(self._encoder.device)
        return nn.functional.cross_entropy(self._logits([train.states[place] for place in places]), wanted)

    def _logits(self, states: Sequence[Tensor]) -> Tensor:
        hidden, mask = _torch.padded(states, self._encoder.device)
        out = self._encoder.through(hidden, mask, self._start, self._encoder.depth)
        return nn.functional.linear(_torch.pooled(out, mask), self._weight, self._bias)

    @torch.no_grad()
    def _look(self, dev: Part, train: Part, floor: float | None) -> Look:
        if not dev.states:
            return Look(0.0, 0.0)
        best = np.zeros(len(dev.states), dtype=np.int64)

        def answer(places: list[int]) -> None:
            best[places] = self._logits([dev.states[place] for place in places]).argmax(1).cpu().numpy()

        for places in _torch.by_length(dev.states, self._encoder.profile.answer_batch):
            self._encoder.portions.through(places, answer)
        return look(dev.wanted.tolist(), best.tolist(), train=train.wanted.tolist(), frozen_f1=floor)
