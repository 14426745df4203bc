"""LoRA in the upper half of an encoder, with a head that starts as logistic regression (docs/engine.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow
from engine.train.encoders import weights_mb, why_not
from engine.train.recipes import LORA_ENCODER, adapted
from engine.train.work import Work, trained


class LoraEncoder:
    """Adapts an encoder; the lower half of its layers is run once per row and kept."""

    number = 3
    name = "lora_encoder"

    def fits(self, host: Host, task: Task) -> str:
        """Where encoder weights are."""
        return why_not(host, task, "torch", "transformers", "sklearn")

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:  # noqa: ARG002 (classes alone)
        """Measured on 2 cores; a GPU only makes it shorter."""
        per_row = (0.015 + words_p50 * 8e-4) * 2 / host.cores
        return Quote(seconds=15.0 + rows * per_row, memory_mb=1000 + 3 * weights_mb(host) + rows * words_p50 // 500)

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:  # noqa: ARG002 (the same for every task)
        """None when quick, else one with its rivals."""
        return adapted(self.name, LORA_ENCODER, effort, seed)

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
        """Adapt; goes on from the newest checkpoint in ``scratch``. The alarm is "collapsed" when it stayed so."""
        from engine.train import _classify

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
        return trained(work, _classify.adapt, _classify.try_adapting if host.workers == 1 else None)

    def load(self, folder: Path, host: Host) -> Answerer:
        """The candidate as an answerer; the adapter is merged into the encoder."""
        from engine.train import _adapter, _answerer, _linear

        encoder = _answerer.noted_encoder(folder, host)
        _adapter.merge(encoder, folder)
        return _answerer.EncoderAnswerer(encoder, _linear.Head.load(folder), _answerer.noted_task(folder))
