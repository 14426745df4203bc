"""One of two processes that train one small model: ``python -m tests.training.ranks FOLDER NUMBER``."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from engine.train import _ranks
from engine.train._loop import Dials, Group, Lesson, Loop
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look

ROWS, WIDTH = 21, 5  # batches of 4: the last of each epoch has one row
STOP = 6  # steps, of 12
DIALS = Dials(lr=0.05, epochs=2, batch=4, mega=2, rank=0, alpha=0.0, seed=3)


class Stop(BaseException):
    """As kill -9: nothing is told."""


def trained(scratch: Path, *, stop: int = 0) -> dict[str, Any]:
    """What came of a training; ``stop`` ends it after so many steps, 0 never."""
    torch.manual_seed(0)
    rows, wanted = torch.randn(ROWS, WIDTH), torch.randint(0, 3, (ROWS,))
    model = nn.Linear(WIDTH, 3)
    if _ranks.number() == 1:  # another kind of host
        model.weight.data += 1e-2
    looks: list[bool] = []
    steps: list[int] = []

    def look_at(last: bool) -> Look:
        looks.append(last)
        return Look(0.5, 0.5)

    def progress(step: int, _of: int, _loss: float | None) -> None:
        steps.append(step)
        if step == stop:
            raise Stop

    lesson = Lesson(
        rows=[[0] * (number % 3) for number in range(ROWS)],
        loss_of=lambda places: nn.functional.cross_entropy(model(rows[places]), wanted[places]),
    )
    trail = Loop([Group(parts=[model.weight], decays=True), Group(parts=[model.bias], decays=False)], DIALS).run(
        lesson, look_at, checkpoints=Checkpoints(scratch, 12, clock=lambda: 0.0), progress=progress
    )
    weights = [float(one) for part in model.parameters() for one in part.detach().flatten()]
    return {"weights": weights, "loss": trail.loss, "steps": trail.step, "looks": looks, "from": steps[0] - 1}


def main(folder: Path, number: int) -> None:
    """Train whole; train again, cut off and gone on with, where only the leading process has checkpoints."""
    distributed.init_process_group("gloo", f"file://{folder / 'meet'}", rank=number, world_size=2)
    whole = trained(folder / f"whole-{number}")
    with suppress(Stop):
        trained(folder / f"cut-{number}", stop=STOP)
    told = {"whole": whole, "cut": trained(folder / f"cut-{number}")}
    (folder / f"told-{number}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
