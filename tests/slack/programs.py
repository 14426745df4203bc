"""Real programs for benchmarks of the bot, each in a process of its own: a stand-in, ``assay bot``; signed posts."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from slack_sdk.signature import SignatureVerifier

SECRET = "standin-signing-secret"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@contextmanager
def programs(more: dict[str, str], prepare: Callable[[Path], None] | None = None) -> Generator[tuple[str, str]]:
    """A stand-in and a bot; where each answers. ``prepare`` is given the bot's home before it starts."""
    with tempfile.TemporaryDirectory() as folder:
        told, port = Path(folder, "port"), free_port()
        room = subprocess.Popen([sys.executable, "-m", "bot.standin.main", "--home", folder, "--port-file", str(told)])
        until(told.exists)
        url = f"http://127.0.0.1:{json.loads(told.read_text())['port']}"
        environment = {
            **os.environ,
            "ASSAY_HOME": f"{folder}/assay",
            "ASSAY_SLACK_API_URL": f"{url}/api/",
            "PORT": str(port),
            "SLACK_BOT_TOKEN": "xoxb-standin",
            "SLACK_SIGNING_SECRET": SECRET,
            **more,
        }
        if prepare is not None:
            prepare(Path(folder, "assay"))
        bot = subprocess.Popen([sys.executable, "-m", "bot.cli", "bot"], env=environment, stderr=subprocess.DEVNULL)
        try:
            until(lambda: urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).status == 200)
            yield url, f"http://127.0.0.1:{port}"
        finally:
            for running in (bot, room):
                running.terminate()
                running.wait()


def post(base: str, body: str, kind: str = FORM) -> None:
    """One delivery as Slack signs it. Raises ``OSError`` for any answer but 200."""
    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body) or ""
    headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    connection.request("POST", "/slack/events", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise OSError(f"{answer.status} from {base}")


def ask(url: str, body: object) -> bytes:
    """POST JSON; what came back."""
    with urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": JSON}), timeout=30) as response:
        return bytes(response.read())


def until(claim: Callable[[], object], seconds: float = 60, every: float = 0.1) -> None:
    """Wait for it; ends the benchmark where it never comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if claim() is not False:
                return
        except OSError:
            pass
        time.sleep(every)
    raise SystemExit("a program did not start, or did not answer")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def say(line: str) -> None:
    """A line of the table, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def load() -> str:
    """How busy the machine is, to be read beside any figure."""
    return "load average " + " ".join(f"{one:.1f}" for one in os.getloadavg())
