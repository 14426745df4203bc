"""``make soak-engine``: the engine, its job, or both killed at random moments, 20 times: one verdict an investigation.

``python -m tests.flows.soak [SEED] [DATABASE]``: ``sqlite``, ``postgres`` for a server of its own, or one's URL. Each
investigation is a deployment of its own, of real programs and weights, on an empty database. Says what it saw: what
worked at each kill, repeated paid calls, steps trained twice. The exit code is 1 where a promise is broken; the seconds
until work went on depend on the machine's load, and are printed beside it.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from sqlmodel import col, select

from engine.models.investigation import RunState
from engine.models.verdict import Verdict
from engine.runners.folder import JobFolder
from engine.runners.local import TRIES
from engine.store.database import make_beside, open_database
from engine.testing.postgres import start_server
from engine.testing.simulated_model import simulated_app
from engine.train.checkpoint import EVERY_SHARE
from engine.train.ladder import SPREADING
from tests.flows.conftest import SLUG, Deployment, deployed, write_files

KILLS, PAUSE_SECONDS, MOST_SECONDS = 20, 6.0, 900.0
RESUMED_SECONDS = 10.0
IN_FLIGHT = 8  # replies whose reader was killed: nobody can know of them
VICTIMS = ("engine", "job", "both")


@dataclass
class Kills:
    """What was killed, and how long it took until the run was worked on again."""

    draw: random.Random
    killed: Counter[str] = field(default_factory=Counter[str])
    during: Counter[str] = field(default_factory=Counter[str])
    resumed: list[float] = field(default_factory=list[float])
    asking: int = 0

    def one(self, deployment: Deployment, engine: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """Kill at a moment by chance; the engine that runs now."""
        time.sleep(self.draw.random() * PAUSE_SECONDS)
        victim, jobs = self.draw.choice(VICTIMS), _working(deployment.home)
        self.killed[victim if jobs else "engine"] += 1
        self.during.update({job.job_id.partition("-")[0] for job in jobs} or {"no job"})
        for job in jobs if victim != "engine" else ():
            self.asking += job.job_id.startswith("ask-")
            _kill(job.owner().pid)  # type: ignore[union-attr] # it works, so it has said who it is
        if victim == "job" and jobs:
            return engine
        os.killpg(engine.pid, signal.SIGKILL)
        engine.wait()
        began, wall = time.monotonic(), time.time()
        engine = deployment.start_engine()
        deployment.wait(lambda: _is_worked_on(deployment, wall), "the run to go on", MOST_SECONDS)
        self.resumed.append(time.monotonic() - began)
        return engine


def main(words: list[str]) -> int:
    """Investigate until all kills are over."""
    seed, where = int(words[0]) if words else 1, words[1] if len(words) > 1 else "sqlite"
    say(f"seed {seed}, {where.partition(':')[0]}, {_load()}, {os.cpu_count()} processors")
    kills, passed, number = Kills(random.Random(seed)), True, 0
    with databases(where) as url_of:
        while sum(kills.killed.values()) < KILLS:
            number += 1
            with tempfile.TemporaryDirectory(prefix="assay-soak-", ignore_cleanup_errors=True) as folder:
                home = Path(folder)
                app = simulated_app(dict(write_files(home)), accuracy=0.30, latency_ms=4)
                with deployed(home, url_of(home), app) as deployment:
                    passed = investigated(deployment, kills, number) and passed
    say(f"{sum(kills.killed.values())} kills ({_counts(kills.killed)}) in {number} investigations")
    say(f"at those moments worked: {_counts(kills.during)}")
    usual, slowest = sorted(kills.resumed)[len(kills.resumed) // 2], max(kills.resumed)
    say(f"work went on {usual:.1f} s after a restart, at most {slowest:.1f} s of {RESUMED_SECONDS:.0f}; {_load()}")
    return 0 if passed else 1


@contextmanager
def databases(where: str) -> Generator[Callable[[Path], str]]:
    """Gives the URL of an empty database for the home of each investigation."""
    if where == "sqlite":
        yield lambda home: f"sqlite:///{home / 'assay.db'}"
    elif where == "postgres":
        with tempfile.TemporaryDirectory() as folder, start_server(Path(folder)) as server:
            assert server is not None, "PostgreSQL is not installed: apt-get install -y postgresql"
            yield lambda home: _beside(server.url, home)
    else:
        yield lambda home: _beside(where, home)


def investigated(deployment: Deployment, kills: Kills, number: int) -> bool:
    """One investigation under kills; whether it kept its promises."""
    deployment.register()
    deployment.say(f"investigate {SLUG} effort=normal budget=500")
    engine, before, ends = deployment.start_engine(), kills.asking, time.monotonic() + MOST_SECONDS
    while not _is_over(deployment):
        if sum(kills.killed.values()) < KILLS:
            engine = kills.one(deployment, engine)
        assert time.monotonic() < ends, f"no end within {MOST_SECONDS:.0f} s: {deployment.log()}"
        time.sleep(0.05)
    run, answered = deployment.run(), deployment.seen()["answered"]
    assert run is not None
    with deployment.database.read() as tx:
        told = list(tx.exec(select(Verdict).where(col(Verdict.run_id) == run.run_id)))
    repeated, allowed = sum(answered.values()) - len(answered), IN_FLIGHT * (kills.asking - before)
    again, broken = _steps(deployment.home)
    say(
        f"investigation {number}: {run.state}, {len(told)} verdict; {len(answered)} paid calls, {repeated} repeated "
        f"({allowed} were in flight when their job was killed); {again} steps trained again, "
        f"{len(broken)} trainings that lost more than a tenth or did not come to their last step {broken or ''}"
    )
    booked = told[0].record["bill"]["paid_calls"] if told else -1
    return (run.state, len(told), booked, broken) == (RunState.DONE, 1, len(answered), []) and repeated <= allowed


def say(words: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _beside(url: str, home: Path) -> str:
    server, own = open_database(url), f"{url.rpartition('/')[0]}/{home.name.replace('-', '_').lower()}"
    make_beside(server, own)
    server.close()
    return own


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"


def _working(home: Path) -> list[JobFolder]:
    """Jobs that work now and may be killed without being given up: they are started three times."""
    found = [JobFolder(path.parent) for path in home.glob("jobs/*/owner.json")]
    return [job for job in found if job.owner() and job.is_alive() and job.attempt().tries < TRIES]


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended by itself


def _is_worked_on(deployment: Deployment, since: float) -> bool:
    polled = [path.stat().st_mtime for path in deployment.home.glob("jobs/*/polled")]
    return _is_over(deployment) or max(polled, default=0.0) > since


def _is_over(deployment: Deployment) -> bool:
    run = deployment.run()
    return run is not None and run.finished_at is not None


def _steps(home: Path) -> tuple[int, list[str]]:
    """Gradient steps that were trained twice, and the trainings that broke the promise about them, with their steps.

    A cut one goes on at its last checkpoint, a tenth of its steps back at most, and each comes to its last step. One
    that looked collapsed was begun again from nothing at a lower rate, and is left out.
    """
    again, broken = 0, list[str]()
    for path in home.glob("jobs/train-*/progress.jsonl"):
        job = JobFolder(path.parent)
        recipe, ended = job.spec().config["recipe"], job.ended()
        rung = recipe["rung"]
        if rung not in SPREADING or ended is None or ended.result["facts"]["lr"] != recipe["settings"]["lr"]:
            continue
        told = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        back = [max(before["step"] - after["step"], 0) for before, after in pairwise(told)]
        again += sum(back)
        if max(back, default=0) > math.ceil(EVERY_SHARE * told[-1]["of"]) or told[-1]["step"] != told[-1]["of"]:
            broken.append(f"{rung}: {[line['step'] for line in told]} of {told[-1]['of']}")
    return again, broken


def _counts(killed: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(killed.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
