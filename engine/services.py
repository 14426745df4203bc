"""What every desk function and step may need, built once in ``main`` and passed down."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clock import Clock, SystemClock
from engine.runners import Runner
from engine.runners.local import LocalRunner
from engine.runners.ray import RayRunner
from engine.runners.ray_head import JobsApi
from engine.settings import Settings
from engine.store.artifacts import Artifacts
from engine.store.database import Database, open_database


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts a deployment is made of; tests build their own."""

    settings: Settings
    clock: Clock
    database: Database
    artifacts: Artifacts
    runner: Runner


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Services of a real deployment. Opens the database (a missing SQLite file is created), starts nothing."""
    return Services(
        settings=settings,
        clock=clock or SystemClock(),
        database=open_database(settings.database),
        artifacts=Artifacts(settings.artifacts_url),
        runner=runner_of(settings),
    )


def runner_of(settings: Settings) -> Runner:
    """Where heavy work runs; nothing is connected before the first job."""
    local = LocalRunner(settings.home / "jobs")
    if settings.runner == "local":
        return local
    return RayRunner(JobsApi(settings.ray_address), settings.artifacts_url, local=local)
