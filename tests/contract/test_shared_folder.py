"""Checkpoints on their way from one host to another: whole or not there, ours and those of transformers' Trainer."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from engine.jobs import remote
from engine.runners.folder import Attempt, Ended
from engine.runners.shared import SharedFolder


def fetched(shared: SharedFolder, scratch: Path) -> dict[str, str]:
    shared.fetch(scratch)
    return {str(path.relative_to(scratch)): path.read_text() for path in scratch.rglob("*") if path.is_file()}


def test_the_newest_checkpoints_are_on_the_next_host_and_half_ones_are_not(tmp_path: Path) -> None:
    here, shared = tmp_path / "here", SharedFolder(f"local://{tmp_path}/store", "train-1")
    (here / "checkpoints").mkdir(parents=True)
    (here / "checkpoints" / "00000012.safetensors").write_text("weights")
    shared.keep(here)
    assert fetched(shared, tmp_path / "second") == {}
    (here / "checkpoints" / "00000012.json").write_text("{}")
    shared.keep(here)
    (here / "pairs" / "checkpoints").mkdir(parents=True)  # a second stage keeps its own beside those of the first
    for end in ("safetensors", "json"):
        (here / "pairs" / "checkpoints" / f"00000003.{end}").write_text(end)
    shared.keep(here)
    assert fetched(shared, tmp_path / "third") == {
        "checkpoints/00000012.safetensors": "weights",
        "checkpoints/00000012.json": "{}",
        "pairs/checkpoints/00000003.safetensors": "safetensors",
        "pairs/checkpoints/00000003.json": "json",
    }


def test_of_two_hosts_that_fail_together_the_first_cause_is_kept_and_a_later_attempt_counts(tmp_path: Path) -> None:
    shared = SharedFolder(f"local://{tmp_path}/store", "train-1")
    shared.begin(Attempt(number=1, tries=1))
    for attempt, cause in ((1, "a text is too long"), (1, "another host does not answer"), (2, "the disk is full")):
        remote.hand_in(shared, Ended(attempt=attempt, state="failed", cause=cause))
        if attempt == 1:
            assert shared.ended() == Ended(attempt=1, state="failed", cause="a text is too long")
    assert shared.ended() == Ended(attempt=2, state="failed", cause="the disk is full")


class Dying(SharedFolder):
    """On a host that dies when it clears up."""

    def forget_scratch(self) -> None:
        raise Killed


class Killed(BaseException):
    pass


def test_a_result_is_in_the_store_before_the_checkpoints_go(tmp_path: Path) -> None:
    dying = Dying(f"local://{tmp_path}/store", "train-1")
    dying.begin(Attempt(number=1, tries=1))
    with pytest.raises(Killed):
        remote.hand_in(dying, Ended(attempt=1, state="done", result={"artifact": "a"}))
    assert SharedFolder(f"local://{tmp_path}/store", "train-1").ended() is not None


def test_a_look_at_checkpoints_bears_that_the_training_lets_go_of_folders_meanwhile(tmp_path: Path) -> None:
    shared, over = SharedFolder(f"local://{tmp_path}/store", "train-1"), threading.Event()

    def race() -> None:
        while not over.is_set():
            (tmp_path / "here" / "rival-1" / "deep").mkdir(parents=True)
            shutil.rmtree(tmp_path / "here" / "rival-1")

    rivals = threading.Thread(target=race)
    rivals.start()
    try:
        for _ in range(3_000):
            shared.keep(tmp_path / "here")
    finally:
        over.set()
        rivals.join()


def test_a_checkpoint_of_the_trainer_is_a_folder_and_the_old_one_goes(tmp_path: Path) -> None:
    here, shared = tmp_path / "here", SharedFolder(f"local://{tmp_path}/store", "train-1")
    for step in (5, 10, 15):
        folder = here / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "optimizer.pt").write_text(f"moments {step}")
        if step < 15:
            (folder / "trainer_state.json").write_text("{}")
        shared.keep(here)
    for path in (here / "checkpoint-5").iterdir():
        path.unlink()
    shared.keep(here)
    (here / "lowered").touch()
    shared.keep(here)
    assert fetched(shared, tmp_path / "second") == {
        "checkpoint-10/optimizer.pt": "moments 10",
        "checkpoint-10/trainer_state.json": "{}",
        "lowered": "",
    }


def test_what_a_race_told_and_that_its_winner_was_begun_again_are_on_the_next_host(tmp_path: Path) -> None:
    here, shared = tmp_path / "here", SharedFolder(f"local://{tmp_path}/store", "train-1")
    (here / "rival-0").mkdir(parents=True)
    for told in ('{"0 rival-0": 1.5}', '{"0 rival-0": 1.5, "0 rival-1": 2.5}'):
        (here / "race.json").write_text(told)
        shared.keep(here)
    (here / "rival-0" / "lowered").touch()
    shared.keep(here)
    assert fetched(shared, tmp_path / "second") == {"race.json": told, "rival-0/lowered": ""}
