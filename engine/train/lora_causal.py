"""LoRA on a small chat model that writes its answer: the rung for what is no label of a list (docs/engine.md)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.approaches import Task
from engine.errors import WorkFailed
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow
from engine.train.checkpoint import Checkpoints
from engine.train.decoders import why_not
from engine.train.lowered import tried
from engine.train.profile import MEGA_BATCHES, Needs, facts, profile_of
from engine.train.sizes import LOADED_MB, Load, Way, shape_of, training_mb

if TYPE_CHECKING:
    from engine.train._loop import Dials

# Set beforehand and never tuned (docs/engine.md).
SETTINGS: dict[str, float | int | str] = {"lr": 5e-4, "epochs": 2, "rank": 16, "alpha": 32, "batch": 8}
UNKNOWN_MB = 2800  # of a decoder whose files do not say its size: that of 135 M weights
TOKENS_A_WORD, ASIDE = 1.5, 40  # of plain text; and what a chat template adds to a row
LONGEST = 2.0  # the longest row of a batch has so many times the words of a usual one
MAX_ROW = 1024  # tokens; longer rows are left out
TOKENS_A_CPU_SECOND = 250.0  # of a 135 M model in bf16, measured (docs/engine.md)
_SEEDS = {Effort.QUICK: 0, Effort.NORMAL: 1, Effort.THOROUGH: 3}
_WRITTEN = "classify"  # the approach with cheaper rungs of its own: there it waits for the thorough effort


class LoraCausal:
    """Adapts a decoder; the loss is on the answer alone, and answers are greedy."""

    number = 4
    name = "lora_causal"

    def fits(self, host: Host, task: Task) -> str:  # noqa: ARG002 (it writes whatever the task wants)
        """Where decoder weights with a chat template are."""
        return why_not(host)

    def quote(self, host: Host, rows: int, words_p50: int) -> Quote:
        """Measured on 2 cores with 135 M weights; a larger decoder takes longer, a GPU makes it shorter."""
        tokens = rows * (words_p50 * TOKENS_A_WORD + ASIDE) * float(SETTINGS["epochs"])
        return Quote(
            seconds=30.0 + tokens / (TOKENS_A_CPU_SECOND * host.cores), memory_mb=memory_mb(host, SETTINGS, words_p50)
        )

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:
        """None when quick; one when normal where nothing cheaper can answer; three seeds when thorough."""
        most = 0 if task.approach == _WRITTEN and effort is not Effort.THOROUGH else _SEEDS[effort]
        return [
            Recipe(
                rung=self.name,
                name=self.name if not number else f"{self.name}-s{number}",
                seed=seed + number,
                settings=SETTINGS,
            )
            for number in range(most)
        ]

    def train(
        self,
        recipe: Recipe,
        task: Task,  # noqa: ARG002 (what is right stands in the rows)
        *,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],
        folder: Path,
        scratch: Path,
        host: Host,
        progress: Progress,
    ) -> Trained:
        """Adapt; goes on from the newest checkpoint in ``scratch``. The alarm is "collapsed" when it stayed so."""
        began = time.perf_counter()
        work = _Work(recipe, train, dev, folder=folder, scratch=scratch, host=host, progress=progress)
        attempt, rate = tried(scratch, float(recipe.settings["lr"]), work.attempt)
        return Trained(
            seconds=time.perf_counter() - began,
            alarm="collapsed" if attempt.alarm else "",
            facts={**attempt.facts, "lr": rate, "why": attempt.alarm},
        )

    def load(self, folder: Path, host: Host) -> Answerer:
        """The candidate as an answerer; the adapter is merged into the decoder."""
        from engine.train import _causal

        return _causal.loaded(folder, host)


def memory_mb(host: Host, settings: Mapping[str, float | int | str], words_p50: int) -> int:
    """Peak memory of a training in fp32, the process with it, where its longest row is as usual (docs/engine.md)."""
    shape = shape_of(host.decoder) if host.decoder else None
    if shape is None:
        return UNKNOWN_MB
    return LOADED_MB + training_mb(shape, _load(settings, LONGEST * words_p50), Way())


def _load(settings: Mapping[str, float | int | str], words: float) -> Load:
    tokens = min(int(words * TOKENS_A_WORD) + ASIDE, MAX_ROW)
    return Load(rank=int(settings["rank"]), batch=int(settings["batch"]), tokens=tokens, answer=tokens // 3)


@dataclass(frozen=True)
class _Attempt:
    alarm: str
    facts: dict[str, float | int | str]


class _Work:
    """One training, tried at the full rate, then at a third of it."""

    def __init__(
        self,
        recipe: Recipe,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],
        *,
        folder: Path,
        scratch: Path,
        host: Host,
        progress: Progress,
    ) -> None:
        self._recipe = recipe
        self._train = train
        self._dev = dev
        self._folder = folder
        self._scratch = scratch
        self._host = host
        self._progress = progress

    def attempt(self, rate: float) -> _Attempt:
        """Train at this rate into the folder. Raises ``Diverged``, and ``WorkFailed`` where no row fits."""
        from engine.train import _causal, _decoder, _pairs

        base = _decoder.folder_of(self._host)
        profile = profile_of(self._host, self._scratch.parent, self._needs())
        decoder = _decoder.Decoder(base, profile)
        rows = [decoder.row(row.input, row.written) for row in self._train]
        kept = [row for row in rows if len(row) <= decoder.longest]
        if not kept:
            raise WorkFailed(f"no training row fits the {decoder.longest} tokens of the decoder {base.name}")
        dials, longest = self._dials(rate), _causal.answer_tokens(kept)
        causal = _causal.Causal(decoder, dials, profile)
        pairs, steps = _pairs.pairs_of(decoder, self._train), dials.steps(len(kept))
        more = _pairs.steps(pairs)
        trail = causal.run(
            kept,
            self._dev,
            longest=longest,
            checkpoints=Checkpoints(self._scratch, steps),
            progress=lambda step, of, loss: self._progress(step, of + more, loss),
        )
        taught: dict[str, float | int | str] = {}
        if more and causal.is_whole and not trail.alarm:
            made = _pairs.Preferences(decoder, causal, pairs).run(
                _pairs.pairs_of(decoder, self._dev),
                lambda: causal.look(self._dev[: _causal.LOOKED_AT], longest),
                seed=self._recipe.seed,
                checkpoints=Checkpoints(self._scratch / "pairs", more),
                progress=lambda step, of, loss: self._progress(steps + step, steps + of, loss),
            )
            taught = made.facts
        causal.save(self._folder, base)
        _causal.note(self._folder, base, profile=profile, longest=longest)
        found = {
            "first_loss": round(trail.first_loss, 4),
            "last_loss": round(trail.loss, 4),
            "steps": trail.step,
            "halved": trail.halved,
        }
        seen = {"dev_exact": round(trail.looks[-1].accuracy, 4)} if trail.looks else {}
        return _Attempt(trail.alarm, {**facts(profile), **found, **seen, **taught, "too_long": len(rows) - len(kept)})

    def _needs(self) -> Needs | None:
        """What a device needs for this training, by how it is done; none where the decoder does not say its size."""
        shape = shape_of(self._host.decoder)
        words = max((len(f"{row.input} {row.written}".split()) for row in self._train), default=0)
        return None if shape is None else partial(training_mb, shape, _load(self._recipe.settings, words))

    def _dials(self, rate: float) -> Dials:
        from engine.train import _loop

        settings = self._recipe.settings
        return _loop.Dials(
            lr=rate,
            epochs=int(settings["epochs"]),
            batch=int(settings["batch"]),
            mega=MEGA_BATCHES,
            rank=int(settings["rank"]),
            alpha=float(settings["alpha"]),
            seed=self._recipe.seed,
        )
