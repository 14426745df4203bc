"""The stand-in as the demo starts it: a program of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.standin.seed import default_seed, read_seed
from tests.waiting import SECONDS, eventually

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]
ROOT = Path(__file__).parents[3]


@contextmanager
def started(home: Path, *options: str) -> Iterator[str]:
    """The address of a stand-in in a process of its own."""
    port_file = home / "port.json"
    words = [sys.executable, "-m", "bot.standin.main", "--port", "0", "--port-file", str(port_file), *options]
    program = subprocess.Popen(words, cwd=ROOT)
    try:
        eventually(port_file.exists)
        yield json.loads(port_file.read_text("utf-8"))["url"]
    finally:
        program.terminate()
        program.wait(SECONDS)


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        return answer.read().decode()


def test_it_serves_within_three_seconds_and_needs_nothing_but_a_folder(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with started(tmp_path, "--home", str(tmp_path / "new")) as url:
        html = read(url)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3.0  # of a processor, busy or not
    for hint in ("/assay features", "/assay show ticket-router", "/assay investigate ticket-router"):
        assert f"<code>{hint}</code>" in html
    assert (tmp_path / "new/standin.db").exists()


def test_the_verbs_of_the_bot_can_be_handed_in(tmp_path: Path) -> None:
    verbs = tmp_path / "verbs.json"
    verbs.write_text(json.dumps(["help", {"name": "digest", "summary": "The month in one message"}]), "utf-8")
    with started(tmp_path, "--home", str(tmp_path), "--verbs", str(verbs)) as url:
        html = read(url)
    assert 'data-verb="digest"' in html
    assert "The month in one message" in html
    assert 'data-verb="features"' not in html


def test_a_seed_of_ones_own_replaces_the_people(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    people = [{"id": "U7", "name": "ada", "real_name": "Ada Own"}]
    seed.write_text(json.dumps({"people": people, "channels": [{"id": "C7", "name": "own"}]}), "utf-8")
    with started(tmp_path, "--store", str(tmp_path / "room.db"), "--seed", str(seed)) as url:
        html = read(url)
    assert "Ada Own" in html
    assert "Mara Lind" not in html


def test_the_room_holds_a_requester_two_approvers_a_manager_and_a_guest() -> None:
    seed = default_seed()
    assert [person.roles for person in seed.people] == ["Requester", "Approver", "Approver", "Manager", "Guest"]
    assert [person.is_guest for person in seed.people] == [False, False, False, False, True]
    assert len(seed.tour.hints) == 3


def test_an_empty_seed_is_an_empty_room() -> None:
    assert read_seed("{}").people == ()
