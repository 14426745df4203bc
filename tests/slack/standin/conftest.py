"""One stand-in per test, in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slack.standin.rooms import App, Served, connected, served


@pytest.fixture
def room() -> Iterator[Served]:
    with served(patience=20) as found:  # Slack's own 3 seconds are no measure on a busy machine
        yield found


@pytest.fixture
def app(room: Served) -> Iterator[App]:
    with connected(room) as found:
        yield found
