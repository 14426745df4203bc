"""The runner on a real Ray cluster: a head with token authentication and a second node, on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from engine.runners import JobSpec, JobStatus, Resources
from engine.runners.folder import Step
from tests.contract.runner_promises import ROWS, RunnerPromises, processes_of
from tests.ray.conftest import DEPLOYMENT, Site
from tests.training.home import WAITING, real_rows
from tests.waiting import eventually

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("ray")]
LORA: dict[str, float] = {"lr": 1e-3, "epochs": 2, "rank": 16, "alpha": 32, "batch": 4}  # 120 steps of 240 rows
CONTROL = """
import sys, time
from engine.runners import JobSpec
from engine.services import runner_of
from engine.settings import load_settings
runner = runner_of(load_settings(), lambda: sys.argv[2])
print(runner.ensure(JobSpec.model_validate_json(sys.argv[1])).status, flush=True)
time.sleep(600)
"""


class TestRayCluster(RunnerPromises):
    pass


def test_a_sweep_of_three_candidates_ends_with_three_models(site: Site) -> None:
    rows = real_rows(200)
    settings: dict[str, dict[str, float]] = {"majority": {}, "tfidf": {"c": 0.1}, "frozen": {}}
    specs = [site.training(rows, rung=rung, settings=given) for rung, given in settings.items()]
    for spec in specs:
        site.runner.ensure(spec)
    made = [site.wait(spec, seconds=240) for spec in specs]
    assert [state.status for state in made] == [JobStatus.DONE] * 3
    assert len({state.result["artifact"] for state in made}) == 3
    for spec, state in zip(specs, made, strict=True):
        asked = site.predicting(state.result["artifact"], spec, rows)
        assert site.run(asked, seconds=240).result["rows"] == 200


def test_two_jobs_run_at_once_on_two_nodes_and_never_two_on_one(site: Site) -> None:
    specs = [site.training(ROWS[number:]) for number in range(3)]
    with site.busy_device():
        for spec in specs:
            site.runner.ensure(spec)
        eventually(lambda: states(site, specs).count(JobStatus.RUNNING) == 2, seconds=60)
        eventually(lambda: sum(len(processes_of(site, spec)) for spec in specs) == 2, seconds=60)
        working = [spec for spec in specs if site.runner.poll(spec.job_id).status is JobStatus.RUNNING]
        eventually(lambda: all(len(nodes_of(site, spec)) == 1 for spec in working), seconds=60)
        assert len({nodes_of(site, spec)[0] for spec in working}) == 2
        ends = time.monotonic() + 3
        while time.monotonic() < ends:  # the third stays where it is, as long as nobody makes room
            assert states(site, specs).count(JobStatus.QUEUED) == 1
    assert {site.wait(spec).status for spec in specs} == {JobStatus.DONE}


def test_control_killed_in_the_middle_of_a_job_attaches_to_it(site: Site) -> None:
    spec = site.training(ROWS)
    variables = {
        "ASSAY_RUNNER": "ray",
        "ASSAY_RAY_ADDRESS": site.cluster.address,
        "ASSAY_ARTIFACTS": site.store,
        "ASSAY_HOME": str(site.path / "control"),
    }
    words = [sys.executable, "-c", CONTROL, spec.model_dump_json(), DEPLOYMENT]
    with site.busy_device():
        control = subprocess.Popen(words, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True)
        assert control.stdout is not None
        assert control.stdout.readline().strip() in WAITING
        eventually(lambda: len(processes_of(site, spec)) == 1, seconds=60)
        pids = processes_of(site, spec)
        control.send_signal(signal.SIGKILL)
        control.communicate()
        assert site.runner.ensure(spec).status is JobStatus.RUNNING
        assert processes_of(site, spec) == pids
    assert site.wait(spec).status is JobStatus.DONE
    assert site.shared(spec).attempt().number == 1


def test_a_training_under_way_is_cancelled_and_goes_on_from_its_checkpoint(site: Site) -> None:
    spec = site.training(real_rows(240), rung="lora_encoder", settings=LORA, dev=real_rows(60, skip=240))
    site.runner.ensure(spec)
    eventually(lambda: site.runner.poll(spec.job_id).step >= 14, seconds=240)  # a checkpoint is kept every 12 steps
    eventually(lambda: checkpoints(site, spec), seconds=60)
    began = time.monotonic()
    site.runner.cancel(spec.job_id)
    assert time.monotonic() - began < 5
    eventually(lambda: processes_of(site, spec) == [], seconds=1)
    kept, told = checkpoints(site, spec)[-1], site.shared(spec).newest_step()
    site.runner.ensure(spec)
    assert first_step(site, spec, told) >= kept
    state = site.wait(spec, seconds=240)
    assert state.result["facts"]["steps"] == 120


@pytest.mark.timeout(900)
def test_two_workers_on_two_nodes_reach_the_loss_of_one_also_after_a_cancel(site: Site) -> None:
    rows, dev = real_rows(120), real_rows(40, skip=120)
    alone = site.training(rows, rung="lora_encoder", settings=LORA, dev=dev)
    spread = alone.model_copy(update={"resources": Resources(workers=2), "seed": alone.seed + 1})  # another job
    others = workers()
    site.runner.ensure(spread)
    eventually(lambda: site.runner.poll(spread.job_id).step >= 7 and checkpoints(site, spread), seconds=300)
    assert nodes_of(site, spread) == ["head", "second"]
    began = time.monotonic()
    site.runner.cancel(spread.job_id)
    assert time.monotonic() - began < 5
    eventually(lambda: processes_of(site, spread) == [], seconds=1)
    eventually(lambda: workers() <= others)  # Ray ends them once the job that led them is gone
    kept, told = checkpoints(site, spread)[-1], site.shared(spread).newest_step()
    site.runner.ensure(spread)
    assert first_step(site, spread, told) >= kept
    both = site.wait(spread, seconds=300)
    assert both.status is JobStatus.DONE, both.cause
    one = site.run(alone, seconds=300)
    assert both.result["facts"]["steps"] == one.result["facts"]["steps"] == 60
    assert both.result["facts"]["last_loss"] == pytest.approx(one.result["facts"]["last_loss"], abs=1e-2)
    asked = site.predicting(both.result["artifact"], spread, dev)
    assert site.run(asked, seconds=240).result["rows"] == 40


def test_a_wrong_token_is_refused_in_a_sentence(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "b" * 64)
    words = [sys.executable, "-c", WRONG, site.cluster.address]
    said = subprocess.run(words, env=dict(os.environ), capture_output=True, text=True, check=False).stdout
    assert said.startswith("Ray refused the token of this host.")


WRONG = """
import sys
from engine.errors import Invalid
from engine.runners.ray_head import JobsApi
try:
    JobsApi(sys.argv[1]).stage("train-0")
