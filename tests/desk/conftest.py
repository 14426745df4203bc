"""The desk decides alike on every database, so it is tested on SQLite; what may differ is in ``test_at_once.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """An SQLite file of this test."""
    return sqlite_in(tmp_path)
