"""LoRA on a small chat model that writes its answer: the rung for what is no label of a list (docs/engine.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow
from engine.train.decoders import memory_mb, why_not, written_seconds
from engine.train.recipes import LORA_CAUSAL, adapted
from engine.train.work import Work, trained

_WRITTEN = "classify"  # the approach with cheaper rungs of its own: there it waits for the thorough effort


class LoraCausal:
    """Adapts a decoder; the loss is on the answer alone, and answers are greedy."""

    number = 4
    name = "lora_causal"

    def fits(self, host: Host, task: Task) -> str:  # noqa: ARG002 (it writes whatever the task wants)
        """Where decoder weights with a chat template are."""
        return why_not(host)

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:  # noqa: ARG002 (whatever it writes)
        """Measured on 2 cores with 135 M weights; a larger decoder takes longer, a GPU makes it shorter."""
        return Quote(
            seconds=30.0 + written_seconds(host, rows, words_p50),
            memory_mb=memory_mb(host, LORA_CAUSAL[0].settings, words_p50),
        )

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:
        """None when quick, nor when normal where something cheaper can answer; else one with its rivals."""
        waits = task.approach == _WRITTEN and effort is not Effort.THOROUGH
        return [] if waits else adapted(self.name, LORA_CAUSAL, effort, seed)

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
        from engine.train import _write

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
        return trained(work, _write.adapt, _write.try_adapting if _write.may_race(host) else None)

    def load(self, folder: Path, host: Host) -> Answerer:
        """The candidate as an answerer; the adapter is merged into the decoder."""
        from engine.train import _causal

        return _causal.loaded(folder, host)
