"""A job of a cluster: worked here, or led from here where it asks for workers on several hosts."""

from __future__ import annotations

import shutil
from importlib import import_module
from typing import Any

from engine.jobs import remote
from engine.runners.ray_train import spread
from engine.runners.shared import SharedFolder
from engine.settings import load_settings


class NoResult(Exception):
    """One of the workers did not come to a result: Ray is to end the others, who would wait for it."""


def run(job_id: str, attempt: int) -> int:
    """Work one attempt. 0 when it ended well, 1 when it failed or was stopped; the store says how."""
    settings = load_settings()
    needs = SharedFolder(settings.artifacts_url, job_id).spec().resources
    if needs.workers == 1:
        return remote.run(job_id, attempt)
    notes = settings.home.resolve() / "scratch" / f"{job_id}-led"
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir(parents=True)
    asked = {"job_id": job_id, "attempt": attempt}
    has_result = spread(help_with, asked, needs=needs, folder=notes)
    shutil.rmtree(notes, ignore_errors=True)
    return 0 if has_result else 1


def help_with(asked: dict[str, Any]) -> None:
    """What each worker does: the job, as on a cluster of one host, but for its share of each step."""
    ranks: Any = import_module("engine.train._ranks")  # by name: it loads torch
    ranks.use_all_cores()
    leads: bool = ranks.number() == 0
    if remote.run(str(asked["job_id"]), int(asked["attempt"]), leads=leads) != 0:
        raise NoResult(f"attempt {asked['attempt']} of {asked['job_id']} ended without a result")
