"""Everything on this machine: a small Slack in the browser, the real bot, scheduler and engine, a simulated model.

No Slack, key, GPU or network is needed. Children are real programs; this one only starts, watches and ends them.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bot.cli import demo_examples, demo_seed, demo_year
from engine import stop
from engine.desk import operate
from engine.errors import Conflict, WorkFailed
from engine.services import build
from engine.settings import load_settings

START_SECONDS = 60.0
END_SECONDS = 5.0
ACCURACY = "0.58"  # of the simulated model: some way under what a small model learns from these rows
NAMES = ("standin", "model", "bot")


class Programs:
    """The children, by name; one that ends by itself ends the demo."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home = home
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str) -> None:
        """Start a program; what it logs goes to a file of its name."""
        with (self._home / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 (our own programs)
                [sys.executable, "-m", *words], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def ended(self) -> str:
        """The name of a program that ended by itself, "" while all run."""
        return next((name for name, child in self._running.items() if child.poll() is not None), "")

    def end(self) -> None:
        """End all of them within five seconds."""
        for child in self._running.values():
            child.terminate()
        ends = time.monotonic() + END_SECONDS
        for child in self._running.values():
            try:
                child.wait(timeout=max(ends - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


def main(argv: list[str]) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="assay demo",
        description="Everything on this machine, in your browser: a small Slack, the real bot, scheduler and engine, "
        "and a simulated prompted model. With OPENAI_API_KEY set, a feature of your own model is really asked.",
        epilog="Example: assay demo --fresh",
    )
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo did and begin anew")
    parser.add_argument("--bare", action="store_true", help="one feature to walk with, no examples beside it")
    parser.add_argument("--year", action="store_true", help="tell a simulated year in the life of a model, and end")
    known = parser.parse_args(argv)
    if known.year:
        demo_year.tell(print)
        return 0
    home = (load_settings().home / "demo").resolve()
    if known.fresh:
        demo_seed.forget(home)
    home.mkdir(parents=True, exist_ok=True)
    stopping = stop.on_signal()
    with _running(home, examples=not known.bare) as (programs, url):
        print(f"Assay demo: {url} (Ctrl-C ends it)", flush=True)
        while not stopping.wait(0.5):
            if name := programs.ended():
                raise WorkFailed(f"The demo's {name} ended by itself; why stands in {home / (name + '.log')}")
        print("Ending …", flush=True)
    return 0


@contextmanager
def _running(home: Path, *, examples: bool) -> Generator[tuple[Programs, str]]:
    ports = _ports(home)
    url = f"http://127.0.0.1:{ports['standin']}/"
    environment = {**os.environ, **_environment(home, ports)}
    os.environ.update(environment)  # what is seeded below is seeded as the programs will see it
    programs = Programs(home, environment)
    try:
        demo_seed.write_files(home)
        seed, truth = str(home / demo_seed.SEED), str(home / demo_seed.TRUTH)
        programs.start(
            "standin", "bot.standin.main", "--port", str(ports["standin"]), "--home", str(home), "--seed", seed
        )
        programs.start(
            "model", "bot.standin.model", "--port", str(ports["model"]), "--truth", truth, "--accuracy", ACCURACY
        )
        _tell("Preparing the database and a month of simulated traffic …")
        if examples:
            _tell("Living a simulated year of one model …")
            demo_year.leave(load_settings())
        desk = demo_seed.fill(home, _tell)
        first_time = examples and demo_examples.fill(desk, home)
        desk.close()
        _wait_for(url, programs)
        for name in ("bot", "engine", "scheduler"):
            programs.start(name, "bot.cli", name)
        _wait_for(f"http://127.0.0.1:{ports['bot']}/readyz", programs)
        if first_time:
            demo_examples.type_words(url)
        kept = {name: environment[name] for name in ("ASSAY_HOME", "OPENAI_BASE_URL") if environment.get(name)}
        _tell("For a second shell: export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in kept.items()))
        yield programs, url
    finally:
        programs.end()
        operate.end_servers(build(load_settings()))  # candidates are served past the end of their engine


def _environment(home: Path, ports: dict[str, int]) -> dict[str, str]:
    model = f"http://127.0.0.1:{ports['model']}/v1"
    own_model = {} if os.environ.get("OPENAI_API_KEY") else {"OPENAI_BASE_URL": model}
    return {
        "ASSAY_HOME": str(home),
        "ASSAY_DATABASE_URL": "",
        "ASSAY_SLACK_API_URL": f"http://127.0.0.1:{ports['standin']}/api/",
        "ASSAY_PUBLIC_URL": f"http://127.0.0.1:{ports['bot']}",
        "SLACK_BOT_TOKEN": "xoxb-standin",
        "SLACK_APP_TOKEN": "xapp-standin",
        "PORT": str(ports["bot"]),
        "ASSAY_DEMO_MODEL_URL": model,
        **own_model,
    }


def _ports(home: Path) -> dict[str, int]:
    """The same ports at every start: addresses are stored, and a page stays open. Raises ``Conflict``."""
    path = home / "ports.json"
    if path.exists():
        ports: dict[str, int] = json.loads(path.read_text())
        for name, port in ports.items():
            if not _is_free(port):
                raise Conflict(
                    f"Port {port}, which the demo's {name} had, is used by another program.",
                    hint="Is a demo running already? End it, or begin anew: assay demo --fresh",
                )
        return ports
    with ExitStack() as open_now:  # all three are held until each is known, so that they differ
        held = [open_now.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in NAMES]
        ports = {name: found.getsockname()[1] for name, found in zip(NAMES, held, strict=True)}
    path.write_text(json.dumps(ports))
    return ports


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _wait_for(url: str, programs: Programs) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if name := programs.ended():
            raise WorkFailed(f"The demo's {name} did not start; see its log in the demo's folder")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (our own, on loopback)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise WorkFailed(f"Nothing answers at {url} after {START_SECONDS:.0f} s; see the logs in the demo's folder")


def _tell(words: str) -> None:
    print(words, flush=True)
