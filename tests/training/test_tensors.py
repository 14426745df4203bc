"""Weights on disk: whole or not there, also when the disk takes no more, and never anything but safetensors."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from engine.errors import Diverged, WorkFailed
from engine.train import _tensors, lowered
from engine.train.checkpoint import Checkpoint, Checkpoints

# A file may have 1 MB there: the second checkpoint breaks in the middle of its write, as on a full disk.
FILLING = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from engine.train.checkpoint import Checkpoint, Checkpoints
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
kept = Checkpoints(Path(sys.argv[1]), 10)
kept.keep(Checkpoint(1, {"a": np.ones(10)}, {"loss": 1.0}))
try:
    kept.keep(Checkpoint(2, {"a": np.ones(1 << 20)}, {"loss": 0.5}))
except OSError as error:
    print(error.strerror)
"""


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before_and_no_rest(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FILLING, str(tmp_path)]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.stdout == "File too large\n", said.stderr
    newest = Checkpoints(tmp_path, 10).newest()
    assert newest is not None
    assert (newest.step, newest.facts) == (1, {"loss": 1.0})
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "00000001.json",
        "00000001.safetensors",
    ]


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, 10)
    for step in (1, 2):
        kept.keep(Checkpoint(step, {"a": np.full(100, step)}, {}))
    newest = tmp_path / "checkpoints" / "00000002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-7])
    found = Checkpoints(tmp_path, 10).newest()
    assert found is not None
    assert (found.step, int(found.arrays["a"][0])) == (1, 1)


def test_a_checkpoint_goes_where_its_folder_is_or_says_that_it_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _tensors.save(tmp_path / "gone" / "a.safetensors", {"a": np.ones(2)})
    Checkpoints(tmp_path, 10).keep(Checkpoint(1, {"a": np.ones(2)}, {}))
    assert Checkpoints(tmp_path, 10).newest() is not None


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"", b"\x08\0\0\0\0\0\0\0{}      "[:12]])
def test_a_pickle_and_a_file_cut_short_are_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    path.write_bytes(content)
    with pytest.raises(WorkFailed, match=r"head\.safetensors are damaged, or no safetensors"):
        _tensors.load(path)


def test_what_went_wrong_is_forgotten_before_it_is_noted_that_the_rate_was_lowered(tmp_path: Path) -> None:
    def diverge(_rate: float) -> NoReturn:
        Checkpoints(tmp_path, 10).keep(Checkpoint(3, {"part.0": np.ones(2)}, {}))
        raise Diverged("the loss became nan at step 4")

    (tmp_path / "lowered").symlink_to(tmp_path / "no" / "where")  # the note cannot be written: as if killed there
    with pytest.raises(FileNotFoundError):
        lowered.tried(tmp_path, 1e-3, diverge)
    assert Checkpoints(tmp_path, 10).newest() is None
