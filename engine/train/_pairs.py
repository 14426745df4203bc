"""What a person would send, made likelier than what they would not: DPO (arXiv:2305.18290). Loaded by jobs alone.

The reference is the adapter as the training before left it: how much likelier it finds each text is asked once, before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.errors import Diverged, OutOfMemory
from engine.models.labels import PAIRS_LEAST
from engine.train import Progress, TrainingRow
from engine.train._causal import Causal
from engine.train._decoder import Decoder, Tokens
from engine.train._loop import Dials, Lesson, Loop, by_shape
from engine.train._memory import Portions
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look
from engine.train.profile import MEGA_BATCHES

# Set beforehand and never tuned (docs/engine.md): a tenth of the rate before, so that little of it is unlearned.
BETA = 0.1
LR = 5e-5
EPOCHS = 1
BATCH = 4  # pairs: as many texts as the batch before
LOOKED_AT = 64  # dev pairs that are asked for, before and after


@dataclass(frozen=True)
class Pair:
    """One question with an answer people want and one they do not."""

    chosen: Tokens
    rejected: Tokens

    def __len__(self) -> int:
        return len(self.chosen) + len(self.rejected)


@dataclass(frozen=True, kw_only=True)
class Taught:
    """What pairs gave: on which share of dev pairs the chosen text is likelier a token, before and after.

    Both are none where dev has no pairs: of those it learned from the share would say nothing.
    ``undone`` is "", or why the adapter was put back to what it was before.
    """

    pairs: int
    before: float | None
    after: float | None
    undone: str = ""

    @property
    def facts(self) -> dict[str, float | int | str]:
        """For the report."""
        shares = {"preferred_before": self.before, "preferred": self.after}
        told = {name: round(share, 4) for name, share in shares.items() if share is not None}
        return {"pairs": self.pairs, **told, "pairs_undone": self.undone}


def pairs_of(decoder: Decoder, rows: Sequence[TrainingRow]) -> list[Pair]:
    """The rows that name a rejected answer, as tokens; pairs too long for the decoder are left out."""
    made = [
        Pair(decoder.row(row.input, row.written), decoder.row(row.input, row.rejected)) for row in rows if row.rejected
    ]
    return [pair for pair in made if max(len(pair.chosen), len(pair.rejected)) <= decoder.longest]


def dials(seed: int) -> Dials:
    """The recipe; ranks are those of the adapter that is there."""
    return Dials(lr=LR, epochs=EPOCHS, batch=BATCH, mega=MEGA_BATCHES, rank=0, alpha=0.0, seed=seed)


def steps(pairs: Sequence[Pair]) -> int:
    """Steps of the training on them; none below the least number of pairs."""
    return dials(0).steps(len(pairs)) if len(pairs) >= PAIRS_LEAST else 0


class Preferences:
    """An adapter under training on pairs."""

    def __init__(self, decoder: Decoder, causal: Causal, pairs: Sequence[Pair]) -> None:
        self._decoder = decoder
        self._causal = causal
        self._pairs = pairs
        self.reference = self.gaps(pairs)

    def run(
        self,
        dev: Sequence[Pair],
        look_at: Callable[[], Look],
        *,
        seed: int,
        checkpoints: Checkpoints,
        progress: Progress,
    ) -> Taught:
        """Train once over the pairs. Where that diverges, collapses or does not fit, it is undone and said."""
        kept = [part.detach().clone() for part in self._causal.parts]
        shown = dev[:LOOKED_AT]
        before = self.share_preferred(shown)
        lesson = Lesson(rows=self._pairs, loss_of=self.loss)
        loop = Loop(by_shape(self._causal.parts), dials(seed))
        try:
            undone = loop.run(lesson, lambda _last: look_at(), checkpoints=checkpoints, progress=progress).alarm
        except Diverged as error:
            undone = str(error)
        except OutOfMemory:  # two texts and a reference take more than the training before, which is good as it is
            undone = "the device ran out of memory"
        if undone:
            for part, was in zip(self._causal.parts, kept, strict=True):
                part.data.copy_(was)
        return Taught(pairs=len(self._pairs), before=before, after=self.share_preferred(shown), undone=undone)

    def loss(self, places: list[int]) -> Tensor:
        """The mean of -log sigmoid(beta x margin); margin is how much more likely than the reference finds it."""
        margin = self._gap([self._pairs[place] for place in places]) - self.reference[places]
        return -nn.functional.logsigmoid(BETA * margin).mean()

    @torch.no_grad()
    def gaps(self, pairs: Sequence[Pair]) -> Tensor:
        """(pairs,) by how much the chosen text is likelier now, in log probability."""
        found = torch.zeros(len(pairs), device=self._decoder.device)
        portions = Portions()

        def ask(places: list[int]) -> None:
            found[places] = self._gap([pairs[place] for place in places])

        for start in range(0, len(pairs), BATCH):
            portions.through(list(range(start, min(start + BATCH, len(pairs)))), ask)
        return found

    @torch.no_grad()
    def share_preferred(self, pairs: Sequence[Pair]) -> float | None:
        """The share of pairs whose chosen text is likelier a token than the other; none without any."""
        if not pairs:
            return None
        rows = [text for pair in pairs for text in (pair.chosen, pair.rejected)]
        found: list[float] = []
        for start in range(0, len(rows), 2 * BATCH):
            part = rows[start : start + 2 * BATCH]
            said = self._decoder.likelihoods(part)
            found += [float(one) / (len(row) - row.start) for one, row in zip(said, part, strict=True)]
        return sum(chosen > rejected for chosen, rejected in zip(found[::2], found[1::2], strict=True)) / len(pairs)

    def _gap(self, pairs: Sequence[Pair]) -> Tensor:
        likely = self._decoder.likelihoods([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs])
        chosen, rejected = likely.chunk(2)
        return chosen - rejected
