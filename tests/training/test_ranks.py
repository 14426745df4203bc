"""Two processes that share a training take the steps that one would take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.ranks import STOP, trained

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]


def test_two_processes_learn_what_one_learns_and_go_on_from_the_checkpoint_of_the_one_that_leads(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-m", "tests.training.ranks", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen([*words, str(number)], env=environment) for number in range(2)]
    alone = trained(tmp_path / "alone")
    assert [one.wait(timeout=240) for one in both] == [0, 0]
    told = [json.loads((tmp_path / f"told-{number}.json").read_text()) for number in range(2)]
    for shared in told:
        for way in ("whole", "cut"):
            assert shared[way]["weights"] == pytest.approx(alone["weights"], abs=1e-5)
            assert shared[way]["loss"] == pytest.approx(alone["loss"], abs=1e-5)
            assert shared[way]["steps"] == alone["steps"]
    assert told[0]["whole"]["weights"] == told[1]["whole"]["weights"]
    assert [len(shared["whole"]["looks"]) for shared in told] == [2, 0]  # one of them looks at dev, for both
    assert [shared["cut"]["from"] for shared in told] == [STOP, STOP]
    assert not (tmp_path / "cut-1" / "checkpoints").exists()
