"""Tell an experiment tracker of a run: ``python -m engine.jobs.trackers NAME SECONDS``, its facts as JSON on stdin.

A child of its own, so that neither the tracker's imports nor its waits touch the engine. It holds names and numbers; no
text of a row, prompt or reply is among what it is given.
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
from collections.abc import Callable
from typing import Any

Facts = dict[str, Any]


def mlflow(facts: Facts) -> None:
    """A run of MLflow for each candidate, in the experiment of the feature; what is there already is left alone."""
    tracker: Any = importlib.import_module("mlflow")
    experiment = tracker.set_experiment(f"assay-{facts['feature']}")
    client = tracker.MlflowClient()
    for one in facts["candidates"]:
        name = f"{facts['run']}/{one['contender']}"
        if client.search_runs([experiment.experiment_id], f"tags.`mlflow.runName` = '{name}'", max_results=1):
            continue
        with tracker.start_run(run_name=name):
            tracker.log_params(one["params"])
            tracker.log_metrics(one["metrics"])
            tracker.set_tags({**facts["lineage"], **one["tags"]})


def wandb(facts: Facts) -> None:
    """A run of Weights & Biases for each candidate, grouped by investigation; told again it is the same run."""
    tracker: Any = importlib.import_module("wandb")
    for one in facts["candidates"]:
        run = tracker.init(
            project=f"assay-{facts['feature']}",
            group=facts["run"],
            id=f"{facts['run']}-{one['contender']}",
            name=one["contender"],
            resume="allow",
            config={**one["params"], **facts["lineage"], **one["tags"]},
            settings=tracker.Settings(console="off", disable_git=True, disable_code=True, silent=True),
        )
        run.log(one["metrics"])
        run.finish()


TRACKERS: dict[str, Callable[[Facts], None]] = {"mlflow": mlflow, "wandb": wandb}

if __name__ == "__main__":
    signal.alarm(int(sys.argv[2]))  # ends this process, whatever it waits for and whoever is left to end it
    TRACKERS[sys.argv[1]](json.load(sys.stdin))
