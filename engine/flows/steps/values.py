"""What the steps of an investigation hand on: ids, names and counts, never texts."""

from __future__ import annotations

from engine.models.base import Value
from engine.models.investigation import Effort, Recipe
from engine.store.policies import Policy


class Frozen(Value):
    """What a run is judged by, fixed at its start: later edits change nothing in it."""

    run_id: str
    feature_id: int
    slug: str
    approach: str
    classes: list[str]
    margin: float
    policy: Policy
    label_set_id: int
    labels_version: str
    baseline_id: int
    effort: Effort
    seed: int
    budget_nano: int


class Skipped(Value):
    """A rung that is not run, and the sentence why."""

    rung: str
    why: str


class Plan(Value):
    """What will be done: the parted rows as artifacts, the prompted options, the recipes cheap to dear."""

    train: str
    dev: str
    train_rows: int
    dev_rows: int
    sealed_rows: int
    seal_id: int
    options: list[str]
    recipes: list[Recipe]
    skipped: list[Skipped]
    seconds: float


class Asked(Value):
    """One pass over a part with a prompted option. ``unanswered`` rows may be asked again; ``stopped`` is a reason."""

    contender: str
    paid_calls: int
    input_tokens: int
    output_tokens: int
    nano_usd: int
    unanswered: int
    rows: int
    valid: int
    stopped: str = ""


class TrainedCandidate(Value):
    """A trained recipe: its artifact, wall seconds, and an alarm that keeps it from being promoted."""

    contender: str
    rung: str
    artifact: str
    seconds: float
    alarm: str = ""


class Scored(Value):
    """A contender was scored on a part; its predictions are stored."""

    contender: str
    rows: int


class Choice(Value):
    """The one candidate and the one prompted option that go on to the sealed part, and how many rows prove it."""

    candidate: str
    rung: str
    artifact: str
    prompted: str
    planned_rows: int
    disagreement: float
    reasons: list[str]


class Parity(Value):
    """Served answers against offline ones on dev rows, and the latency seen over HTTP (milliseconds)."""

    agree: int
    rows: int
    latency_p50_ms: float
    latency_p95_ms: float


class Opened(Value):
    """The sealed part was opened for one candidate: the look, its alpha, and the inputs as an artifact."""

    look: int
    alpha: float
    rows: str
    count: int


class VerdictRef(Value):
    """The stored verdict of a run; ``verdict_id`` is 0 when the run ended without one."""

    run_id: str
    verdict_id: int = 0
    state: str = "done"
