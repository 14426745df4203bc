"""``make soak``: the long tests of the gateway at their full size. ``python -m tests.gateway.bench.soak [PART …]``.

Parts: ``kills`` (20 times kill -9 under 64 callers), ``idle`` (10,000 connections), ``faults`` (10,000 of the tuned
side), ``steady`` (30 minutes; ``steady=MINUTES``). Each says what it saw, and the exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from tests.gateway import load
from tests.gateway.bench.table import served
from tests.gateway.programs import Program, program
from tests.gateway.running import frames_of, route, write_routes

KILLS, CLIENTS, IDLE, FAULTS, MINUTES, PACE = 20, 64, 10_000, 10_000, 30.0, 100
IDLE_KB_MOST, WORKER_MB_MOST, SLOPE_MB_MOST = 6.0, 100.0, 1.0


def main(words: list[str]) -> int:
    """Run the parts that were named, or all."""
    say(f"Load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors, {load.many_files():,} files allowed")
    asked = dict(word.partition("=")[::2] for word in words) or dict.fromkeys(PARTS, "")
    passed = [PARTS[name](value) for name, value in asked.items()]
    return 0 if all(passed) else 1


def kills(_value: str) -> bool:
    """kill -9 at random instants under 64 callers: what was answered is on record, once."""
    draw, calls = random.Random(11), list[tuple[int, str]]()
    with models() as (home, _url):
        for _ in range(KILLS):
            with program(home) as running:
                uvloop.run(_killed(running, calls, draw.uniform(0.05, 1.5)))
        recorded = [str(uuid.UUID(bytes=one.id)) for one in frames_of(home / "spool") if one.role == 0]
    lost, twice = {call for _, call in calls} - set(recorded), len(recorded) - len(set(recorded))
    say(f"kills    {KILLS} under {CLIENTS} callers: {len(calls):,} answered, {len(lost)} not on record, {twice} twice")
    return not lost and not twice and len(calls) > KILLS


async def _killed(running: Program, calls: list[tuple[int, str]], after: float) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(after, os.kill, running.process.pid, signal.SIGKILL)
    await load.hammer(running.url, calls, clients=CLIENTS)


def idle(_value: str) -> bool:
    """10,000 connections that were used once and wait, and 16 callers beside them."""
    with models() as (home, _url), program(home) as running:
        pid, calls = running.process.pid, list[tuple[int, str]]()
        uvloop.run(load.hammer(running.url, calls, clients=16, each=100))  # warm
        before = load.rss_kb(pid)
        after, beside = uvloop.run(_idle(running.url, pid))
    each = (after - before) / IDLE
    say(f"idle     {IDLE:,} connections: {_mb(before)} to {_mb(after)}, {each:.1f} KB each; {beside} of 1,600 beside")
    return each <= IDLE_KB_MOST and after / 1000 <= WORKER_MB_MOST and beside == 1600


async def _idle(url: str, pid: int) -> tuple[int, int]:
    held: list[asyncio.StreamWriter] = []
    for start in range(0, IDLE, 200):
        held += await asyncio.gather(*(_used_once(url, number) for number in range(start, start + 200)))
    calls: list[tuple[int, str]] = []
    await load.hammer(url, calls, clients=16, each=100)
    found = load.rss_kb(pid)
    for writer in held:
        writer.close()
    return found, sum(status == 200 for status, _ in calls)


async def _used_once(url: str, number: int) -> asyncio.StreamWriter:
    reader, writer = await load.connect(url)
    writer.write(load.request(number))
    await load.answered(reader)
    return writer


def faults(_value: str) -> bool:
    """10,000 calls whose tuned side refuses, resets, lies or stalls: each is answered, and nothing stays open."""
    with models(tuned="faulty") as (home, _url), program(home) as running:
        pid, calls = running.process.pid, list[tuple[int, str]]()
        uvloop.run(load.hammer(running.url, calls, clients=16, each=100))
        files, before = load.files_of(pid), load.rss_kb(pid)
        uvloop.run(load.hammer(running.url, calls, clients=16, each=FAULTS // 16))
        time.sleep(2)
        left, after = load.files_of(pid), load.rss_kb(pid)
    good = sum(status == 200 for status, _ in calls)
    say(f"faults   {good:,} of {len(calls):,} answered; files {files} to {left}, memory {_mb(before)} to {_mb(after)}")
    return good == len(calls) == FAULTS + 1600 and left <= files + 8


def steady(value: str) -> bool:
    """A steady load of calls and streams with some faults: neither memory nor open files grow."""
    minutes = float(value or MINUTES)
    with models(tuned="faulty") as (home, _url), program(home) as running:
        rows = uvloop.run(_steady(running, minutes))
    late = rows[len(rows) // 3 :]  # what is filled once is filled by then
    span = max(late[-1][0] - late[0][0], 1e-9)
    slope = (late[-1][1] - late[0][1]) / 1000 / span * 10
    say(
        f"steady   {minutes:g} minutes, {rows[-1][3]:,} calls: {slope:+.2f} MB in 10 minutes, "
        f"files {late[0][2]} to {late[-1][2]}"
    )
    return slope < SLOPE_MB_MOST and late[-1][2] <= late[0][2] + 16 and rows[-1][4] == 0


async def _steady(running: Program, minutes: float) -> list[tuple[float, int, int, int, int]]:
    """Minute, memory (KB), open files, calls so far, and calls that were not answered with 200."""
    began, rows, calls = time.monotonic(), list[tuple[float, int, int, int, int]](), list[tuple[int, str]]()
    count = bad = number = 0
    while (passed := (time.monotonic() - began) / 60) < minutes:
        due = time.monotonic() + 1
        reader, writer = await load.connect(running.url)
        for _ in range(PACE):
            number += 1
            writer.write(load.request(number, stream=number % 10 == 0))
            calls.append(await load.answered(reader))
        writer.close()
        count, bad = count + len(calls), bad + sum(status != 200 for status, _ in calls)
        calls.clear()
        if not rows or passed >= rows[-1][0] + 1:
            pid = running.process.pid
            rows.append((passed, load.rss_kb(pid), load.files_of(pid), count, bad))
            say(f"  minute {passed:4.0f}: {rows[-1][1] / 1000:.1f} MB, {rows[-1][2]} files, {count:,} calls, {bad} bad")
        await asyncio.sleep(max(due - time.monotonic(), 0))
    return rows


@contextmanager
def models(tuned: str = "stub") -> Iterator[tuple[Path, str]]:
    """A home whose routes lead to a good baseline and this tuned side, half each; the breaker never trips."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served([sys.executable, "-m", "tests.gateway.bench.stub"]) as stub,
        served([sys.executable, "-m", f"tests.gateway.bench.{tuned}"]) as small,
    ):
        urls = [f"http://127.0.0.1:{int(one.stdout.readline())}/v1" for one in (stub, small) if one.stdout]
        open_breaker = {"window_s": 60, "min_n": 600, "max_bad": 1.0}
        home = Path(folder)
        told = route(*urls, breaker=open_breaker, ttft_timeout_ms=2_000)
        write_routes(home / "gateway" / "routes.json", triage=told)
        yield home, urls[0]


def _mb(kilobytes: int) -> str:
    return f"{kilobytes / 1000:.0f} MB"


def say(line: str) -> None:
    """Print at once: this runs for half an hour."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


PARTS: dict[str, Callable[[str], bool]] = {"kills": kills, "idle": idle, "faults": faults, "steady": steady}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
