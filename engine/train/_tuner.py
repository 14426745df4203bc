"""An encoder and a head under training: adapters in its upper layers, or all its weights. Loaded by jobs alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.train import Progress, _adapter, _torch
from engine.train._linear import Head
from engine.train._loop import Dials, Group, Lesson, Loop, Trail, by_shape
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look, look


class Body(Protocol):
    """What of an encoder is learned, and how far a row is worked on beforehand."""

    def rows(self, tokens: Sequence[list[int]]) -> list[Any]:
        """Each row as ``states`` takes it; its length is its tokens."""
        ...

    def states(self, rows: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """After the last layer, (rows, tokens, width), and the mask of real tokens."""
        ...

    def groups(self) -> list[Group]:
        """The weights to learn."""
        ...


class Adapted:
    """LoRA in the layers from ``start``; what lies below is run once per row and kept."""

    def __init__(self, encoder: _torch.Encoder, start: int, dials: Dials) -> None:
        self._encoder = encoder
        self._start = start
        self.adapted = _adapter.adapt(encoder, start, rank=dials.rank, alpha=dials.alpha, seed=dials.seed)

    def rows(self, tokens: Sequence[list[int]]) -> list[Any]:
        """Each row's states after the lower layers."""
        return self._encoder.prefixes(tokens, self._start)

    def states(self, rows: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """Through the adapted layers."""
        hidden, mask = _torch.padded(rows, self._encoder.device)
        return self._encoder.through(hidden, mask, self._start, self._encoder.depth), mask

    def groups(self) -> list[Group]:
        """The adapters."""
        small = [part for lora in self.adapted.values() for part in (lora.down, lora.up)]
        return [Group(parts=small, decays=True)]


class Whole:
    """All weights of the encoder, embeddings too."""

    def __init__(self, encoder: _torch.Encoder) -> None:
        self._encoder = encoder
        encoder.model.requires_grad_(requires_grad=True)

    def rows(self, tokens: Sequence[list[int]]) -> list[Any]:
        """Token ids: nothing below stays as it is."""
        return list(tokens)

    def states(self, rows: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """Through the whole encoder."""
        hidden, mask = self._encoder.embedded(rows)
        return self._encoder.through(hidden, mask, 0, self._encoder.depth), mask

    def groups(self) -> list[Group]:
        """Everything."""
        return by_shape(self._encoder.model.parameters())


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows as the body takes them, and their class numbers."""

    rows: list[Any]
    wanted: NDArray[np.int64]


class Tuner:
    """One encoder's body and a head, under training."""

    def __init__(self, encoder: _torch.Encoder, body: Body, head: Head, dials: Dials) -> None:
        self._encoder = encoder
        self._body = body
        self._dials = dials
        self._weight = nn.Parameter(torch.tensor(head.weight, device=encoder.device))
        self._bias = nn.Parameter(torch.tensor(head.bias, device=encoder.device))

    def head(self) -> Head:
        """The head as it stands."""
        return Head(self._weight.detach().cpu().numpy().copy(), self._bias.detach().cpu().numpy().copy())

    def run(self, train: Part, dev: Part, *, checkpoints: Checkpoints, progress: Progress, until: int = 0) -> Trail:
        """Train to the end, to the first alarm, or ``until`` a step.

        Raises ``Diverged`` when the loss is no number any more.
        """
        frozen = self._answers(dev).tolist()  # nothing is learned yet: this is the frozen head
        head = Group(parts=[self._weight, self._bias], decays=False, times=self._dials.head)
        return Loop([*self._body.groups(), head], self._dials).run(
            Lesson(rows=train.rows, loss_of=lambda places: self._loss(train, places)),
            lambda last: self._look(dev, train, frozen if last else None),
            checkpoints=checkpoints,
            progress=progress,
            until=until,
        )

    @torch.no_grad()
    def mean_loss(self, dev: Part) -> float:
        """Over the rows as they are now; 0 without any."""
        total = 0.0
        for places in _torch.by_length(dev.rows, self._encoder.profile.answer_batch):
            total += float(self._loss(dev, places)) * len(places)
        return total / max(len(dev.rows), 1)

    def _loss(self, train: Part, places: list[int]) -> Tensor:
        wanted = torch.from_numpy(train.wanted[places]).to(self._encoder.device)
        return nn.functional.cross_entropy(self._logits([train.rows[place] for place in places]), wanted)

    def _logits(self, rows: Sequence[Any]) -> Tensor:
        hidden, mask = self._body.states(rows)
        return nn.functional.linear(_torch.pooled(hidden, mask), self._weight, self._bias)

    def _look(self, dev: Part, train: Part, frozen: list[int] | None) -> Look:
        if not dev.rows:
            return Look(0.0, 0.0)
        said = self._answers(dev).tolist()
        return look(dev.wanted.tolist(), said, train=train.wanted.tolist(), frozen=frozen)

    @torch.no_grad()
    def _answers(self, dev: Part) -> NDArray[np.int64]:
        best = np.zeros(len(dev.rows), dtype=np.int64)

        def answer(places: list[int]) -> None:
            best[places] = self._logits([dev.rows[place] for place in places]).argmax(1).cpu().numpy()

        for places in _torch.by_length(dev.rows, self._encoder.profile.answer_batch):
            self._encoder.portions.through(places, answer)
        return best
