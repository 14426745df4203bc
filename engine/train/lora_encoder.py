"""LoRA in the upper half of a sentence encoder, its head begun from logistic regression (docs/engine.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow
from engine.train.checkpoint import Checkpoints
from engine.train.encoders import weights_mb, why_not
from engine.train.lowered import tried
from engine.train.profile import MEGA_BATCHES, TRAIN_BATCH, Profile, facts, profile_of

if TYPE_CHECKING:
    from engine.train._loop import Trail

# Set beforehand and never tuned (docs/engine.md).
SETTINGS: dict[str, float | int | str] = {"lr": 1e-3, "epochs": 2, "rank": 16, "alpha": 32, "batch": TRAIN_BATCH}
_SEEDS = {Effort.QUICK: 0, Effort.NORMAL: 1, Effort.THOROUGH: 3}


class LoraEncoder:
    """Adapts an encoder; the lower half of its layers is run once per row and kept."""

    number = 3
    name = "lora_encoder"

    def fits(self, host: Host, task: Task) -> str:
        """Where encoder weights are."""
        return why_not(host, task, "torch", "transformers", "sklearn")

    def quote(self, host: Host, rows: int, words_p50: int) -> Quote:
        """Measured on 2 cores; a GPU only makes it shorter."""
        per_row = (0.015 + words_p50 * 8e-4) * 2 / host.cores
        return Quote(seconds=15.0 + rows * per_row, memory_mb=1000 + 3 * weights_mb(host) + rows * words_p50 // 500)

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:  # noqa: ARG002 (the same for every task)
        """None when quick; one; three seeds when thorough."""
        return [
            Recipe(
                rung=self.name,
                name=self.name if not number else f"{self.name}-s{number}",
                seed=seed + number,
                settings=SETTINGS,
            )
            for number in range(_SEEDS[effort])
        ]

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
        began = time.perf_counter()
        profile = profile_of(host, scratch.parent)
        work = _Work(recipe, task, profile, scratch, host=host, progress=progress)
        trail, rate = work.trained(train, dev, folder)
        found: dict[str, float | int | str] = {
            **facts(profile),
            "steps": trail.step,
            "halved": trail.halved,
            "lr": rate,
            "first_loss": round(trail.first_loss, 4),
            "last_loss": round(trail.loss, 4),
            "dev_accuracy": round(trail.looks[-1].accuracy, 4) if trail.looks else "",
            "why": trail.alarm,
        }
        alarm = "collapsed" if trail.alarm else ""
        return Trained(seconds=time.perf_counter() - began, alarm=alarm, facts=found)

    def load(self, folder: Path, host: Host) -> Answerer:
        """The candidate as an answerer; the adapter is merged into the encoder."""
        from engine.train import _adapter, _answerer, _linear

        encoder = _answerer.noted_encoder(folder, host)
        _adapter.merge(encoder, folder)
        return _answerer.EncoderAnswerer(encoder, _linear.Head.load(folder), _answerer.noted_task(folder))


class _Work:
    """One training: its parts are made once, and tried at the full rate, then at a third of it."""

    def __init__(
        self, recipe: Recipe, task: Task, profile: Profile, scratch: Path, *, host: Host, progress: Progress
    ) -> None:
        self._recipe = recipe
        self._task = task
        self._profile = profile
        self._scratch = scratch
        self._host = host
        self._progress = progress

    def trained(self, train: Sequence[TrainingRow], dev: Sequence[TrainingRow], folder: Path) -> tuple[Trail, float]:
        """The trail of the attempt that counts, and its learning rate; the candidate lies in ``folder``."""
        rate = float(self._recipe.settings["lr"])
        return tried(self._scratch, rate, lambda lr: self._attempt(train, dev, folder, lr))

    def _attempt(self, train: Sequence[TrainingRow], dev: Sequence[TrainingRow], folder: Path, rate: float) -> Trail:
        from engine.train import _adapter, _answerer, _features, _linear, _loop, _torch, _tuner

        settings = self._recipe.settings
        encoder = _torch.Encoder(self._host.encoder, self._profile)
        sha = _features.encoder_sha(self._host.encoder)
        texts = [row.input for row in train]
        wanted = _linear.targets(train, self._task)
        features = _features.features(encoder, texts, sha=sha, shared=self._scratch.parent, progress=self._waits)
        head, _ = _linear.logistic_head(features, wanted, classes=len(self._task.classes), seed=self._recipe.seed)
        start = encoder.depth // 2
        learn = _tuner.Part(states=encoder.prefixes(encoder.tokens(texts), start), wanted=wanted)
        check = _tuner.Part(
            states=encoder.prefixes(encoder.tokens([row.input for row in dev]), start),
            wanted=_linear.targets(dev, self._task),
        )
        dials = _loop.Dials(
            lr=rate,
            epochs=int(settings["epochs"]),
            batch=int(settings["batch"]),
            mega=MEGA_BATCHES,
            rank=int(settings["rank"]),
            alpha=float(settings["alpha"]),
            seed=self._recipe.seed,
        )
        tuner = _tuner.Tuner(encoder, head, start, dials)
        checkpoints = Checkpoints(self._scratch, dials.steps(len(train)))
        trail = tuner.run(learn, check, checkpoints=checkpoints, progress=self._progress)
        _adapter.save(
            folder, tuner.adapted, rank=dials.rank, alpha=dials.alpha, base=_features.encoder_name(self._host.encoder)
        )
        tuner.head().save(folder)
        _answerer.note_classes(folder, self._task)
        _features.note_encoder(folder, self._host.encoder, self._profile.precision)
        return trail

    def _waits(self, _step: int, _of: int, _loss: float | None) -> None:
        self._progress(0, 1, None)  # encoding comes before step 1; telling it lets the job see whether to stop
