"""A process that asks: ``python -m tests.unit.teachers.asking_child DATABASE_URL BASE_URL``. Tests kill it."""

from __future__ import annotations

import sys

from engine.settings import Settings
from engine.store.database import open_database
from engine.teachers.ask import ask_rows
from tests.unit.teachers.asking import QUICK, rows_of, spec_of


def main(database_url: str, base_url: str) -> None:
    asked = ask_rows(
        open_database(database_url),
        Settings(),
        spec_of(base_url),
        rows=rows_of(200),
        examples=[],
        progress=lambda step, of, loss: None,
        tempo=QUICK,
    )
    assert len(asked.predictions) == 200


if __name__ == "__main__":
    main(*sys.argv[1:])
