"""Ask a candidate every row of an artifact, offline."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from engine.approaches.registry import approach_of
from engine.evals.predict import predict
from engine.evals.rows import read_rows, write_predictions
from engine.jobs.work import Job
from engine.train.ladder import rung_of


def run(job: Job) -> dict[str, Any]:
    """``predictions`` (artifact id), ``rows`` and ``seconds``; loading the candidate is not counted."""
    answerer = rung_of(str(job.config["rung"])).load(job.input("candidate"), job.host)
    rows = read_rows(job.input("rows"))
    began = time.perf_counter()
    made = predict(answerer, rows, approach=approach_of(job.task.approach), task=job.task, progress=job.progress)
    seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
        write_predictions(Path(folder), made)
        return {"predictions": job.artifacts.put(Path(folder)), "rows": len(made), "seconds": seconds}
