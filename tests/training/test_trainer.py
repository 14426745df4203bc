"""LoRA steps by transformers' Trainer, the way taken on a GPU, held on a processor to what our own loop promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Diverged, OutOfMemory
from engine.train import TrainingRow
from engine.train.checkpoint import Checkpoints
from engine.train.profile import Profile
from tests.training.tiny import tiny_decoder

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]

PLAIN = Profile("cpu", 1, "fp32", 1.0)
ROWS = [
    TrainingRow(id=f"{colour}{size}", input=f"a {size} {colour} house", output=f"It is {colour}.")
    for size in ("big", "small", "old", "new" * 4)
    for colour in ("red", "green", "blue", "black")
]


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import_module("torch").set_num_threads(1)
    texts = [f"{row.input} {row.output}" for row in ROWS]
    return tiny_decoder(tmp_path_factory.mktemp("decoder") / "tiny", texts)


def causal(folder: Path, profile: Profile, **dials: Any) -> tuple[Any, Any, list[Any]]:
    modules = [import_module(f"engine.train.{name}") for name in ("_decoder", "_causal", "_loop")]
    decoder = modules[0].Decoder(folder, replace(profile, is_packed=False))  # flash attention is no processor's
    rows = [decoder.row(row.input, row.output) for row in ROWS]
    made = {"lr": 5e-3, "epochs": 3, "batch": 4, "mega": 50, "rank": 8, "alpha": 16, "seed": 5, **dials}
    return decoder, modules[2].Dials(**made), rows


def train(
    folder: Path,
    scratch: Path,
    profile: Profile = PLAIN,
    progress: Callable[[int, int, float | None], None] = lambda *_: None,
    **dials: Any,
) -> Any:
    decoder, made, rows = causal(folder, profile, **dials)
    import_module("engine.train._causal").Causal(decoder, made, profile)  # puts the adapters on
    run = import_module("engine.train._trainer").run
    trail, gathered = run(decoder, rows, made, profile=profile, scratch=scratch, progress=progress)
    assert gathered is None
    return trail


@pytest.mark.parametrize("is_packed", [False, True])
def test_its_first_loss_is_that_of_our_own_loop_padded_or_packed(folder: Path, tmp_path: Path, is_packed: bool) -> None:
    decoder, _, rows = causal(folder, PLAIN)
    ours = decoder.loss(rows).item()
    trail = train(folder, tmp_path, replace(PLAIN, is_packed=is_packed), batch=len(ROWS), epochs=1)
    assert trail.first_loss == pytest.approx(ours, rel=1e-4)


def test_killed_half_way_it_goes_on_where_it_was_and_ends_alike(folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def until_half(step: int, of: int, _loss: float | None) -> None:
        if step > of // 2:
            raise Killed

    whole = train(folder, tmp_path / "whole")
    with pytest.raises(Killed):
        train(folder, tmp_path / "cut", progress=until_half)
    again = train(folder, tmp_path / "cut", progress=lambda step, of, _: told.append((step, of)))
    assert told[0][0] > 1
    assert told[-1] == (12, 12)
    assert (again.step, again.first_loss) == (whole.step, whole.first_loss)
    assert again.loss == pytest.approx(whole.loss, rel=0.05)  # the rest of its epoch may come in another order
    assert whole.loss < 0.9 * whole.first_loss
    assert len(list((tmp_path / "cut").glob("checkpoint-*"))) == 2
    Checkpoints(tmp_path / "cut", 1).forget()
    assert import_module("engine.train._trainer").newest(tmp_path / "cut") is None


def test_a_shortage_of_memory_is_answered_by_halves_and_the_third_ends_it(folder: Path, tmp_path: Path) -> None:
    torch = import_module("torch")

    def full(room: int) -> Callable[[int, int, float | None], None]:
        left = [room]

        def progress(_step: int, _of: int, _loss: float | None) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

        return progress

    trail = train(folder, tmp_path / "once", progress=full(1))
    assert (trail.step, trail.halved) == (12, 1)
    with pytest.raises(OutOfMemory, match="batches of 4, then with 1 of their rows"):
        train(folder, tmp_path / "ever", progress=full(9))


def test_a_loss_that_is_no_number_ends_it(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="the loss became"):
        train(folder, tmp_path, lr=1e30)


def test_a_candidate_trained_that_way_is_kept_like_any_other(folder: Path, tmp_path: Path) -> None:
    module = import_module("engine.train._causal")
    decoder, dials, rows = causal(folder, PLAIN)
    decoder.model.set_attn_implementation("eager")  # in the place of flash attention, which answers nothing in fp32
    made = module.Causal(decoder, dials, _Gpu("cpu", 1, "fp32", 1.0, is_packed=True))
    trail = made.run(
        rows, ROWS[:4], longest=8, checkpoints=Checkpoints(tmp_path / "scratch", 12), progress=lambda *_: None
    )
    made.save(tmp_path, folder)
    assert trail.step == 12
    assert len(trail.looks) == 1
    assert decoder.model.config._attn_implementation == "sdpa"
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {path.name for path in tmp_path.iterdir()}


class _Gpu(Profile):
    """A processor's profile that trains as a GPU does."""

    @property
    def has_trainer(self) -> bool:
        return True
