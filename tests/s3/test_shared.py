"""A job's folder in a store that speaks S3: what one side writes the other reads at once, whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import Unavailable
from engine.runners import JobKind, JobSpec
from engine.runners.folder import Attempt
from engine.runners.shared import SharedFolder, job_names

pytestmark = pytest.mark.s3


def test_control_and_job_see_what_the_other_wrote_and_a_checkpoint_comes_back_whole(
    bucket: str, tmp_path: Path
) -> None:
    url = f"s3://{bucket}/assay"
    control, job = SharedFolder(url, "train-1"), SharedFolder(url, "train-1")
    assert (control.exists, control.newest_step(), job_names(url)) == (False, None, [])
    spec = JobSpec(kind=JobKind.TRAIN, inputs={}, config={})
    control.prepare(spec)
    control.begin(Attempt(number=2))
    assert (job.exists, job.spec(), job.attempt().number, job_names(url)) == (True, spec, 2, ["train-1"])
    here = tmp_path / "here" / "checkpoints"
    here.mkdir(parents=True)
    (here / "10.safetensors").write_bytes(b"weights")
    (here / "10.json").write_text("{}")
    job.keep(here.parent)
    control.fetch(tmp_path / "there")
    assert (tmp_path / "there" / "checkpoints" / "10.safetensors").read_bytes() == b"weights"
    control.forget_scratch()
    job.fetch(tmp_path / "nothing")
    assert list((tmp_path / "nothing").iterdir()) == []


def test_a_bucket_that_is_not_there_is_an_error_of_ours_and_is_not_made(bucket: str) -> None:
    away = SharedFolder(f"s3://{bucket}-x/assay", "train-1")
    with pytest.raises(Unavailable):
        away.prepare(JobSpec(kind=JobKind.TRAIN, inputs={}, config={}))
    assert job_names(f"s3://{bucket}-x/assay") == []
