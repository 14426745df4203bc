"""The runner that docs/extend.md shows keeps what every runner promises, and its meter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.runners import JobStatus, Runner
from tests.contract.runner_promises import ROWS, RunnerPromises
from tests.shown import shown
from tests.training.home import Home

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]
EXAMPLE = shown("engine/runners/metered.py")


@dataclass
class MeteredHome(Home):
    @property
    def runner(self) -> Runner:
        return EXAMPLE.MeteredRunner(super().runner, self.path / "meter")


@pytest.fixture
def site(tmp_path: Path) -> MeteredHome:
    return MeteredHome(tmp_path)


class TestShownRunner(RunnerPromises):
    pass


def test_the_meter_stops_once_and_stays(site: MeteredHome) -> None:
    meter = EXAMPLE.MeteredRunner(Home(site.path).runner, site.path / "meter")
    spec = site.training(ROWS)
    assert meter.seconds(spec.job_id) is None
    assert site.run(spec).status is JobStatus.DONE
    took = meter.seconds(spec.job_id)
    assert took is not None
    assert took > 0
    site.runner.ensure(spec)
    assert meter.seconds(spec.job_id) == took
