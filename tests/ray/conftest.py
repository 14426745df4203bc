"""A cluster of two nodes for all tests of a module, and a store of its own for each test."""

from __future__ import annotations

import fcntl
import tempfile
import zlib
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.errors import Unavailable
from engine.evals.rows import DatasetRow
from engine.runners import JobSpec
from engine.runners.local import LocalRunner
from engine.runners.ray import RayRunner, submission_id
from engine.runners.ray_head import JobsApi
from engine.runners.shared import SharedFolder
from engine.store.artifacts import Artifacts
from tests.ray.cluster import Cluster, running
from tests.training.home import Home
from tests.waiting import eventually

DEPLOYMENT = "assay-0123456789ab"


@dataclass
class Site(Home):
    """What control sees of a cluster; ``path`` holds the store, and control's own jobs."""

    cluster: Cluster

    @property
    def store(self) -> str:
        return f"local://{self.path / 'artifacts'}"  # reached by every node: all are on this machine

    @property
    def runner(self) -> RayRunner:
        return RayRunner(
            JobsApi(self.cluster.address),
            self.store,
            local=LocalRunner(self.path / "jobs"),
            deployment=lambda: DEPLOYMENT,
        )

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts(self.store)

    def training(
        self,
        rows: Sequence[DatasetRow],
        *,
        rung: str = "majority",
        settings: dict[str, float] | None = None,
        dev: Sequence[DatasetRow] | None = None,
    ) -> JobSpec:
        """A job of this test alone: the cluster knows those of the tests before, and would attach to them."""
        spec = super().training(rows, rung=rung, settings=settings, dev=dev)
        return spec.model_copy(update={"seed": zlib.crc32(str(self.path).encode())})

    def shared(self, spec: JobSpec) -> SharedFolder:
        return SharedFolder(self.store, submission_id(spec.job_id, DEPLOYMENT))

    @contextmanager
    def busy_device(self) -> Generator[None]:
        """Holds the device of every node, so that jobs started now wait for it."""
        with ExitStack() as held:
            for name in self.cluster.groups:
                locks = self.cluster.path / name / "devices"
                locks.mkdir(parents=True, exist_ok=True)
                file = held.enter_context((locks / "cpu.lock").open("a"))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def takers(api: JobsApi) -> int:
    """How many nodes take jobs; none while a busy head does not say."""
    try:
        return sum(node.takes_jobs for node in api.nodes())
    except Unavailable:
        return 0


@pytest.fixture(scope="module")
def cluster() -> Generator[Cluster]:
    with (
        tempfile.TemporaryDirectory(prefix="assay-", dir="/tmp", ignore_cleanup_errors=True) as path,
        pytest.MonkeyPatch.context() as patch,
        running(Path(path)) as found,
    ):
        for name, value in found.environment.items():
            patch.setenv(name, value)
        found.start_head()
        found.start_node("second")
        api = JobsApi(found.address)
        eventually(lambda: takers(api) == 2, seconds=120)
        yield found


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    return Site(tmp_path, cluster)
