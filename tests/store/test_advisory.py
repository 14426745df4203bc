"""An advisory lock of PostgreSQL is one connection's for as long as that lives."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from engine.store import advisory
from engine.store.database import open_database
from tests.waiting import eventually

pytestmark = pytest.mark.postgres

KEY = 0x7465_7374


def test_a_lock_is_held_by_one_and_free_when_let_go(postgres_url: str) -> None:
    one, other = open_database(postgres_url), open_database(postgres_url)
    with advisory.held(one, KEY) as mine:
        assert mine is not None
        assert mine()
        with advisory.held(other, KEY) as theirs:
            assert theirs is None
    with advisory.held(other, KEY) as theirs:
        assert theirs is not None
    one.close()
    other.close()


def test_a_lock_whose_connection_was_ended_is_no_longer_held(postgres_url: str) -> None:
    one, other = open_database(postgres_url), open_database(postgres_url)
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ending = text(f"SELECT pg_terminate_backend(pid) {others}")
    with advisory.held(one, KEY) as mine:
        assert mine is not None
        with other.engine.connect() as connection:
            connection.execute(ending)
        eventually(lambda: not mine())
        with advisory.held(other, KEY) as theirs:
            assert theirs is not None
    one.close()
    other.close()
