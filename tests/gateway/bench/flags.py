"""``make bench-flags``: 100,000 units asked as flags by OpenFeature's own client, and as calls, of one running gateway.

Bars: flag and call agree on every unit; raising the share takes nobody away from the tuned side; the shares come out as
they should (chi-square, p > 0.01). The exit code is 1 where one is missed.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from scipy.stats import chisquare

from tests.gateway import load
from tests.gateway.bench.soak import models, say
from tests.gateway.programs import program
from tests.gateway.running import KEY, route, until, write_routes

UNITS = 100_000
SHARES = (0.05, 0.25, 0.5)
LEAST_P = 0.01
CLIENTS = 16
THREADS = 4


def main(words: list[str]) -> int:
    """Ask of so many units (the first word; 100,000 without one)."""
    count = int(words[0]) if words else UNITS
    say(f"Load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors, {count:,} units")
    tuned: list[set[int]] = []
    passed: list[bool] = []
    with models() as (home, url), program(home) as running:
        for version, share in enumerate(SHARES, start=8):
            _route(home, url, version, share)
            until(lambda version=version: _version(running.url) == version, 60)
            began = time.monotonic()
            flags = _flags(running.url, count)
            between = time.monotonic()
            calls = uvloop.run(_calls(running.url, count))
            p = float(chisquare([len(calls), count - len(calls)], [count * share, count * (1 - share)]).pvalue)
            agreed = count - len(flags ^ calls)
            say(
                f"share {share:.2f}: {agreed:,} of {count:,} agree, {len(calls):,} tuned, chi-square p = {p:.2f}; "
                f"flags {between - began:.0f} s, calls {time.monotonic() - between:.0f} s"
            )
            tuned.append(calls)
            passed += [agreed == count, p > LEAST_P]
    left = sum(len(low - high) for low, high in itertools.pairwise(tuned))
    say(f"raised {' → '.join(f'{share:.2f}' for share in SHARES)}: {left} units left the tuned side")
    return 0 if all(passed) and not left else 1


def _route(home: Path, url: str, version: int, share: float) -> None:
    kept = {"window_s": 60, "min_n": 600, "max_bad": 1.0}
    write_routes(home / "gateway" / "routes.json", version, triage=route(url, url, share=share, breaker=kept))


def _version(url: str) -> int:
    return asyncio.run(_snapshot(url))


async def _snapshot(url: str) -> int:
    reader, writer = await load.connect(url)
    writer.write(b"GET /readyz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n")
    told = await reader.read()
    writer.close()
    return int(told.rpartition(b'"snapshot":')[2].split(b"}")[0].split(b",")[0])


def _flags(url: str, count: int) -> set[int]:
    """The units whose flag is tuned, as the stock client says it."""
    with ThreadPoolExecutor(THREADS) as pool:
        return set(itertools.chain(*pool.map(lambda start: _asked(url, range(start, count, THREADS)), range(THREADS))))


def _asked(url: str, units: Iterable[int]) -> list[int]:
    client = OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {KEY}"})
    try:
        return [one for one in units if _is_tuned(client, f"user-{one}")]
    finally:
        client.session.close()


def _is_tuned(client: OFREPProvider, unit: str) -> bool:
    found = client.resolve_string_details("triage", "neither", EvaluationContext(targeting_key=unit))
    assert found.value in ("baseline", "tuned"), found
    return found.value == "tuned"


async def _calls(url: str, count: int) -> set[int]:
    """The units whose call the tuned side answered."""
    tuned: set[int] = set()
    await asyncio.gather(*(_called(url, range(start, count, CLIENTS), tuned) for start in range(CLIENTS)))
    return tuned


async def _called(url: str, units: Iterable[int], tuned: set[int]) -> None:
    reader, writer = await load.connect(url)
    for one in units:
        writer.write(load.request(one))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        assert head.startswith(b"http/1.1 200"), head
        if b"x-assay-variant: tuned" in head:
            tuned.add(one)
    writer.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
