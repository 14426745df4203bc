"""Preference pairs: after the training on what people send, the adapter learns to leave what they would not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.approaches import Task
from engine.errors import OutOfMemory
from engine.models.investigation import Effort
from engine.models.labels import PAIRS_LEAST
from engine.train import Host, Trained, TrainingRow
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look
from engine.train.ladder import host_of, rung_of
from engine.train.profile import Profile
from tests.training.tiny import tiny_decoder

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]

COLOURS = ("red", "green", "blue", "black")
ROWS = [
    TrainingRow(
        id=str(number),
        input=f"the {colour} parcel {number} is late",
        output=f"Sorry, your {colour} parcel comes soon.",
        rejected=f"Dear customer, {colour}!",
    )
    for number in range(PAIRS_LEAST // len(COLOURS))
    for colour in COLOURS
]
SFT_STEPS, PAIR_STEPS = PAIRS_LEAST // 40, PAIRS_LEAST // 4


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    import_module("torch").set_num_threads(1)
    texts = [f"{row.input} {row.output} {row.rejected}" for row in ROWS]
    folder = tiny_decoder(tmp_path_factory.mktemp("decoder") / "tiny", texts)
    return replace(host_of("", str(folder)), device="cpu")


def train(
    host: Host,
    home: Path,
    rows: list[TrainingRow] = ROWS,
    progress: Callable[[int, int, float | None], None] = lambda *_: None,
    **settings: float,
) -> Trained:
    rung, task = rung_of("lora_causal"), Task(approach="voice")
    recipe = rung.recipes(Effort.NORMAL, 7, task)[0]
    recipe = recipe.model_copy(
        update={"settings": {**recipe.settings, "lr": 2e-3, "epochs": 1, "batch": 40, **settings}}
    )
    folder, scratch = home / "folder", home / "scratch" / "job"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scratch.mkdir(parents=True, exist_ok=True)
    return rung.train(
        recipe, task, train=rows, dev=ROWS[:8], folder=folder, scratch=scratch, host=host, progress=progress
    )


def weights(home: Path) -> dict[str, Any]:
    return import_module("engine.train._tensors").load(home / "folder" / "adapter_model.safetensors")


def test_200_pairs_are_learned_from_after_the_rest_and_the_chosen_texts_become_likelier(
    host: Host, tmp_path: Path
) -> None:
    steps: list[tuple[int, int]] = []
    trained = train(host, tmp_path, progress=lambda step, of, _: steps.append((step, of)))
    assert trained.facts is not None
    whole = SFT_STEPS + PAIR_STEPS
    assert steps == [(step, whole) for step in range(1, whole + 1)]  # one bar for both
    assert trained.facts["pairs"] == PAIRS_LEAST
    assert trained.facts["pairs_undone"] == ""
    assert float(trained.facts["preferred"]) >= float(trained.facts["preferred_before"])
    fewer = train(host, tmp_path / "fewer", rows=ROWS[1:])
    assert fewer.facts is not None
    assert "pairs" not in fewer.facts


def test_killed_among_the_pairs_it_goes_on_there_and_ends_with_the_same_weights(host: Host, tmp_path: Path) -> None:
    def until(step: int, _of: int, _loss: float | None) -> None:
        if step == SFT_STEPS + PAIR_STEPS // 2 + 1:
            raise Killed

    train(host, tmp_path / "whole")
    with pytest.raises(Killed):
        train(host, tmp_path / "cut", progress=until)
    steps: list[int] = []
    train(host, tmp_path / "cut", progress=lambda step, *_: steps.append(step))
    assert min(step for step in steps if step > SFT_STEPS) > SFT_STEPS + PAIR_STEPS // 4
    there, here = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert there.keys() == here.keys()
    assert all((there[name] == here[name]).all() for name in there)


class Pairs:
    """A decoder with an adapter, and some rows' pairs."""

    def __init__(self, folder: Path, rows: list[TrainingRow]) -> None:
        modules = [import_module(f"engine.train.{name}") for name in ("_decoder", "_causal", "_loop", "_pairs")]
        decoder, causal, loop, self.module = modules
        profile = Profile("cpu", 1, "fp32", 1.0)
        self.decoder = decoder.Decoder(folder, profile)
        dials = loop.Dials(lr=1e-3, epochs=1, batch=4, mega=50, rank=8, alpha=16.0, seed=3)
        self.causal = causal.Causal(self.decoder, dials, profile)
        self.pairs = self.module.pairs_of(self.decoder, rows)
        self.preferences = self.module.Preferences(self.decoder, self.causal, self.pairs)

    def taught(self, scratch: Path, look: Look) -> Any:
        checkpoints = Checkpoints(scratch, 2)
        return self.preferences.run(self.pairs, lambda: look, seed=1, checkpoints=checkpoints, progress=lambda *_: None)


