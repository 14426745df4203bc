"""Serve a candidate on a free port, ask it dev rows over HTTP, and compare with what it answered offline."""

from __future__ import annotations

from typing import Any

import openai

from engine.approaches.registry import approach_of
from engine.evals.parity import agreement
from engine.evals.rows import read_predictions, read_rows
from engine.jobs.work import Job
from engine.servers.local import build_app, loaded, served


def run(job: Job) -> dict[str, Any]:
    """``agree``, ``rows``, ``first`` (id that differs, or ""), ``latency_p50_ms``, ``latency_p95_ms``."""
    model = job.spec.inputs["candidate"]
    app = build_app(model, loaded(job.input("candidate"), job.host))
    rows = read_rows(job.input("rows"))[: int(job.config["rows"])]
    offline = read_predictions(job.input("predictions"))
    with (
        served(app, model) as endpoint,
        openai.OpenAI(base_url=endpoint.base_url, api_key="none-needed", max_retries=0) as client,
    ):
        found = agreement(
            client,
            model,
            rows=rows,
            offline=offline,
            approach=approach_of(job.task.approach),
            task=job.task,
            progress=job.progress,
        )
    return found.model_dump()
