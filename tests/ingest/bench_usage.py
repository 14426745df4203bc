"""``make bench-usage``: 10 million made-up calls, 30 days, 20 features, 2 sides, against the bars of their design.

Prints ratios to each bar: 1.0 is the bar, more is better. Nothing here runs in the tests, which are never timed.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import func, select

from engine.clock import SystemClock
from engine.desk import open_desk, operate
from engine.flows.steps import blocks
from engine.models.call import HourlyUsage
from engine.models.feature import Feature
from engine.rules import frame, histogram
from engine.runners.local import LocalRunner
from engine.services import Services
from engine.settings import Settings
from engine.store import features, spool, volumes
from engine.store.artifacts import Artifacts
from engine.store.database import open_database
from engine.testing.servers import ScriptedServers
from tests.builders import a_feature
from tests.ingest.spooled import MODELS, Writer
from tests.ingest.totals import some_prices

CALLS, FEATURES, DAYS = 10_000_000, 20, 30
START = datetime(2026, 10, 1, tzinfo=UTC)
SEGMENT = 524_288  # calls: 64 MiB


def main() -> None:
    """Make the calls segment by segment, store each, and ask what people ask."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory() as folder:
        services = _services(Path(folder))
        seconds, busy, latencies = _store(services, calls)
        _told("ingest, spool to committed sums, calls/s", calls / seconds, 300_000, larger=True)
        _told("the same for a second of this program's own time", calls / busy, 300_000, larger=True)
        _ask(services, latencies)
        size = _database_bytes(services)
        _told("database a month, MB", size / 1e6, 20)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        sys.stdout.write(f"{'memory at most, MB (the making of the calls included)':58}{memory:12,.0f}\n")


def _services(home: Path) -> Services:
    url = f"sqlite:///{home / 'assay.db'}"
    services = Services(
        settings=Settings(home=home, database_url=url),
        clock=SystemClock(),
        database=open_database(url),
        artifacts=Artifacts(f"file://{home / 'artifacts'}"),
        runner=LocalRunner(home / "jobs"),
        servers=ScriptedServers(),
    )
    operate.prepare(services)
    desk = open_desk(services)
    for number in range(FEATURES):
        a_feature(desk, slug=f"feature-{number}", model=MODELS[0])
    some_prices(services)
    desk.close()
    return services


def _store(services: Services, calls: int) -> tuple[float, float, Any]:
    """Seconds and processor seconds spent storing, and the latencies of the first feature's tuned side."""
    draw = np.random.default_rng(7)
    seconds = busy = 0.0
    kept: list[Any] = []
    with services.database.read() as tx:
        world = blocks.known(tx)
    for number, start in enumerate(range(0, calls, SEGMENT)):
        count = min(SEGMENT, calls - start)
        frames = _frames(draw, count, start / calls)
        writer = Writer(services.settings.spool_folder, f"host-1-{number}-1")
        writer.name(*(f"feature-{one}" for one in range(FEATURES)))
        writer.raw(frames.tobytes())
        mine = (frames["feature"] == frame.name_hash("feature-0")) & (frames["assigned"] == frame.Arm.TUNED)
        kept.append(frames["latency_us"][mine] / 1000.0)
        writer.close()
        (segment,) = [one for one in spool.segments(services.settings.spool_folder) if one.begun_ms == number]
        began, worked, at = time.perf_counter(), time.process_time(), 0
        while (block := blocks.store(services, segment, at, world)).end != at:
            at = block.end
        seconds, busy = seconds + time.perf_counter() - began, busy + time.process_time() - worked
        spool.remove(segment)
    return seconds, busy, np.concatenate(kept)


def _frames(draw: Any, count: int, since: float) -> Any:
    frames = np.zeros(count, dtype=np.dtype(frame.DTYPE))
    frames["version"] = frame.VERSION
    frames["id"] = np.frombuffer(draw.bytes(16 * count), dtype="V16")
    span_ms = DAYS * 86_400_000
    width = max(span_ms * count // CALLS, 1)
    frames["at_ms"] = int(START.timestamp() * 1000) + int(since * span_ms) + np.sort(draw.integers(0, width, count))
    slugs = np.array([frame.name_hash(f"feature-{one}") for one in range(FEATURES)], dtype=np.uint64)
    frames["feature"] = slugs[draw.integers(0, FEATURES, count)]
    tuned = draw.random(count) < 0.25
    models = np.array([frame.name_hash(one) for one in MODELS], dtype=np.uint64)
    frames["assigned"] = frames["served"] = tuned
    frames["model_asked"], frames["model_served"] = models[0], models[tuned.astype(int)]
    frames["host"] = frame.name_hash("127.0.0.1")
    frames["tokens_in"], frames["tokens_out"] = draw.integers(100, 3_000, count), draw.integers(1, 200, count)
    frames["latency_us"] = draw.lognormal(13.0, 0.5, count).astype(np.int32)
    frames["ttft_us"] = frames["latency_us"] // 3
    frames["status"] = np.where(draw.random(count) < 0.002, 500, 200)
    frames["confidence"] = draw.random(count).astype(np.float32)
    view = memoryview(frames.tobytes())
    frames["crc"] = [zlib.crc32(view[at + 4 : at + frame.SIZE]) for at in range(0, len(view), frame.SIZE)]
    return frames


def _ask(services: Services, latencies: Any) -> None:
    with services.database.read() as tx:
        seconds = min(_timed(lambda: _costs(tx)) for _ in range(3))
        _told("month's cost by feature, ms", seconds * 1e3, 20)
        seconds = min(_timed(lambda: volumes.spends(tx, START, START + timedelta(days=DAYS))) for _ in range(3))
        _told("the same by model, role and side, ms (no bar)", seconds * 1e3, seconds * 1e3)
        seconds = min(_timed(lambda: _speeds(tx)) for _ in range(3))
        _told("p95 by side, all features, s", seconds, 0.5)
        first = features.by_slug(tx, "feature-0").id or 0
        told = _speeds(tx)[first, "tuned"]
    _told("p95's error, %", abs(told / float(np.quantile(latencies, 0.95)) - 1) * 100, 1.0)


def _costs(tx: Any) -> list[Any]:
    """What a month cost, by feature. The hours of each lie side by side in an index that knows what they cost."""
    cost = select(func.sum(HourlyUsage.cost_nano_usd)).where(
        HourlyUsage.feature_id == Feature.id,
        HourlyUsage.hour >= START,
        HourlyUsage.hour < START + timedelta(days=DAYS),
    )
    return list(tx.exec(select(Feature.id, cost.scalar_subquery())))


def _speeds(tx: Any) -> dict[tuple[int, str], float]:
    """The 95 % latency of a month, by feature and side."""
    query = select(HourlyUsage.feature_id, HourlyUsage.assigned, HourlyUsage.latency).where(
        HourlyUsage.hour >= START, HourlyUsage.hour < START + timedelta(days=DAYS), HourlyUsage.role == "answer"
    )
    shapes: dict[tuple[int, str], list[bytes]] = {}
    for feature_id, side, latency in tx.exec(query):
        shapes.setdefault((feature_id, side), []).append(latency)
    return {place: histogram.quantile(histogram.merge_bytes(many), 0.95) or 0.0 for place, many in shapes.items()}


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _database_bytes(services: Services) -> int:
    with services.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return services.database.path.stat().st_size if services.database.path else 0


def _told(what: str, value: float, bar: float, *, larger: bool = False) -> None:
    ratio = value / bar if larger else bar / max(value, 1e-12)
    sys.stdout.write(f"{what:58}{value:12,.2f}   bar {bar:10,.1f}   {ratio:6.2f} x\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