def test_the_loss_is_the_papers(host: Host) -> None:
    made = Pairs(Path(host.decoder), ROWS[:4])
    torch = import_module("torch")
    assert made.preferences.loss([0, 1, 2, 3]).item() == pytest.approx(0.6931472)  # the adapter begins as nothing
    with torch.no_grad():
        for part in made.causal.parts:
            part.add_(0.02)

    def likely(text: Any) -> Any:
        ids = torch.tensor([text.ids])
        said = made.decoder.model(input_ids=ids).logits[0, text.start - 1 : -1].log_softmax(-1)
        return said.gather(1, ids[0, text.start :, None]).sum()

    with torch.no_grad():
        now = torch.stack([likely(pair.chosen) - likely(pair.rejected) for pair in made.pairs])
        with made.decoder.model.disable_adapter():
            before = torch.stack([likely(pair.chosen) - likely(pair.rejected) for pair in made.pairs])
        wanted = -torch.log(torch.sigmoid(0.1 * (now - before))).mean()
        assert made.preferences.loss([0, 1, 2, 3]).item() == pytest.approx(wanted.item(), rel=1e-4)
    assert wanted.item() != pytest.approx(0.6931472, abs=1e-4)


def test_what_collapses_among_the_pairs_is_put_back_and_said(host: Host, tmp_path: Path) -> None:
    made = Pairs(Path(host.decoder), ROWS[:8])
    was = [part.detach().clone() for part in made.causal.parts]
    taught = made.taught(tmp_path, Look(0.0, 0.0, "all of 8 dev answers are the same"))
    assert taught.undone == "all of 8 dev answers are the same"
    assert taught.after == taught.before
    assert all((part == one).all() for part, one in zip(made.causal.parts, was, strict=True))


def test_what_does_not_fit_among_the_pairs_is_put_back_and_said(host: Host, tmp_path: Path) -> None:
    made = Pairs(Path(host.decoder), ROWS[:8])
    was = [part.detach().clone() for part in made.causal.parts]

    def full() -> Look:
        raise OutOfMemory("the device ran out of memory with batches of 4")

    told = made.preferences.run(
        made.pairs, full, seed=1, checkpoints=Checkpoints(tmp_path, 2), progress=lambda *_: None
    )
    assert (told.undone, told.after) == ("the device ran out of memory", told.before)
    assert all((part == one).all() for part, one in zip(made.causal.parts, was, strict=True))


def test_without_dev_pairs_no_share_is_told(host: Host, tmp_path: Path) -> None:
    made = Pairs(Path(host.decoder), ROWS[:4])
    told = made.preferences.run(
        [], lambda: Look(1.0, 1.0), seed=1, checkpoints=Checkpoints(tmp_path, 1), progress=lambda *_: None
    )
    assert told.facts == {"pairs": 4, "pairs_undone": ""}


def test_a_real_decoder_finds_the_chosen_texts_likelier_after_two_steps(decoder: str, tmp_path: Path) -> None:
    made = Pairs(Path(decoder), ROWS[:8])
    taught = made.taught(tmp_path, Look(0.0, 0.0))
    margin = made.preferences.gaps(made.pairs) - made.preferences.reference
    assert taught.undone == ""
    assert margin.mean().item() > 0.05
    assert (margin > 0).sum().item() >= 7
