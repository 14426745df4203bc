"""Memory that runs out: the batch is taken in halves, then in quarters, and teaches the same; then it is said."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import OutOfMemory
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]

ROWS, WIDTH, BATCH = 32, 4, 8


@dataclass
class Device:
    """A linear model on a device that holds only so many rows at once, and says it is full as torch does."""

    room: int
    asked: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        torch = import_module("torch")
        rng = np.random.default_rng(3)
        self.seen = torch.tensor(rng.normal(size=(ROWS, WIDTH)), dtype=torch.float32)
        self.wanted = torch.tensor(rng.normal(size=ROWS), dtype=torch.float32)
        self.tokens = rng.integers(1, 9, ROWS).tolist()
        self.part = torch.nn.Parameter(torch.zeros(WIDTH))

    def weight(self, places: list[int]) -> int:
        return sum(self.tokens[place] for place in places)

    def loss(self, places: list[int]) -> Any:
        """The mean over the rows' tokens."""
        torch = import_module("torch")
        self.asked.append(len(places))
        if len(places) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        counts = torch.tensor([self.tokens[place] for place in places])
        apart = (self.seen[places] @ self.part - self.wanted[places]) ** 2
        return (apart * counts).sum() / counts.sum()


def unlooked(_last: bool) -> Look:
    return Look(0.0, 0.0)


def learn(device: Device, scratch: Path, stop_after: int = 10**9) -> Any:
    loop = import_module("engine.train._loop")
    dials = loop.Dials(lr=0.05, epochs=3, batch=BATCH, mega=50, rank=1, alpha=1.0, seed=5)

    def progress(step: int, _of: int, _loss: float | None) -> None:
        if step >= stop_after:
            raise KeyboardInterrupt

    return loop.Loop([loop.Group(parts=[device.part], decays=True)], dials).run(
        loop.Lesson(rows=[[0]] * ROWS, loss_of=device.loss, weight_of=device.weight),
        unlooked,
        checkpoints=Checkpoints(scratch, dials.steps(ROWS)),
        progress=progress,
    )


@pytest.mark.parametrize(("room", "halved"), [(8, 0), (4, 1), (7, 1), (2, 2)])
def test_a_batch_in_parts_teaches_what_the_whole_batch_does(tmp_path: Path, room: int, halved: int) -> None:
    whole, small = Device(room=ROWS), Device(room=room)
    there, here = learn(whole, tmp_path / "whole"), learn(small, tmp_path / "small")
    assert (here.step, here.halved) == (there.step, halved) == (12, halved)
    assert here.loss == pytest.approx(there.loss, rel=1e-5)
    assert small.part.detach().numpy() == pytest.approx(whole.part.detach().numpy(), abs=1e-6)
    assert small.asked[halved:] == [BATCH >> halved] * (12 << halved)  # what was too much is never tried again


def test_a_third_shortage_ends_it_and_says_what_to_do(tmp_path: Path) -> None:
    device = Device(room=1)
    with pytest.raises(OutOfMemory, match="batches of 8, then with 2 of their rows at a time; shorten") as caught:
        learn(device, tmp_path)
    assert "ASSAY_ENCODER" in str(caught.value)
    assert device.asked == [8, 4, 2]


def test_a_resumed_training_does_not_run_out_of_memory_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learn(Device(room=4), tmp_path, stop_after=6)
    device = Device(room=4)
    trail = learn(device, tmp_path)
    assert (trail.step, trail.halved) == (12, 1)
    assert set(device.asked) == {4}
    assert asdict(trail)["halved"] == 1


def test_answers_are_asked_for_in_parts_too_and_other_errors_are_not_taken_for_a_shortage() -> None:
    portions = import_module("engine.train._memory").Portions()
    answered: list[int] = []

    def answer(places: list[int]) -> None:
        if len(places) > 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
        answered.extend(places)

    portions.through([4, 5, 6, 7, 8], answer)
    assert answered == [4, 5, 6, 7, 8]
    assert portions.halved == 1

    def broken(_places: list[int]) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        portions.through([1, 2], broken)
    assert portions.halved == 1
