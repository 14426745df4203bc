"""What a re-baseline tries: each model with the current prompt, and with the team's own prompt for it; and the results.

Knows nothing of ledgers, budgets or months. A prompt's text stays in the store: options are handed on by their names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.approaches import Task
from engine.flows.steps import scores
from engine.models.feature import Baseline, Feature
from engine.rules.rebaseline import Rebaseline
from engine.runners import JobKind, JobSpec
from engine.store import policies
from engine.store.database import Tx
from engine.teachers.options import BASELINE

LETTERS = 4  # of a token, about
OWN = " own prompt"  # ends the name of a model asked with the team's prompt for it


def options(tx: Tx, feature_id: int, baseline: Baseline, models: Sequence[str]) -> dict[str, str]:
    """Every option by its name: the baseline, each model with the current prompt, and with a prompt of its own."""
    named = {BASELINE: baseline.model, **{name: name for name in models if name != baseline.model}}
    own = policies.prompts(tx, feature_id)
    return named | {f"{model}{OWN}": model for model in named.values() if model in own}


def unmigrated(tx: Tx, feature_id: int, named: Mapping[str, str]) -> list[str]:
    """The newly tried models that the team has no prompt of its own for: they were asked the current one alone."""
    own = policies.prompts(tx, feature_id)
    return [model for name, model in named.items() if name == model and model not in own]


def longer(tx: Tx, feature_id: int, baseline: Baseline, *, name: str, model: str) -> int:
    """About how many tokens more an option's prompt takes than the registered one; 0 for the registered one."""
    if not name.endswith(OWN):
        return 0
    return max(len(policies.prompts(tx, feature_id)[model]) - len(baseline.prompt), 0) // LETTERS


def spec(tx: Tx, feature: Feature, baseline: Baseline, name: str, **job: Any) -> JobSpec:  # noqa: ANN401 (JSON values)
    """The job that asks an option; ``job`` names run, model, rows, budget and the day replies are fresh from."""
    rows = job.pop("rows")
    own = policies.prompts(tx, feature.id or 0)
    return JobSpec(
        kind=JobKind.ASK,
        inputs={"rows": rows, "examples": rows},
        config={
            "contender": BASELINE,  # a prompt as it is, whoever is asked
            "base_url": baseline.base_url,
            "prompt": own.get(job["model"], baseline.prompt) if name.endswith(OWN) else baseline.prompt,
            "parameters": baseline.parameters,
            **Task.of(feature).body,
            "attempt": 0,
            **job,
        },
    )


def results(
    feature: Feature, given: Mapping[str, scores.Rows], named: Mapping[str, str], judged: Rebaseline
) -> dict[str, dict[str, Any]]:
    """What each option scored beside the live model, by its name, and what a row took."""
    found: dict[str, dict[str, Any]] = {}
    for standing in judged.standings:
        score = scores.scored(Task.of(feature), standing.name, given[standing.name], named[standing.name])
        found[standing.name] = {
            "model": named[standing.name],
            "prompt": "own" if standing.name.endswith(OWN) else "current",
            "rows": score.rows,
            "quality": score.quality,
            "low": standing.difference.low,
            "high": standing.difference.high,
            "sd": math.sqrt(standing.row_variance),
            "adjusted": standing.adjusted,
            "qualified": standing.is_qualified,
            "tokens_in": score.tokens_in / score.rows,
            "tokens_out": score.tokens_out / score.rows,
        }
    return found


def told(fresh: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a checkup keeps of fresh rows, by stratum: they are no sealed rows, so their figures are exact."""
    kept = ("model", "prompt", "quality", "low", "high")
    return [
        {
            "stratum": stratum,
            "rows": found["rows"],
            "live_quality": found["live_quality"],
            "options": [{name: one[name] for name in kept} for one in found["options"].values()],
        }
        for stratum, found in fresh.items()
    ]
