"""Ask a candidate every row of an artifact, offline."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.approaches.registry import approach_of
from engine.evals.predict import predict, predict_votes
from engine.evals.rows import DatasetRow, read_rows, write_predictions
from engine.jobs.work import Job
from engine.train import Sampling
from engine.train.ladder import rung_of


def run(job: Job) -> dict[str, Any]:
    """``predictions`` (artifact id), ``rows`` and ``seconds``; loading the candidate is not counted.

    Where ``samples`` are to vote, ``votes`` in place of predictions, none of a candidate that always answers alike.
    """
    answerer = rung_of(str(job.config["rung"])).load(job.input("candidate"), job.host)
    rows = read_rows(job.input("rows"))
    began = time.perf_counter()
    if "samples" in job.config:
        voted = _votes(job, answerer, rows) if isinstance(answerer, Sampling) else None
        return {"votes": voted, "rows": len(rows), "seconds": time.perf_counter() - began}
    made = predict(answerer, rows, approach=approach_of(job.task.approach), task=job.task, progress=job.progress)
    seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
        write_predictions(Path(folder), made)
        return {"predictions": job.artifacts.put(Path(folder)), "rows": len(made), "seconds": seconds}


def _votes(job: Job, answerer: Sampling, rows: Sequence[DatasetRow]) -> dict[str, float]:
    found = predict_votes(
        answerer,
        rows,
        approach=approach_of(job.task.approach),
        task=job.task,
        samples=int(job.config["samples"]),
        temperature=float(job.config["temperature"]),
        progress=job.progress,
    )
    return asdict(found)
