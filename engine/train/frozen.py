"""A frozen sentence encoder under logistic regression: what a few seconds of real weights give."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow
from engine.train.encoders import weights_mb, why_not
from engine.train.profile import facts, profile_of


class Frozen:
    """Mean-pooled features of length 1, logistic regression, C picked inside train by cross-validation."""

    number = 2
    name = "frozen"

    def fits(self, host: Host, task: Task) -> str:
        """Where encoder weights are."""
        return why_not(host, task, "torch", "transformers", "sklearn")

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:  # noqa: ARG002 (classes alone)
        """Measured on 2 cores; a GPU only makes it shorter."""
        return Quote(
            seconds=8.0 + rows * (0.004 + words_p50 * 1e-4) / host.cores, memory_mb=800 + weights_mb(host) + rows // 50
        )

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:  # noqa: ARG002 (the same for every task)
        """One."""
        return [Recipe(rung=self.name, name="frozen", seed=seed)]

    def train(
        self,
        recipe: Recipe,
        task: Task,
        *,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],  # noqa: ARG002 (C is picked inside train)
        folder: Path,
        scratch: Path,
        host: Host,
        progress: Progress,
    ) -> Trained:
        """Encode (what is kept beside ``scratch`` is not encoded again), then fit."""
        from engine.train import _answerer, _features, _linear, _torch

        began = time.perf_counter()
        profile = profile_of(host, scratch.parent)
        encoder = _torch.Encoder(host.encoder, profile)
        sha = _features.encoder_sha(host.encoder)
        texts = [row.input for row in train]
        features = _features.features(encoder, texts, sha=sha, shared=scratch.parent, progress=progress)
        wanted = _linear.targets(train, task)
        head, c = _linear.logistic_head(features, wanted, classes=len(task.classes), seed=recipe.seed)
        head.save(folder)
        _answerer.note_classes(folder, task)
        _features.note_encoder(folder, host.encoder, profile.precision)
        progress(len(train) + 1, len(train) + 1, None)
        return Trained(seconds=time.perf_counter() - began, facts={"c": c, **facts(profile)})

    def load(self, folder: Path, host: Host) -> Answerer:
        """The candidate as an answerer."""
        from engine.train import _answerer, _linear

        encoder = _answerer.noted_encoder(folder, host)
        return _answerer.EncoderAnswerer(encoder, _linear.Head.load(folder), _answerer.noted_task(folder))
