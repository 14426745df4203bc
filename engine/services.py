"""What every desk function and step may need, built once in ``main`` and passed down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.clock import Clock, SystemClock
from engine.runners import Runner
from engine.runners.local import LocalRunner
from engine.runners.ray import RayRunner
from engine.runners.ray_head import JobsApi
from engine.servers.choice import ServerChoice
from engine.servers.provider import Servers
from engine.settings import Settings
from engine.store import work
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
    servers: Servers


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Services of a real deployment. Opens the database (a missing SQLite file is created), starts nothing."""
    artifacts, database = Artifacts(settings.artifacts_url), open_database(settings.database)
    return Services(
        settings=settings,
        clock=clock or SystemClock(),
        database=database,
        artifacts=artifacts,
        runner=runner_of(settings, lambda: _identity(database)),
        servers=ServerChoice(settings, artifacts, database),
    )


def runner_of(settings: Settings, deployment: Callable[[], str]) -> Runner:
    """Where heavy work runs. Nothing is connected, nor ``deployment`` asked for its id, before the first job."""
    local = LocalRunner(settings.home / "jobs")
    if settings.runner == "local":
        return local
    return RayRunner(JobsApi(settings.ray_address), settings.artifacts_url, local=local, deployment=deployment)


def _identity(database: Database) -> str:
    with database.read() as tx:
        return work.deployment(tx).executor_id
