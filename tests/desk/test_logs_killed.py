"""Every log ends at the same totals: read in another order, or cut by kill -9 at any place and read again."""

from __future__ import annotations

import io
import pathlib
import time
from contextlib import closing
from multiprocessing.synchronize import Event
from typing import Any

import pytest
from sqlmodel import select

from engine.desk import open_desk, operate, traffic
from engine.desk.traffic import Asked
from engine.models.call import BucketSum, HourlyUsage, SeenCall
from engine.models.spool import Example
from engine.services import Services
from engine.testing.clock import FixedClock
from tests.builders import ASKER, a_feature
from tests.conftest import services_at
from tests.contract.test_traffic_fixtures import FILES, FIXTURES
from tests.desk.test_traffic_import import reordered
from tests.killing import kill_again_and_again

KILLS = 12
LOGS = {**{f"log-{name}": (name, file) for name, file in FILES.items()},
        "usage": ("openai", "openai_usage.json"), "costs": ("openai", "openai_costs.json")}  # fmt: skip


def a_deployment(url: str, home: pathlib.Path) -> Services:
    """A feature for each log."""
    services = services_at(url, home, FixedClock())
    operate.prepare(services)
    with closing(open_desk(services)) as desk:
        for slug in LOGS:
            a_feature(desk, slug=slug)
    return services


def import_all(services: Services, block: int, *, in_another_order: bool = False) -> None:
    """Read every log into its feature."""
    with closing(open_desk(services)) as desk:
        for slug, (name, file) in LOGS.items():
            content = (FIXTURES / file).read_bytes()
            stream = io.BytesIO(reordered(content) if in_another_order else content)
            traffic.import_calls(desk, ASKER, slug, stream, asked=Asked(format_name=name, block=block))


def import_by_rows(url: str, home: str, ready: Event) -> None:
    """What the killed program does: a transaction for each row, so that a kill may fall between any two."""
    services = services_at(url, pathlib.Path(home), FixedClock())
    ready.set()
    import_all(services, 1)


def everything(services: Services) -> dict[str, Any]:
    """All that imports store, but for row numbers."""
    with services.database.read() as tx:
        return {
            table.__name__: sorted(
                str(sorted(row.model_dump(exclude={"id"}).items())) for row in tx.exec(select(table))
            )
            for table in (HourlyUsage, BucketSum, Example, SeenCall)
        }


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_killed_at_any_place_and_read_again_every_log_ends_where_a_clean_import_does(tmp_path: pathlib.Path) -> None:
    clean = a_deployment(f"sqlite:///{tmp_path / 'clean.db'}", tmp_path / "clean")
    began = time.monotonic()
    import_all(clean, 1)
    whole_run = time.monotonic() - began
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    killed = a_deployment(url, tmp_path / "killed")

    died = kill_again_and_again(
        import_by_rows, url, str(tmp_path / "killed"), seed=5, times=KILLS, within=whole_run * 0.3
    )
    import_all(killed, 1)

    assert died > 0, "no kill hit anything"
    assert everything(killed) == everything(clean)
    import_all(killed, traffic.BLOCK)
    assert everything(killed) == everything(clean), "and once more changes nothing"
    for services in (clean, killed):
        services.database.close()


def test_the_rows_of_every_log_in_another_order_are_the_same_totals(tmp_path: pathlib.Path) -> None:
    found: list[dict[str, Any]] = []
    for name, turned in (("as-it-is", False), ("turned", True)):
        services = a_deployment(f"sqlite:///{tmp_path / name}.db", tmp_path / name)
        import_all(services, traffic.BLOCK, in_another_order=turned)
        found.append(everything(services))
        services.database.close()
    assert found[0] == found[1]
    assert len(found[0]["HourlyUsage"]) > len(LOGS)
