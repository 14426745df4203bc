"""A candidate served by a child of this host: found by whoever comes back, ended when told, refused when damaged."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import openai
import pytest

from engine.errors import NotFound, WorkFailed
from engine.servers import Condition
from engine.servers.host import HostServer
from engine.store.artifacts import Artifacts
from tests.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    yield tmp_path
    server = server_at(tmp_path)
    for artifact in server.served():
        server.unload(artifact)


def server_at(home: Path) -> HostServer:
    """A new one each time: nothing may hang on what an engine remembers."""
    return HostServer(home / "servers", artifacts(home), prompt_of=lambda _artifact: "Sort this: {{ input }}")


def artifacts(home: Path) -> Artifacts:
    return Artifacts(f"file://{home / 'artifacts'}")


def a_control(home: Path, label: str = "billing") -> str:
    """The cheapest candidate there is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {"approach": "classify", "classes": ["billing", "bug"], "rung": "majority"}
        (folder / "candidate.json").write_text(json.dumps(made))
        (folder / "majority.json").write_text(json.dumps({"label": label, "share": 0.6}))
        return artifacts(home).put(folder)


def is_ready(home: Path, artifact: str) -> bool:
    return server_at(home).health(artifact).condition is Condition.READY


def pid_of(home: Path, artifact: str) -> int:
    return json.loads((home / "servers" / artifact / "child.json").read_text())["pid"]


def test_a_child_serves_is_found_again_comes_back_at_its_port_and_ends(home: Path) -> None:
    artifact = a_control(home)
    assert server_at(home).health(artifact).condition is Condition.DOWN
    at = server_at(home).ensure(artifact)
    first = pid_of(home, artifact)
    eventually(lambda: is_ready(home, artifact))
    assert (server_at(home).ensure(artifact), pid_of(home, artifact)) == (at, first), "the next engine attaches"
    with openai.OpenAI(base_url=at.base_url, api_key="none", max_retries=0) as client:
        asked = client.chat.completions.create(model=at.model, messages=[{"role": "user", "content": "x"}])
        assert asked.choices[0].message.content == "billing"
        with pytest.raises(
            openai.BadRequestError, match="the input in the user message"
        ):  # which holds the prompt alone
            client.chat.completions.create(model=at.model, messages=[{"role": "user", "content": "Sort this: "}])
    os.killpg(first, signal.SIGKILL)
    eventually(lambda: server_at(home).health(artifact).condition is Condition.DOWN)
    assert server_at(home).ensure(artifact) == at, "routes need not change"
    eventually(lambda: is_ready(home, artifact))
    assert server_at(home).served() == [artifact]
    server_at(home).unload(artifact)
    assert (server_at(home).served(), server_at(home).health(artifact).condition) == ([], Condition.DOWN)


def test_a_damaged_candidate_is_never_served(home: Path) -> None:
    artifact = a_control(home)
    (home / "artifacts" / artifact / "majority.json").write_text("{}")
    with pytest.raises(WorkFailed, match=r"majority\.json is damaged"):
        server_at(home).ensure(artifact)
    with pytest.raises(NotFound):
        server_at(home).ensure("0" * 64)
    assert server_at(home).served() == []


def test_a_child_that_cannot_serve_says_why(home: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "rows.jsonl").write_text("{}")
        artifact = artifacts(home).put(Path(name))
    server_at(home).ensure(artifact)
    eventually(lambda: server_at(home).health(artifact).condition is Condition.DOWN)
    assert "is no candidate" in server_at(home).health(artifact).why
