"""How soon Home is shown in a team of 200 features: ``python -m tests.slack.bench_home [FEATURES]``.

Real ``assay bot`` and stand-in, each in a process of its own. A person opens Home; until Slack has what it shows. The
peer is the same bot in the same run with nothing registered: what Slack, the wire and the bot cost by themselves.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from urllib.request import urlopen

from tests.slack.busy_team import busy_team
from tests.slack.programs import JSON, load, post, programs, say, until

FEATURES, DAYS, OPENINGS, AT_ONCE = 200, 60, 40, 4
LIMIT_SECONDS = 1.0  # docs/slack.md: p95
PEOPLE = ("U1", "U2", "U3", "U4")
numbers = count()


def main(argv: list[str]) -> int:
    """Print the table; 1 where the limit is not kept."""
    features = int(argv[0]) if argv else FEATURES
    say(f"{features} features, half of them live, {DAYS} days of hourly sums, SQLite; {load()}")
    say(f"{'':34}{'first ms':>10}{'p50 ms':>9}{'p95 ms':>9}{'of limit':>10}{'to empty':>10}")
    with programs({}) as (room, bot):
        empty = _row("nothing registered", _openings(room, bot))
    with programs({}, prepare=lambda home: busy_team(home, features, days=DAYS)) as (room, bot):
        one = _row("one after the other", _openings(room, bot), empty)
        together = _row(f"{AT_ONCE} people at once", _openings(room, bot, at_once=AT_ONCE), empty)
    return 0 if max(one, together) < LIMIT_SECONDS else 1


def _row(name: str, took: list[float], peer: float = 0.0) -> float:
    p95 = statistics.quantiles(took, n=20)[18]
    ratio = f"{p95 / peer:>10.1f}" if peer else f"{'':10}"
    told = (
        f"{took[0] * 1000:>10.0f}{statistics.median(took) * 1000:>9.0f}{p95 * 1000:>9.0f}{p95 / LIMIT_SECONDS:>10.2f}"
    )
    say(f"{name:34}{told}{ratio}")
    return p95


def _openings(room: str, bot: str, *, at_once: int = 1) -> list[float]:
    """Seconds of each opening, the first one first."""
    first = [_opened(room, bot, PEOPLE[0])]
    with ThreadPoolExecutor(at_once) as pool:
        people = [PEOPLE[number % at_once] for number in range(OPENINGS)]
        return first + list(pool.map(partial(_opened, room, bot), people))


def _opened(room: str, bot: str, person: str) -> float:
    """Open one Home; the app answers by publishing, which gives it another hash."""
    before = _hash(room, person)
    event = {"type": "app_home_opened", "user": person, "channel": f"D{person[1:]}", "tab": "home"}
    body = {"type": "event_callback", "team_id": "T0DEMO", "event_id": f"Ev{next(numbers)}", "event": event}
    began = time.perf_counter()
    post(bot, json.dumps(body), JSON)
    until(lambda: _hash(room, person) != before, every=0.005)
    return time.perf_counter() - began


def _hash(room: str, person: str) -> str:
    with urlopen(f"{room}/_home/{person}", timeout=30) as answer:
        return answer.read().decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
