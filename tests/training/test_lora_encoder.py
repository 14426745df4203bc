"""The LoRA encoder where it is most likely to go wrong: collapse, kill, cancel, and its files in others' hands."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest

from engine.approaches import Task
from engine.models.investigation import Effort
from engine.runners import JobStatus
from engine.testing.corpus import CLASSES
from engine.train import TrainingRow
from engine.train.ladder import host_of, rung_of
from tests.training.home import Home, real_rows
from tests.waiting import eventually

HOST = host_of("")
TASK = Task(approach="classify", classes=CLASSES)
RUNG = rung_of("lora_encoder")

pytestmark = [
    pytest.mark.torch,
    pytest.mark.xdist_group("torch"),
    pytest.mark.usefixtures("encoder"),
]


@pytest.fixture(scope="module", autouse=True)
def torch_on_one_thread() -> object:
    import torch

    torch.set_num_threads(1)
    return torch


def rows(count: int, skip: int = 0) -> list[TrainingRow]:
    return [TrainingRow(id=row.id, input=row.input, output=row.output) for row in real_rows(count, skip)]


def test_a_recipe_built_to_collapse_is_tried_once_more_and_marked(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "folder", tmp_path / "scratch" / "job"
    folder.mkdir()
    scratch.mkdir(parents=True)
    recipe = RUNG.recipes(Effort.NORMAL, 3, TASK)[0]
    wild = recipe.model_copy(update={"settings": {**recipe.settings, "lr": 3.0}})
    trained = RUNG.train(
        wild,
        TASK,
        train=rows(96),
        dev=rows(120, skip=96),
        folder=folder,
        scratch=scratch,
        host=HOST,
        progress=lambda *_: None,
    )
    assert trained.alarm == "collapsed"
    assert trained.facts is not None
    assert trained.facts["lr"] == 1.0
    assert trained.facts["why"]


def test_recipes_race_and_a_hopeless_one_does_not_go_on(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "folder", tmp_path / "scratch" / "job"
    folder.mkdir()
    scratch.mkdir(parents=True)
    first = RUNG.recipes(Effort.NORMAL, 3, TASK)[0]
    settings = {**first.settings, "epochs": 1, "batch": 1}
    wild, tame = ({**settings, "lr": lr} for lr in (3.0, 1e-4))
    rivals = tuple(first.model_copy(update={"settings": one, "rivals": ()}) for one in (tame, wild))
    trained = RUNG.train(
        first.model_copy(update={"settings": wild, "rivals": rivals}),
        TASK,
        train=rows(120),
        dev=rows(60, skip=120),
        folder=folder,
        scratch=scratch,
        host=HOST,
        progress=lambda *_: None,
    )
    assert trained.recipe is not None
    assert trained.recipe.settings["lr"] == 1e-4
    assert trained.facts is not None
    assert (trained.facts["raced"], trained.facts["steps"], trained.alarm) == (3, 120, "")
    assert len(RUNG.load(folder, HOST).answer(["fine", "bad"])) == 2


def test_peft_reads_the_adapter_and_says_the_same(tmp_path: Path) -> None:
    from engine.train import _adapter, _torch
    from engine.train.profile import Profile

    profile = Profile("cpu", HOST.cores, "fp32", 1.0)
    encoder = _torch.Encoder(HOST.encoder, profile)
    texts = [row.input for row in rows(8)]
    plain = encoder.features(encoder.tokens(texts))
    adapted = _adapter.adapt(encoder, encoder.depth // 2, rank=16, alpha=32, seed=5)
    for lora in adapted.values():
        lora.up.data.normal_(0.0, 0.02)
    ours = encoder.features(encoder.tokens(texts))
    _adapter.save(tmp_path, adapted, rank=16, alpha=32, base="base")
    merged = _torch.Encoder(HOST.encoder, profile)
    _adapter.merge(merged, tmp_path)
    theirs = _torch.Encoder(HOST.encoder, profile)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # others' deprecations are not what is tested
        import peft

        theirs.model = peft.PeftModel.from_pretrained(theirs.model, tmp_path).merge_and_unload()
    assert len(adapted) == 6 * (encoder.depth - encoder.depth // 2)
    assert np.abs(ours - plain).max() > 1e-3
    assert np.abs(merged.features(merged.tokens(texts)) - ours).max() < 1e-5
    assert np.abs(theirs.features(theirs.tokens(texts)) - ours).max() < 1e-5


def test_layers_run_one_by_one_say_what_the_whole_model_says(torch_on_one_thread: object) -> None:
    import torch

    from engine.train import _torch
    from engine.train.profile import Profile

    encoder = _torch.Encoder(HOST.encoder, Profile("cpu", HOST.cores, "fp32", 1.0))
    tokens = encoder.tokens(["short", "a somewhat longer sentence, with a comma", "x " * 700])
    assert len(tokens[2]) == 256
    with torch.no_grad():
        whole = [
            torch.nn.functional.normalize(encoder.model(torch.tensor([ids])).last_hidden_state.mean(1), dim=1).numpy()
            for ids in tokens
        ]
    assert np.abs(np.concatenate(whole) - encoder.features(tokens)).max() < 1e-5
    halves = encoder.prefixes(tokens, 3)
    hidden, mask = _torch.padded(halves, encoder.device)
    with torch.no_grad():
        joined = _torch.pooled(encoder.through(hidden, mask, 3, encoder.depth), mask).numpy()
    assert np.abs(joined - encoder.features(tokens)).max() < 1e-5
    encoder.fold()
    assert np.abs(joined - encoder.features(tokens)).max() < 1e-5


@pytest.mark.processes
def test_killed_in_training_it_goes_on_where_it_was_and_cancelled_it_is_dead_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    settings: dict[str, float] = {"lr": 1e-3, "epochs": 2, "rank": 16, "alpha": 32, "batch": 4}
    spec = home.training(real_rows(240), rung="lora_encoder", settings=settings, dev=real_rows(60, skip=240))
    home.runner.ensure(spec)
    eventually(lambda: home.runner.poll(spec.job_id).step >= 14, seconds=240)  # a checkpoint is kept every 12 steps
    owner = home.folder(spec).owner()
    assert owner is not None
    os.killpg(owner.pid, signal.SIGKILL)
    eventually(lambda: home.runner.poll(spec.job_id).status is JobStatus.GONE)
    written = len((home.folder(spec).path / "progress.jsonl").read_text().splitlines())

    home.runner.ensure(spec)
    eventually(lambda: len(later_steps(home.folder(spec).path, written)) > 1, seconds=240)
    assert later_steps(home.folder(spec).path, written)[0] >= 12

    home.runner.cancel(spec.job_id)
    assert not home.folder(spec).is_alive()
    assert home.runner.poll(spec.job_id).status is JobStatus.GONE  # ended in its midst, not waited for
    assert home.run(spec).status is JobStatus.DONE
    assert home.runner.poll(spec.job_id).result["facts"]["steps"] == 120


def later_steps(folder: Path, skip: int) -> list[int]:
    import json

    lines = (folder / "progress.jsonl").read_text().splitlines()[skip:]
    return [step for step in (json.loads(line)["step"] for line in lines) if step]
