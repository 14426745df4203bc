"""One bot and one room per test, on SQLite: what databases differ in is tested at the desk and in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.services import Services
from tests.slack.bot.wire import Wire, wired
from tests.slack.standin.rooms import Served, served


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """An SQLite file of this test."""
    return f"sqlite:///{tmp_path / 'assay.db'}"


@pytest.fixture
def room() -> Iterator[Served]:
    """A small Slack in memory."""
    with served(patience=3.0) as found:
        yield found


@pytest.fixture
def wire(services: Services, room: Served) -> Iterator[Wire]:
    """A bot behind HTTP that talks to the room."""
    with wired(services, room) as found:
        yield found
