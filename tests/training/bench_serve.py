"""A served candidate, asked one by one and 32 at once in one run: ``python -m tests.training.bench_serve [TEXTS]``.

The candidate stands on the real encoder and answers from a process of its own, as ``assay engine`` starts it. Exit 1
when 32 at once are not 4 times as many answers a second (issue 4 of the first version). On a busy machine look at the
processor time a text instead: who asks, and other programs, share these cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2

from engine.runners import JobStatus
from engine.servers import Condition, Endpoint
from engine.servers.host import HostServer
from tests.training.home import Home, real_rows

TEXTS, AT_ONCE, RATIO_LEAST = 512, 32, 4.0
TRAIN = 400


def main(texts: int) -> int:
    """Train, serve, ask both ways, twice each; print the better of each."""
    rows = real_rows(TRAIN + texts)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        trained = home.run(home.training(rows[:TRAIN], rung="frozen", settings={"c": 1.0}), seconds=300)
        assert trained.status is JobStatus.DONE, trained
        server = HostServer(home.path / "servers", home.artifacts)
        artifact = trained.result["artifact"]
        at = server.ensure(artifact)
        try:
            while server.health(artifact).condition is not Condition.READY:
                time.sleep(0.1)
            asked = [row.input for row in rows[TRAIN:]]
            (child,) = (home.path / "servers").glob("*/child.json")
            pid = int(json.loads(child.read_text())["pid"])
            alone = max(_measured(at, pid, asked[: texts // 4], 1) for _ in range(2))
            together = max(_measured(at, pid, asked, AT_ONCE) for _ in range(2))
        finally:
            server.unload(artifact)
    for name, seen in (("one at a time", alone), (f"{AT_ONCE} at once", together)):
        say(
            f"{name}: {seen.rate:,.1f}/s; processor ms a text: server {seen.server_ms:.1f}, asking {seen.client_ms:.1f}"
        )
    words = sum(len(text.split()) for text in asked) / len(asked)
    say(f"frozen encoder, {texts} texts of {words:.0f} words, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    say(f"ratio {together.rate / alone.rate:.1f} (at least {RATIO_LEAST:g})")
    return int(together.rate < RATIO_LEAST * alone.rate)


@dataclass(frozen=True, order=True)
class Seen:
    """Answers a second, and milliseconds of processor time a text of both sides."""

    rate: float
    server_ms: float
    client_ms: float


def _measured(at: Endpoint, pid: int, texts: list[str], at_once: int) -> Seen:
    """``/v1/classify``, a text a request."""
    served, ours, began = _cpu_s(pid), time.process_time(), time.perf_counter()
    asyncio.run(_ask(at, texts, at_once))
    wall, count = time.perf_counter() - began, len(texts)
    return Seen(count / wall, (_cpu_s(pid) - served) * 1e3 / count, (time.process_time() - ours) * 1e3 / count)


def _cpu_s(pid: int) -> float:
    """Processor seconds a process took so far."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


async def _ask(at: Endpoint, texts: list[str], at_once: int) -> None:
    places = asyncio.Semaphore(at_once)
    async with httpx2.AsyncClient(base_url=at.base_url, timeout=120) as client:
        await asyncio.gather(
            *(_one(places, lambda text=text: client.post("/classify", json={"input": text})) for text in texts)
        )


async def _one(places: asyncio.Semaphore, ask: Callable[[], Awaitable[httpx2.Response]]) -> None:
    async with places:
        reply = await ask()
    assert reply.status_code == 200, reply.text


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else TEXTS))
