"""Train one recipe into a candidate artifact: weights, ``candidate.json`` and a model card."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Sequence
from typing import Any

from engine.evals.rows import DatasetRow, read_rows, words_p50
from engine.jobs.card import model_card
from engine.jobs.work import Job
from engine.models.investigation import Recipe
from engine.rules import halving
from engine.train import TrainingRow
from engine.train.ladder import rung_of

RATIONALE_LEAST = 0.8  # docs/engine.md: fewer rows with one would teach two ways to answer


def run(job: Job) -> dict[str, Any]:
    """``artifact`` (its id), ``seconds``, ``alarm`` ("" or why it is never promoted), ``facts`` and ``recipe``."""
    recipe = Recipe.model_validate(job.config["recipe"])
    rows = read_rows(job.input("train"))
    folder = job.scratch / "candidate"
    shutil.rmtree(folder, ignore_errors=True)  # what an attempt before left half written
    folder.mkdir()
    rung = rung_of(recipe.rung)
    quoted = rung.quote(job.host, job.task, len(rows), words_p50(row.input for row in rows))
    trained = rung.train(
        recipe,
        job.task,
        train=training_rows(rows),
        dev=training_rows(read_rows(job.input("dev"))),
        folder=folder,
        scratch=job.scratch,
        host=job.host,
        progress=job.progress,
    )
    if not job.leads:
        return {}
    recipe = trained.recipe or recipe
    candidate = {
        **job.task.body,
        "recipe": recipe.model_dump(mode="json"),
        "rung": recipe.rung,
    }
    (folder / "candidate.json").write_text(json.dumps(candidate, indent=1, sort_keys=True), encoding="utf-8")
    card = model_card(recipe, job.task, rows=len(rows), train=job.spec.inputs["train"], alarm=trained.alarm)
    (folder / "README.md").write_text(card, encoding="utf-8")
    artifact = job.artifacts.put(folder)
    whole = halving.work(int((trained.facts or {}).get("raced", 1)))
    measured = {"host": socket.gethostname(), "quoted_s": quoted.seconds * whole}  # for the next quote here
    facts = {**(trained.facts or {}), **measured}
    return {
        "artifact": artifact,
        "seconds": trained.seconds,
        "alarm": trained.alarm,
        "facts": facts,
        "recipe": recipe.model_dump(mode="json"),
    }


def training_rows(rows: Sequence[DatasetRow]) -> list[TrainingRow]:
    """Rows as they are trained on: with their rationales where enough of them have one, or else all without."""
    has = sum(bool(row.rationale) for row in rows) >= RATIONALE_LEAST * len(rows)
    return [
        TrainingRow(
            id=row.id,
            input=row.input,
            output=row.output,
            rationale=row.rationale if has else "",
            rejected=row.rejected,
        )
        for row in rows
    ]
