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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from engine.runners import JobStatus
from engine.servers import Condition, Endpoint
from engine.servers.host import HostServer
from engine.servers.local import loaded
from engine.settings import load_settings
from engine.train import Sharing
from engine.train.ladder import host_here
from tests.training.home import Home, real_rows

TEXTS, AT_ONCE, RATIO_LEAST = 512, 32, 4.0
ROUNDS, BATCH = 4, 16
TRAIN = 400


def main(texts: int) -> int:
    """Train, serve, ask both ways in turn; print the best of each, and what the model alone would give."""
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
            seen = [
                (_measured(at, pid, asked[: texts // 4], 1), _measured(at, pid, asked, AT_ONCE)) for _ in range(ROUNDS)
            ]
        finally:
            server.unload(artifact)
        bound = _model_ratio(home.artifacts.path(artifact), asked)
    alone, together = max(one for one, _ in seen), max(many for _, many in seen)
    for name, seen in (("one at a time", alone), (f"{AT_ONCE} at once", together)):
        say(
            f"{name}: {seen.rate:,.1f}/s; processor ms a text: server {seen.server_ms:.1f}, asking {seen.client_ms:.1f}"
        )
    words = sum(len(text.split()) for text in asked) / len(asked)
    say(f"frozen encoder, {texts} texts of {words:.0f} words, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    say(f"the model without a server, {BATCH} a core against one on all cores: {bound:.1f} times")
    say(f"ratio {together.rate / alone.rate:.2f} (at least {RATIO_LEAST:g})")
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


def _model_ratio(folder: Path, texts: list[str]) -> float:
    """How many times as many answers a second the model gives in batches, a core each: what serving cannot exceed."""
    host = host_here(load_settings())
    model = loaded(folder, host)
    assert isinstance(model, Sharing)

    def batches(hand: int) -> None:
        model.use_cores(1)
        mine = texts[hand :: host.cores]
        for start in range(0, len(mine), BATCH):
            model.answer(mine[start : start + BATCH])

    def timed(work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    few = texts[: len(texts) // 4]
    model.use_cores(host.cores)
    one = min(timed(lambda: [model.answer([text]) for text in few]) for _ in range(ROUNDS)) / len(few)
    with ThreadPoolExecutor(host.cores) as hands:
        many = min(timed(lambda: list(hands.map(batches, range(host.cores)))) for _ in range(ROUNDS)) / len(texts)
    return one / many


def _cpu_s(pid: int) -> float:
    """Processor seconds a process took so far."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


async def _ask(at: Endpoint, texts: list[str], at_once: int) -> None:
    """By hand over so many connections: a whole HTTP client took 1.0 to 1.6 ms of these cores a text."""
    waiting = iter(texts)
    await asyncio.gather(*(_caller(urlsplit(at.base_url), waiting) for _ in range(at_once)))


async def _caller(at: SplitResult, waiting: Iterator[str]) -> None:
    replies, requests = await asyncio.open_connection(at.hostname, at.port)
    for text in waiting:
        body = json.dumps({"input": text}).encode()
        head = f"POST {at.path}/classify HTTP/1.1\r\nhost: {at.netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
        requests.write(head.encode() + body)
        said = (await replies.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        assert said.startswith("http/1.1 200 "), said
        answer = await replies.readexactly(int(said.partition("content-length:")[2].partition("\r\n")[0]))
        assert json.loads(answer)["results"], answer
    requests.close()
    await requests.wait_closed()


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else TEXTS))
