"""Collecting artifacts takes what nobody names, and never what a record, a row or a job names."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from engine.desk import Desk, artifacts
from engine.errors import Conflict, Invalid
from engine.models.investigation import Candidate, Effort, Investigation, RunState
from engine.models.verdict import Verdict
from engine.runners import JobKind, JobSpec
from engine.runners.folder import Ended
from engine.runners.shared import SharedFolder
from engine.store import deeds, features, investigations, verdicts, work
from engine.testing.clock import FixedClock
from tests.builders import SHELL, SLUG, a_feature, a_verdict


@pytest.fixture
def old(desk: Desk, clock: FixedClock, tmp_path: Path) -> dict[str, str]:
    """Artifacts of long ago: in a verdict's record alone, of a candidate, in a job's result, of nobody."""
    clock.move(days=4_000)  # files bear the machine's time
    a_feature(desk)
    found = {name: put(desk, tmp_path, name) for name in ("record", "candidate", "job", "nobody")}
    a_verdict(desk)
    with desk.services.database.write() as tx:
        verdict = verdicts.of_run(tx, "inv-one")
        assert isinstance(verdict, Verdict)
        verdict.record = {**verdict.record, "deep": [{"down": found["record"]}]}
        made = Candidate(run_id="inv-one", contender="x", rung="tfidf", artifact=found["candidate"])
        investigations.add_candidate(tx, made)
    job = desk.services.settings.home / "jobs" / "train-1"
    job.mkdir(parents=True)
    (job / "spec.json").write_text("{}")
    (job / "result.json").write_text(f'{{"artifact": "{found["job"]}"}}')
    (job / "polled").touch()
    return found


def put(desk: Desk, home: Path, name: str) -> str:
    folder = home / "made" / name
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text(name)
    return desk.services.artifacts.put(folder)


def names(found: artifacts.Survey) -> set[str]:
    return {one.name for one in found.garbage}


def test_a_look_removes_nothing_and_a_collection_what_it_named(desk: Desk, old: dict[str, str]) -> None:
    seen = artifacts.survey(desk)
    assert (seen.count, names(seen), seen.jobs) == (4, {old["nobody"]}, ())
    assert desk.services.artifacts.has(old["nobody"])
    assert names(artifacts.collect(desk, SHELL)) == {old["nobody"]}
    assert [desk.services.artifacts.has(old[name]) for name in old] == [True, True, True, False]
    assert artifacts.collect(desk, SHELL).garbage == ()
    with desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None


def test_what_only_a_forgotten_job_names_goes_with_it(desk: Desk, old: dict[str, str]) -> None:
    polled = desk.services.settings.home / "jobs" / "train-1" / "polled"
    long_ago = polled.stat().st_mtime - timedelta(days=60).total_seconds()
    os.utime(polled, (long_ago, long_ago))
    found = artifacts.collect(desk, SHELL)
    assert (names(found), found.jobs) == ({old["nobody"], old["job"]}, ("train-1",))
    assert not polled.parent.exists()
    assert desk.services.artifacts.has(old["record"])


def test_a_job_of_a_cluster_goes_as_a_whole_with_what_it_names_or_stays_as_a_whole(
    desk: Desk, old: dict[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    with desk.services.database.read() as tx:
        mine = work.deployment(tx).executor_id
    url, made = desk.services.artifacts.url, put(desk, tmp_path, "cluster")
    used, forgotten = (SharedFolder(url, f"train-{number}-{mine}") for number in (2, 3))
    for job, names_of in ((used, made), (forgotten, old["nobody"])):
        job.prepare(JobSpec(kind=JobKind.TRAIN, inputs={"train": names_of}, config={}))
        job.end(Ended(attempt=1, state="done", result={"artifact": names_of}))
    lately = (clock.now() - timedelta(days=1)).timestamp()
    for path in (Path(url.removeprefix("file://")) / "jobs" / used.name).iterdir():
        os.utime(path, (lately, lately))
    found = artifacts.collect(desk, SHELL)
    assert old["nobody"] in names(found)
    assert ([one.name for one in found.shared], made in names(found)) == ([f"jobs/{forgotten.name}"], False)
    assert (used.exists, forgotten.exists, desk.services.artifacts.has(made)) == (True, False, True)


def test_what_is_young_or_made_by_an_open_run_is_left_alone(desk: Desk, old: dict[str, str], clock: FixedClock) -> None:
    clock.move(days=-3_990)
    assert artifacts.survey(desk).garbage == ()
    with pytest.raises(Invalid, match="at least 1"):
        artifacts.survey(desk, days=0)
    clock.move(days=3_990)
    with desk.services.database.write() as tx:
        feature = features.by_slug(tx, SLUG)
        run = Investigation(
            run_id="inv-two", feature_id=feature.id or 0, open_feature_id=feature.id, state=RunState.RUNNING,
            effort=Effort.QUICK, budget_nano=1, requested_by="U1", created_at=clock.now(),
        )  # fmt: skip
        investigations.add(tx, run)
    with pytest.raises(Conflict, match="inv-two is under way"):
        artifacts.collect(desk, SHELL)
    assert desk.services.artifacts.has(old["nobody"])


def test_nothing_is_called_nobodys_in_a_store_where_another_deployment_keeps_its_jobs(
    desk: Desk, old: dict[str, str]
) -> None:
    jobs = Path(desk.services.artifacts.url.removeprefix("file://")) / "jobs"
    with desk.services.database.read() as tx:
        (jobs / f"train-1-{work.deployment(tx).executor_id}").mkdir(parents=True)
    (jobs / "train-0").mkdir()  # of a version that did not name deployments
    assert old["nobody"] in names(artifacts.survey(desk))
    (jobs / "train-1-assay-0123456789ab").mkdir()
    for work_on in (artifacts.survey, lambda desk: artifacts.collect(desk, SHELL)):
        with pytest.raises(Conflict, match="assay-0123456789ab keeps its jobs in this store too"):
            work_on(desk)
    assert desk.services.artifacts.has(old["nobody"])
