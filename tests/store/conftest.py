"""A fresh database for each test of the stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import SQLModel

from engine.store.database import Database, open_database


@pytest.fixture
def database(tmp_path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/assay.db")
    SQLModel.metadata.create_all(opened.engine)
    yield opened
    opened.close()
