"""All weights of the encoder, or of the chat model where the answer is no label: the dearest rung (docs/engine.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow, decoders, encoders
from engine.train.recipes import FULL_DECODER, FULL_ENCODER, recipe_of
from engine.train.work import Work, trained

_COPIES = 8  # of an encoder's weights in memory: they, gradients, two moments, and a checkpoint being written
_LABELLED = "classify"


class Full:
    """Learns every weight. The candidate stands on no other weights, and is as large as its base."""

    number = 5
    name = "full"

    def fits(self, host: Host, task: Task) -> str:
        """Where the weights to learn are."""
        if task.approach == _LABELLED:
            return encoders.why_not(host, task, "torch", "transformers", "sklearn")
        return decoders.why_not(host)

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:
        """From what the adapted rungs take: 2.2 times an encoder's steps (measured), 1.8 times a decoder's."""
        if task.approach == _LABELLED:
            per_row = 2.2 * (0.015 + words_p50 * 8e-4) * 2 / host.cores
            return Quote(seconds=15.0 + rows * per_row, memory_mb=1000 + _COPIES * encoders.weights_mb(host))
        seconds = 1.8 * decoders.written_seconds(host, rows, words_p50)
        return Quote(seconds=30.0 + seconds, memory_mb=decoders.memory_mb(host, FULL_DECODER[0].settings, words_p50))

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:
        """One with its rivals when thorough, else none."""
        if effort is not Effort.THOROUGH:
            return []
        rows = FULL_ENCODER if task.approach == _LABELLED else FULL_DECODER
        return [recipe_of(self.name, rows, effort, seed)]

    def train(
        self,
        recipe: Recipe,
        task: Task,
        *,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],
        folder: Path,
        scratch: Path,
        host: Host,
        progress: Progress,
    ) -> Trained:
        """Learn; goes on from the newest checkpoint in ``scratch``. The alarm is "collapsed" when it stayed so."""
        from engine.train import _classify, _write

        work = Work(
            recipe=recipe,
            task=task,
            train=train,
            dev=dev,
            folder=folder,
            scratch=scratch,
            host=host,
            progress=progress,
            shared=scratch.parent,
        )
        if task.approach == _LABELLED:
            return trained(work, _classify.learn_whole, _classify.try_whole if host.workers == 1 else None)
        return trained(work, _write.learn_whole, _write.try_whole if _write.may_race(host) else None)

    def load(self, folder: Path, host: Host) -> Answerer:
        """The candidate as an answerer."""
        from engine.train import _causal, _classify

        if (folder / "classes.json").exists():
            return _classify.loaded_whole(folder, host)
        return _causal.loaded_whole(folder, host)
