"""One bot and one room per test, on SQLite: what databases differ in is tested at the desk and in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.services import Services
from tests.prepared import sqlite_in
from tests.slack.bot.carried import Carrier, by_socket
from tests.slack.bot.post import Post
from tests.slack.bot.wire import Wire, wired
from tests.slack.standin.rooms import Served, served


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """An SQLite file of this test."""
    return sqlite_in(tmp_path)


@pytest.fixture
def room() -> Iterator[Served]:
    """A small Slack in memory."""
    with served(patience=20) as found:
        yield found


@pytest.fixture
def wire(services: Services, room: Served) -> Iterator[Wire]:
    """A bot behind HTTP that talks to the room."""
    with wired(services, room) as found:
        yield found


@pytest.fixture(params=["http", "socket"])
def carried(request: pytest.FixtureRequest, wire: Wire) -> Iterator[Carrier]:
    """A way to deliver: signed HTTP, and Socket Mode."""
    if request.param == "http":
        yield wire
        return
    with by_socket(wire) as found:
        yield found


@pytest.fixture
def post(wire: Wire) -> Post:
    """A sender whose time the test moves."""
    return Post(wire)
