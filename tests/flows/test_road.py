"""The whole road over ``assay say`` alone, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from engine.models.investigation import RunState
from engine.store import features, labels
from tests.flows.conftest import SLUG, Deployment

pytestmark = [pytest.mark.torch, pytest.mark.processes, pytest.mark.xdist_group("processes")]


@pytest.mark.timeout(1500)
def test_the_whole_road_is_walked_by_words_alone(deployment: Deployment) -> None:
    deployment.register()
    assert "no open rollout" in deployment.say(f"rollout {SLUG} rollback", code=1)
    told = deployment.say(f"investigate {SLUG} effort=quick budget=20")
    run_id = re.search(r"inv-[a-z0-9]{6,26}", told)
    assert run_id, told
    again = deployment.say(f"investigate {SLUG}")
    assert run_id[0] in again  # one open run per feature
    engine = deployment.start_engine()
    deployment.wait(lambda: _ended(deployment), "the end of the investigation")
    run = deployment.run()
    assert run is not None
    assert run.state is RunState.DONE, run.reason
    said = deployment.say(f"compare {SLUG}")
    assert "Ship the tuned model" in said
    assert "simulated" in said
    asked = deployment.say(f"rollout {SLUG} next")
    token = re.search(r"\(([\w-]{22})\)", asked)
    assert token
    assert "somebody else must approve" in deployment.say(f"approve {token[1]}", code=1)
    deployment.say(f"approve {token[1]}", person="bo")
    deployment.wait(lambda: "shadow" in deployment.say(f"rollout {SLUG}"), "the shadow stage")
    assert "Served on the engine's host at http://127.0.0.1:" in deployment.say(f"rollout {SLUG}")
    assert "Already approved" in deployment.say(f"approve {token[1]}", person="cy", code=1)
    assert "cannot leave shadow yet" in deployment.say(f"rollout {SLUG} next", code=1)
    today = datetime.now(UTC)
    deployment.program("scheduler", "--once", "--now", f"{_months_after(today, 2):%Y-%m}-05T09:00:00Z")
    engine.terminate()
    assert engine.wait(timeout=60) == 0
    deployment.program("scheduler", "--once", "--now", f"{_months_after(today, 3):%Y-%m}-05T09:00:00Z")  # no engine
    digest = deployment.say("digest")
    assert f"Assay, {_months_after(today, 2):%Y-%m}" in digest
    assert SLUG in digest
    deployment.say(f"rollout {SLUG} rollback", person="bo")
    assert "rolled" in deployment.say(f"rollout {SLUG}")
    assert _asked_once(deployment)


def _months_after(today: datetime, count: int) -> datetime:
    """The first day of the month that many after this one: real days, so that no date here is ever past."""
    first = today.replace(day=1)
    for _ in range(count):
        first = (first + timedelta(days=32)).replace(day=1)
    return first


def _ended(deployment: Deployment) -> bool:
    run = deployment.run()
    return run is not None and run.finished_at is not None


def _asked_once(deployment: Deployment) -> bool:
    answered = deployment.seen()["answered"]
    return bool(answered) and max(answered.values()) == 1


def test_a_label_import_that_is_killed_leaves_nothing_or_all(deployment: Deployment) -> None:
    deployment.say(
        f"register {SLUG} model=simulated-frontier-1 prompt=Say base_url={deployment.model_url} "
        "labels=negative,neutral,positive"
    )
    command = [sys.executable, "-m", "bot.cli", "import-labels", SLUG, str(deployment.home / "labels.jsonl")]
    seen: set[int] = set()
    for seconds in (0.8, 1.2, 1.6, 2.0, 2.4, 300.0):
        importing = subprocess.Popen(command, env=deployment.environment, stdout=subprocess.DEVNULL)
        try:
            importing.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            importing.send_signal(signal.SIGKILL)
            importing.wait()
        seen.add(_rows(deployment))
    assert max(seen) == 900 - len(_copies(deployment))
    assert seen <= {0, max(seen)}


def _rows(deployment: Deployment) -> int:
    with deployment.database.read() as tx:
        return labels.usable(tx, features.by_slug(tx, SLUG).id or 0)


def _copies(deployment: Deployment) -> list[str]:
    texts = [
        json.loads(line)["input"].casefold() for line in (deployment.home / "labels.jsonl").read_text().splitlines()
    ]
    return [text for place, text in enumerate(texts) if text in texts[:place]]