except Invalid as error:
    print(error)
"""


def states(site: Site, specs: list[JobSpec]) -> list[JobStatus]:
    return [site.runner.poll(spec.job_id).status for spec in specs]


def checkpoints(site: Site, spec: JobSpec) -> list[int]:
    """Steps of the checkpoints in the store."""
    folder = site.path / "artifacts" / "jobs" / site.shared(spec).name / "scratch" / "checkpoints"
    return sorted(int(path.stem) for path in folder.glob("*.json"))


def first_step(site: Site, spec: JobSpec, told: Step | None) -> int:
    """The first gradient step told after ``told``, which an attempt before told last; encoding has no loss."""
    found: list[Step] = []

    def is_new() -> bool:
        site.runner.poll(spec.job_id)
        step = site.shared(spec).newest_step()
        found.extend([step] if step is not None and step != told and step.loss is not None else [])
        return found != []

    eventually(is_new, seconds=300)
    return found[0].step


def workers() -> set[str]:
    """Processes of Ray Train on this machine."""
    found: set[str] = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"RayTrainWorker" in (path / "cmdline").read_bytes():
                found.add(path.name)
    return found


def nodes_of(site: Site, spec: JobSpec) -> list[str]:
    """Names of the nodes whose home has the job's folder."""
    return [
        name for name in site.cluster.groups if (site.cluster.path / name / "jobs" / site.shared(spec).name).exists()
    ]
