"""``make fuzz``: every HTTP surface under spoilt requests for some minutes; ends with 1 when anything was wrong."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from engine.desk import operate
from engine.testing.clock import FixedClock
from tests.conftest import services_at
from tests.fuzz.shower import shower
from tests.fuzz.surfaces import SURFACES, Served
from tests.prepared import sqlite_in


def main() -> int:
    """Fuzz, and say what was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", epilog="Example: python -m tests.fuzz --minutes 2 --only bot")
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (10)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="to see again what a run found")
    parser.add_argument("--only", help="one surface by its name")
    known = parser.parse_args()
    logging.disable(logging.CRITICAL)
    chosen = [one for one in SURFACES if known.only in (None, one.__name__)]
    found = [said for one in chosen for said in _under(one, known.seed, known.minutes * 60 / len(chosen))]
    lines = [*(said[:300] for said in found[:20]), f"{len(found)} found wrong, seed {known.seed}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(found))


def _under(opened: Served, seed: int, seconds: float) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        services = services_at(sqlite_in(home), home, FixedClock(datetime.now(UTC)))
        operate.prepare(services)
        with opened(services, home) as surface:
            ends, count = time.monotonic() + seconds, 0

            def is_over(number: int) -> bool:
                nonlocal count
                count = number
                if number % 500 == 0:
                    sys.stderr.write(f"\r{surface.name}: {number} requests")
                return time.monotonic() > ends

            found = shower(surface, seed=seed, until=is_over)
            sys.stdout.write(f"\r{surface.name}: {count} requests, {len(found)} wrong\n")
        services.database.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
