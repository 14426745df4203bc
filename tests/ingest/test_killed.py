"""kill -9 of the ingester at any instant: what it leaves behind is, bit for bit, what a clean run leaves."""

from __future__ import annotations

import pathlib
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Event

import pytest

from engine.desk import open_desk, operate
from engine.flows import ingest
from engine.models.evidence import StageStart
from engine.services import Services
from engine.store import evidence, spool
from engine.testing.clock import FixedClock
from tests.builders import a_feature, a_verdict, asked
from tests.conftest import services_at
from tests.ingest.spooled import MODELS, SLUG, START_MS, segment, some_frames
from tests.ingest.totals import everything, expected, some_prices, sums_alone, totals
from tests.killing import kill_again_and_again

KILLS = 50
BLOCK = 128 * 20
STAGE = "rollout-1/3"


def a_deployment(url: str, home: pathlib.Path) -> Services:
    """The same feature, prices, stage and spool, wherever it lies."""
    services = services_at(url, home, FixedClock())
    operate.prepare(services)
    desk = open_desk(services)
    a_feature(desk, model=MODELS[0])
    some_prices(services)
    a_verdict(desk)
    asked(desk)
    with services.database.write() as tx:
        start = StageStart(
            key=STAGE, root=STAGE, feature_id=1, rollout_id=1, stage="canary_25", share=0.0, slow_ms=5_000.0,
            at=datetime(2026, 11, 25, tzinfo=UTC),
        )  # fmt: skip
        evidence.add_start(tx, start)
    for number in range(3):
        frames = some_frames(150, seed=number, stage=STAGE)
        with segment(services.settings.spool_folder, f"host-{number}-{START_MS + number}-1") as writer:
            writer.name(STAGE)
            writer.append(*frames)
            writer.raw(b"torn")
            for at, one in enumerate(frames[:15]):
                writer.event(kind="feedback", id=one.id.hex(), features=[SLUG], score=(at % 5 - 2) / 2, label="bug")
                body = {"messages": [{"role": "user", "content": f"late {at}"}], "output": "bug"}
                writer.event(kind="body", id=one.id.hex(), feature=SLUG, stratum="random", served="baseline",
                             model="m", day="2026-11-25", **body)  # fmt: skip
    desk.close()
    return services


def ingest_slowly(url: str, home: str, ready: Event) -> None:
    """What the killed program does: everything, in small transactions."""
    services = services_at(url, pathlib.Path(home), FixedClock())
    ready.set()
    with spool.alone(services.settings.spool_folder):
        ingest.pass_over(services, services.settings.spool_folder, thorough=True, block_bytes=BLOCK)


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_killed_at_any_instant_it_leaves_what_a_clean_run_leaves(tmp_path: pathlib.Path) -> None:
    clean = a_deployment(f"sqlite:///{tmp_path / 'clean.db'}", tmp_path / "clean")
    began = time.monotonic()
    ingest.once(clean)
    whole_run = time.monotonic() - began
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    killed = a_deployment(url, tmp_path / "killed")

    died = kill_again_and_again(
        ingest_slowly, url, str(tmp_path / "killed"), seed=17, times=KILLS, within=whole_run * 0.1
    )
    ingest.once(killed)

    assert died > 0, "no kill hit anything"
    frames = [one for number in range(3) for one in some_frames(150, seed=number, stage=STAGE)]
    fed_back = {"feedback_n", "feedback_milli"}
    plain = {key: {name: n for name, n in row.items() if name not in fed_back}
             for key, row in sums_alone(totals(killed)).items()}  # fmt: skip
    assert plain == expected(frames)
    assert everything(killed) == everything(clean)
    assert len(everything(clean)["StageUnit"]) > 50
    clean.database.close()
    killed.database.close()
