"""Ask a prompted option on rows: paid calls, remembered and capped by ``engine.teachers``. Alone opens the database."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from engine.evals.rows import read_rows, write_predictions
from engine.jobs.work import Job
from engine.store.database import open_database
from engine.teachers.ask import ask_rows


def run(job: Job) -> dict[str, Any]:
    """The counts of the pass, and ``predictions``: the artifact with one prediction for every answered row."""
    database = open_database(job.settings.database)
    try:
        asked = ask_rows(
            database,
            job.settings,
            job.spec,
            rows=read_rows(job.input("rows")),
            examples=read_rows(job.input("examples")),
            progress=job.progress,
        )
    finally:
        database.close()
    with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
        write_predictions(Path(folder), asked.predictions)
        return {**asked.counts, "predictions": job.artifacts.put(Path(folder))}
