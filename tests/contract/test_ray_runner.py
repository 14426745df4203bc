"""The runner for Ray over a head that starts processes here. On a real cluster: ``make test-ray`` (tests/ray)."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.errors import Invalid, Unavailable
from engine.runners import JobKind, JobSpec, JobStatus, Resources, Runner
from engine.runners.local import LocalRunner
from engine.runners.ray import RayRunner, submission_id
from engine.runners.ray_head import JobsApi, Node
from engine.runners.shared import SharedFolder
from engine.testing.ray_head import HeadHere
from tests.contract.runner_promises import ROWS, RunnerPromises, processes_of, started
from tests.training.home import Home
from tests.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]
ONE = Node(gpus=0.0, takes_jobs=True)


@dataclass
class Cluster(Home):
    """A home whose jobs run on a head; ``path`` is the ASSAY_HOME of its node."""

    head: HeadHere
    scheme: str = "local"

    @property
    def store(self) -> str:
        return f"{self.scheme}://{self.path / 'artifacts'}"

    @property
    def runner(self) -> Runner:
        return self.of("assay-one")

    def of(self, deployment: str) -> Runner:
        return RayRunner(self.head, self.store, local=LocalRunner(self.path / "own"), deployment=lambda: deployment)

    def named(self, spec: JobSpec) -> str:
        return submission_id(spec.job_id, "assay-one")

    def shared(self, spec: JobSpec) -> SharedFolder:
        return SharedFolder(self.store, self.named(spec))


@pytest.fixture
def site(tmp_path: Path) -> Generator[Cluster]:
    head = HeadHere(tmp_path)
    yield Cluster(tmp_path, head)
    head.close()


class TestRayRunner(RunnerPromises):
    pass


def test_a_job_asks_for_a_host_of_its_own_and_a_gpu_where_there_are_some(site: Cluster) -> None:
    spec = site.training(ROWS)
    site.run(spec)
    asked = site.head.submitted[0]
    assert (asked.id, asked.hosts, asked.gpus) == (site.named(spec), 1.0, 0.0)
    assert "ASSAY_HOME" not in asked.environment  # each node has its own
    site.head.has_nodes = [Node(gpus=2.0, takes_jobs=False), Node(gpus=4.0, takes_jobs=True)]
    other = site.training(ROWS[1:])
    site.run(other)
    assert site.head.submitted[1].gpus == 1.0


def test_a_job_of_several_workers_leaves_the_hosts_to_them(site: Cluster) -> None:
    spec = site.training(ROWS, rung="tfidff").model_copy(update={"resources": Resources(workers=2, gpus=1)})
    with pytest.raises(Invalid, match="over 2 hosts, and the Ray cluster has 1 that take jobs"):
        site.runner.ensure(spec)
    site.head.has_nodes = [ONE, ONE]
    site.runner.ensure(spec)
    assert site.head.submitted[0].hosts < 0.1
    assert site.head.submitted[0].gpus == 0


def test_what_a_job_needs_does_not_change_what_it_is(site: Cluster) -> None:
    spec = site.training(ROWS)
    assert spec.model_copy(update={"resources": Resources(workers=4)}).job_id == spec.job_id


def test_a_submission_is_named_by_its_job_and_its_deployment() -> None:
    names = [submission_id(job, deployment) for job in ("train-1", "train-2") for deployment in ("assay-1", "assay-2")]
    assert len(set(names)) == 4
    assert names[0] == "train-1-assay-1"


def test_two_deployments_on_one_cluster_and_store_have_the_same_job_each_for_itself(site: Cluster) -> None:
    spec, one, two = site.training(ROWS), site.of("assay-one"), site.of("assay-two")
    with site.busy_device():
        one.ensure(spec)
        assert two.poll(spec.job_id).status is JobStatus.GONE
        two.ensure(spec)
        eventually(lambda: len(processes_of(site, spec)) == 2)
        one.cancel(spec.job_id)
        assert two.poll(spec.job_id).status is JobStatus.RUNNING
        assert (one.jobs(), two.jobs()) == ([spec.job_id], [spec.job_id])
    eventually(lambda: two.poll(spec.job_id).status is JobStatus.DONE)
    assert one.poll(spec.job_id).status is JobStatus.GONE
    assert len({submitted.id for submitted in site.head.submitted}) == 2


def test_a_folder_of_one_host_is_refused_where_there_are_two(site: Cluster) -> None:
    site.scheme = "file"
    site.head.has_nodes = [ONE, ONE]
    with pytest.raises(Invalid, match="folder of one host, and the Ray cluster has 2 nodes"):
        site.runner.ensure(site.training(ROWS))
    site.head.has_nodes = [ONE]
    assert site.run(site.training(ROWS)).status is JobStatus.DONE


def test_paid_calls_stay_on_this_host(site: Cluster) -> None:
    spec = JobSpec(kind=JobKind.ASK, inputs={}, config={})
    site.runner.ensure(spec)
    assert site.head.submitted == []
    assert LocalRunner(site.path / "own").jobs() == [spec.job_id]
    eventually(lambda: site.runner.poll(spec.job_id).status is JobStatus.FAILED)
    site.runner.cancel(spec.job_id)


def test_a_head_that_comes_back_empty_gets_the_job_again(site: Cluster) -> None:
    spec = site.training(ROWS)
    with site.busy_device():
        started(site, spec)
        site.head.is_away = True
        with pytest.raises(Unavailable):
            site.runner.poll(spec.job_id)
        with pytest.raises(Unavailable):
            site.runner.cancel(spec.job_id)
        site.head.come_back_empty()
        assert site.runner.poll(spec.job_id).status is JobStatus.GONE
        site.runner.ensure(spec)
    assert site.wait(spec).status is JobStatus.DONE
    assert [one.entrypoint.split()[-1] for one in site.head.submitted] == ["1", "2"]


def test_a_result_outlives_the_head(site: Cluster) -> None:
    spec = site.training(ROWS)
    result = site.run(spec).result
    site.head.is_away = True
    assert site.runner.poll(spec.job_id).result == result


def test_a_job_that_dies_three_times_has_failed_and_may_be_asked_for_later(site: Cluster) -> None:
    spec = site.training(ROWS)
    with site.busy_device():
        for number in range(3):
            started(site, spec)
            eventually(lambda number=number: (begun := site.shared(spec).begun()) and begun.attempt == number + 1)
            site.head.kill(site.named(spec))
        state = site.runner.poll(spec.job_id)
        assert (state.status, state.retryable) == (JobStatus.FAILED, False)
        assert "3 times" in state.cause
        assert site.runner.ensure(spec).status is JobStatus.FAILED
    told = site.path / "artifacts" / "jobs" / site.named(spec) / "told.json"
    told.write_text(json.dumps(time.time() - 120))
    assert site.run(spec).status is JobStatus.DONE


def test_a_result_of_a_stale_attempt_is_refused(site: Cluster) -> None:
    spec = site.training(ROWS)
    with site.busy_device():
        started(site, spec)
        site.head.come_back_empty()
        site.runner.ensure(spec)
        stale = {"attempt": 1, "state": "done", "result": {"artifact": "stale"}}
        (site.path / "artifacts" / "jobs" / site.named(spec) / "result.json").write_text(json.dumps(stale))
        assert site.runner.poll(spec.job_id).status is JobStatus.RUNNING
    assert site.wait(spec).result["artifact"] != "stale"


def test_without_ray_the_refusal_says_what_to_install() -> None:
    with pytest.raises(Invalid, match="Ray is not installed here") as refused:
        JobsApi("http://127.0.0.1:9").stage("train-0")
    assert "pip install" in refused.value.hint
