"""The ladder on 4,000 real sentences, rung against rung in one run: ``python -m tests.training.bench_ladder [SEEDS]``.

Every training and scoring is a job as in an investigation, so seconds hold the start of a process. Exit 1 when LoRA is
not a point of accuracy above the frozen encoder, or the first seed's ladder takes more than 4 minutes (docs/engine.md).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from engine.approaches import Parsed, Task
from engine.approaches.registry import approach_of
from engine.evals.rows import DatasetRow, read_predictions
from engine.models.investigation import Effort, Recipe
from engine.runners import JobKind, JobSpec, JobStatus
from engine.runners.folder import JobFolder
from engine.runners.local import LocalRunner
from engine.testing.corpus import CLASSES
from engine.train.ladder import ladder
from tests.training.home import Home, real_rows

TRAIN, TEST = 4000, 1500
TASK = Task(approach="classify", classes=CLASSES)
POINTS_LEAST = 0.01
SECONDS_MOST = 240.0


@dataclass(frozen=True)
class Line:
    """One recipe and seed: quality on the test rows, wall seconds of both jobs, and their CPU seconds and peak MB."""

    name: str
    accuracy: float
    macro_f1: float
    train_s: float
    predict_s: float
    cpu_s: float
    peak_mb: int
    alarm: str


def main(seeds: int) -> int:
    rows = real_rows(TRAIN + TEST)
    lines: dict[int, list[Line]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for seed in range(seeds):
            recipes = [recipe for rung in ladder() for recipe in rung.recipes(Effort.NORMAL, seed, TASK)]
            again = recipes if seed == 0 else [recipe for recipe in recipes if recipe.rung == "lora_encoder"]
            lines[seed] = []
            for recipe in again:
                line = measured(home, recipe, rows)
                lines[seed].append(line)
                say(
                    f"seed {seed}  {line.name:14} accuracy {line.accuracy:.3f}  macro-F1 {line.macro_f1:.3f}  "
                    f"train {line.train_s:5.1f} s  predict {line.predict_s:4.1f} s  "
                    f"CPU {line.cpu_s:5.1f} s  peak {line.peak_mb:,} MB  {line.alarm}"
                )
    return verdict(lines)


def measured(home: Home, recipe: Recipe, rows: list[DatasetRow]) -> Line:
    config = {"recipe": recipe.model_dump(mode="json"), "approach": "classify", "classes": list(CLASSES)}
    inputs = {"train": home.put(rows[:TRAIN]), "dev": home.put(rows[TRAIN:])}
    train, train_s, cpu_s, peak_mb = worked(
        home, JobSpec(kind=JobKind.TRAIN, inputs=inputs, config=config, seed=recipe.seed)
    )
    scoring = {"approach": "classify", "classes": list(CLASSES), "rung": recipe.rung}
    predict, predict_s, more_cpu_s, more_mb = worked(
        home,
        JobSpec(
            kind=JobKind.PREDICT,
            inputs={"candidate": str(train["artifact"]), "rows": inputs["dev"]},
            config=scoring,
        ),
    )
    made = read_predictions(home.artifacts.path(str(predict["predictions"])))
    said = [Parsed(output=one.output, valid=one.valid) for one in made]
    quality = approach_of("classify").quality([row.output for row in rows[TRAIN:]], said, TASK)
    return Line(
        name=recipe.name,
        accuracy=quality["accuracy"],
        macro_f1=quality["macro_f1"],
        train_s=train_s,
        predict_s=predict_s,
        cpu_s=cpu_s + more_cpu_s,
        peak_mb=max(peak_mb, more_mb),
        alarm=str(train["alarm"]) if "alarm" in train else "",
    )


def worked(home: Home, spec: JobSpec) -> tuple[dict[str, object], float, float, int]:
    """Result, wall seconds, CPU seconds and peak MB of a job. The last two are read from /proc while it lives."""
    runner = LocalRunner(home.path / "jobs")
    began = time.perf_counter()
    state = runner.ensure(spec)
    cpu_s, peak_mb = 0.0, 0
    while state.status in {JobStatus.QUEUED, JobStatus.RUNNING}:
        cpu_s, peak_mb = max((cpu_s, peak_mb), usage(home.folder(spec)))
        time.sleep(0.05)
        state = runner.poll(spec.job_id)
    assert state.status is JobStatus.DONE, state
    return state.result, time.perf_counter() - began, cpu_s, peak_mb


def usage(folder: JobFolder) -> tuple[float, int]:
    owner = folder.owner()
    try:
        stat = Path(f"/proc/{owner.pid}/stat").read_text().rpartition(")")[2].split() if owner else []
        status = Path(f"/proc/{owner.pid}/status").read_text() if owner else ""
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0
    peak = [int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM")]
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(stat[11]) + int(stat[12])) / ticks if stat else 0.0, peak[0] if peak else 0


def verdict(lines: dict[int, list[Line]]) -> int:
    first = lines[0]
    wall = sum(line.train_s + line.predict_s for line in first)
    lora = [line.accuracy for of_seed in lines.values() for line in of_seed if line.name == "lora_encoder"]
    frozen = next(line.accuracy for line in first if line.name == "frozen")
    gain = statistics.mean(lora) - frozen
    say(f"lora_encoder over frozen: {gain * 100:+.1f} points of accuracy, mean of {len(lora)} (at least +1.0)")
    say(f"the ladder of one seed: {wall:.0f} s (at most {SECONDS_MOST:.0f} s on 2 quiet cores)")
    collapsed = any(line.alarm for of_seed in lines.values() for line in of_seed)
    return 0 if gain >= POINTS_LEAST and wall <= SECONDS_MOST and not collapsed else 1


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
