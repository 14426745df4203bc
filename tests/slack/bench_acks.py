"""How soon commands are acknowledged: ``python -m tests.slack.bench_acks [SECONDS]``.

Real ``assay bot`` and stand-in, each in a process of its own. Every command is answered by a ``response_url`` that
takes 200 ms. The peer is Bolt as its documentation starts it: 5 listener threads, and 200 ms of work after the ack.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from urllib.error import HTTPError
from urllib.parse import urlencode

from tests.slack.programs import SECRET, ask, free_port, load, post, programs, say, until

RATE, SECONDS, WORK_SECONDS = 50, 6, 0.2
PERSON, CHANNEL = "U1", "C1"
LOST = 30.0  # a command whose connection was cut, in seconds
PEER = """
import sys, time
from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult
app = App(signing_secret=sys.argv[1], authorize=lambda **_: AuthorizeResult(
    enterprise_id=None, team_id=None, bot_token="xoxb-1", bot_user_id="U", bot_id="B"))
@app.command("/assay")
def command(ack):
    ack()
    time.sleep(float(sys.argv[3]))
app.start(port=int(sys.argv[2]), path="/slack/events")
"""
numbers = count()


def main(argv: list[str]) -> int:
    """Run each mode and print the table; 1 where a promise of the issue is not kept."""
    seconds = float(argv[0]) if argv else SECONDS
    kept = True
    say(
        f"{RATE} commands a second for {seconds:g} s, {WORK_SECONDS * 1000:.0f} ms of work behind each "
        f"acknowledgement; {load()}"
    )
    say(f"{'':22}{'p50 ms':>9}{'p99 ms':>9}{'most ms':>9}{'over 3 s':>10}")
    for name, mode in (("assay bot, HTTP", _http), ("assay bot, Socket Mode", _socket)):
        kept = _row(name, mode(seconds)) and kept
    _row("Bolt's own start, HTTP", _peer(seconds))
    return 0 if kept else 1


def _row(name: str, took: list[float]) -> bool:
    p99 = statistics.quantiles(took, n=100)[98]
    late = sum(one > 3 for one in took)
    say(f"{name:22}{statistics.median(took) * 1000:>9.1f}{p99 * 1000:>9.1f}{max(took) * 1000:>9.1f}{late:>10}")
    return p99 < 0.1 and not late


def _http(seconds: float) -> list[float]:
    with programs({}) as (room, bot):
        _slow(room)
        commands = _commands(room, seconds)
        return _paced(seconds, lambda: _post(bot, next(commands)))


def _socket(seconds: float) -> list[float]:
    with programs({"SLACK_APP_TOKEN": "xapp-standin"}) as (room, _):
        _slow(room)
        commands = _commands(room, seconds)
        return _paced(seconds, lambda: _deliver(room, next(commands)))


def _peer(seconds: float) -> list[float]:
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PEER, SECRET, str(port), str(WORK_SECONDS)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _post(f"http://127.0.0.1:{port}", _command("")))
        return _paced(seconds, lambda: _post(f"http://127.0.0.1:{port}", _command("")))
    finally:
        running.terminate()
        running.wait()


def _slow(room: str) -> None:
    slow = {"method": "respond", "kind": "slow", "seconds": WORK_SECONDS, "times": 1_000_000}
    ask(f"{room}/_faults", slow)


def _commands(room: str, seconds: float) -> Iterator[dict[str, str]]:
    """As many commands as will be asked, each with an address that answers."""
    place = {"channel": CHANNEL, "user": PERSON}
    made = [_command(json.loads(ask(f"{room}/_response_url", place))["url"]) for _ in range(int(seconds * RATE) + 1)]
    return iter(made)


def _deliver(room: str, command: dict[str, str]) -> None:
    try:
        ask(f"{room}/_deliver", {"kind": "slash_commands", "payload": command})
    except HTTPError as error:  # nobody acknowledged within three seconds, which the time shows
        error.close()


def _command(response_url: str) -> dict[str, str]:
    return {
        "command": "/assay",
        "text": "features",
        "team_id": "T0DEMO",
        "user_id": PERSON,
        "channel_id": CHANNEL,
        "trigger_id": f"{os.getpid()}.{next(numbers)}",
        "response_url": response_url,
    }


def _post(base: str, fields: dict[str, str]) -> None:
    post(base, urlencode(fields))


def _paced(seconds: float, ask: Callable[[], None]) -> list[float]:
    """Ask at the rate, whether or not the one before was answered; how long each took."""
    began = time.perf_counter()

    def one(number: int) -> float:
        time.sleep(max(began + number / RATE - time.perf_counter(), 0))
        started = time.perf_counter()
        try:
            ask()
        except ConnectionError:
            return LOST
        return time.perf_counter() - started

    with ThreadPoolExecutor(256) as pool:
        return list(pool.map(one, range(int(seconds * RATE))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
