"""When a training is kept, and where: the last two checkpoints, each whole or not there. Imports no torch."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from engine.errors import WorkFailed

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
EVERY_SHARE = 0.1
WORTH = 10.0  # times what the last one took must lie between two, so that a large model is not mostly written
KEPT = 2

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """State after ``step`` steps: arrays, and small facts as JSON."""

    step: int
    arrays: Arrays
    facts: dict[str, Any]


class Pace:
    """When a checkpoint is due in a training of so many steps. ``clock`` counts seconds."""

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = max(1, round(steps * EVERY_SHARE))
        self._clock = clock
        self._kept_at = clock()
        self._took = 0.0

    def is_due(self, step: int) -> bool:
        """After 60 s or a tenth of the steps, whichever comes first; never more than a tenth of the time is for it."""
        since = self._clock() - self._kept_at
        return since >= WORTH * self._took and (step % self._every == 0 or since >= EVERY_SECONDS)

    def begin(self, took: float = 0.0) -> None:
        """One was kept just now, in so many seconds."""
        self._kept_at = self._clock()
        self._took = took


class Checkpoints:
    """The checkpoints of one training in its scratch folder. ``clock`` counts seconds."""

    def __init__(self, scratch: Path, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.scratch = scratch
        self._folder = scratch / "checkpoints"
        self._clock = clock
        self._pace = Pace(steps, clock)

    def is_due(self, step: int) -> bool:
        """After 60 s or a tenth of the steps, whichever comes first."""
        return self._pace.is_due(step)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write it, then let go of all but the last two."""
        began = self._clock()
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays = self._folder / f"{checkpoint.step:08d}.safetensors"
        _files().save(arrays, checkpoint.arrays)
        draft = arrays.with_suffix(".draft")
        draft.write_text(json.dumps(checkpoint.facts), encoding="utf-8")
        draft.rename(arrays.with_suffix(".json"))  # last: without it the checkpoint is not there
        for old in self._whole()[:-KEPT]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)
        self._pace.begin(self._clock() - began)

    def newest(self) -> Checkpoint | None:
        """What to go on from; none at the beginning. A damaged one is passed over for the one before."""
        for kept in reversed(self._whole()):
            try:
                arrays = _files().load(kept.with_suffix(".safetensors"))
            except WorkFailed:
                log.warning("checkpoint.damaged", extra={"step": int(kept.stem)})
                continue
            return Checkpoint(int(kept.stem), arrays, json.loads(kept.read_text(encoding="utf-8")))
        return None

    def forget(self) -> None:
        """Begin again: nothing is kept of before."""
        for path in self._whole():
            path.unlink()
            path.with_suffix(".safetensors").unlink(missing_ok=True)
        for folder in self.scratch.glob("checkpoint-*"):  # the Trainer's own
            shutil.rmtree(folder)

    def _whole(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*.json") if path.with_suffix(".safetensors").exists())


def _files() -> ModuleType:
    from engine.train import _tensors  # control reads this file where no safetensors are installed

    return _tensors
