"""What a job tells while it works, and when it stops by itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.jobs.work import Reporter, Stopped
from engine.runners.folder import JobFolder


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    made = JobFolder(tmp_path)
    made.polled.touch()
    return made


def test_the_newest_step_is_what_was_told_last(folder: JobFolder) -> None:
    report = Reporter(folder)
    report(1, 10, 0.5)
    report(10, 10, 0.25)
    newest = folder.newest_step()
    assert newest is not None
    assert (newest.step, newest.of, newest.loss) == (10, 10, 0.25)


def test_steps_that_follow_at_once_are_told_together_but_the_last_is_told(folder: JobFolder) -> None:
    report = Reporter(folder)
    for step in range(1, 101):
        report(step, 100, None)
    lines = (folder.path / "progress.jsonl").read_text().splitlines()
    assert len(lines) < 50
    assert '"step":100' in lines[-1]


def test_half_a_line_is_no_step(folder: JobFolder) -> None:
    Reporter(folder)(3, 10, None)
    with (folder.path / "progress.jsonl").open("a") as file:
        file.write('{"step":4,')
    newest = folder.newest_step()
    assert newest is not None
    assert newest.step == 3


def test_a_job_that_nobody_looked_at_for_a_quarter_of_an_hour_stops(folder: JobFolder) -> None:
    report = Reporter(folder)
    report(10, 10, None)
    os.utime(folder.polled, (time.time() - 901, time.time() - 901))
    with pytest.raises(Stopped):
        report(10, 10, None)
