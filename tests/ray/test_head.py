"""A head that dies, and one that comes back without memory."""

from __future__ import annotations

import os
import signal

import pytest

from engine.errors import Unavailable
from engine.runners import JobStatus
from tests.contract.runner_promises import ROWS, processes_of, started
from tests.ray.conftest import Site
from tests.waiting import eventually

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("ray")]


def test_a_job_is_submitted_again_to_a_head_that_came_back(site: Site) -> None:
    spec = site.training(ROWS)
    runner = site.runner
    with site.busy_device():
        started(site, spec)
        site.cluster.end("head", "second")
        for pid in processes_of(site, spec):  # a host that dies takes its jobs along, whatever their process group
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: processes_of(site, spec) == [], seconds=60)
        with pytest.raises(Unavailable):
            runner.poll(spec.job_id)
        site.cluster.start_head()
        assert runner.poll(spec.job_id).status is JobStatus.GONE
    assert site.run(spec, seconds=120).status is JobStatus.DONE
    assert site.shared(spec).attempt().number == 2
