"""Ask a served candidate what it was judged by, and compare with what it answered then."""

from __future__ import annotations

import json

import openai

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import NotFound
from engine.evals.parity import Agreement, agreement
from engine.evals.rows import DatasetRow
from engine.models.investigation import Prediction
from engine.models.labels import Part
from engine.servers import Endpoint
from engine.servers.choice import key_of
from engine.services import Services
from engine.store import investigations, policies

Asked = tuple[list[DatasetRow], list[Prediction]]


def check(services: Services, feature_id: int, artifact: str, endpoint: Endpoint) -> Agreement:
    """Dev rows through the real endpoint against the offline answers of the run that made the candidate.

    Raises ``NotFound`` where none are stored, ``Unavailable`` for a server that does not answer.
    """
    rows, offline = _judged(services, feature_id, artifact)
    task = Task.read(json.loads(services.artifacts.read_bytes(artifact, "candidate.json")))
    with openai.OpenAI(
        base_url=endpoint.base_url,
        api_key=key_of(services.settings, endpoint.base_url) or "none",
        default_headers=endpoint.headers,
        max_retries=0,
    ) as client:
        return agreement(
            client,
            endpoint.model,
            rows=rows,
            offline=offline,
            approach=approach_of(task.approach),
            task=task,
            progress=lambda _step, _of, _loss: None,
        )


def _judged(services: Services, feature_id: int, artifact: str) -> Asked:
    with services.database.read() as tx:
        most = policies.current(tx, feature_id).evaluation.parity_rows
        candidate = investigations.candidate_by_artifact(tx, artifact)
        found = investigations.predictions(tx, candidate.run_id, candidate.contender, Part.DEV) if candidate else []
        rows = [DatasetRow(id=label.row_id, input=label.input, output=label.output) for label, _ in found[:most]]
        offline = [
            Prediction(
                row_id=label.row_id,
                output=said.output,
                correct=said.correct,
                score=said.score,
                valid=said.valid,
                latency_ms=said.latency_ms,
            )
            for label, said in found[:most]
        ]
    if not rows:
        raise NotFound(
            f"No offline answers of candidate {artifact[:12]} are stored, so what it serves cannot be compared.",
            hint="Investigate again, and roll out what that run made.",
        )
    return rows, offline
