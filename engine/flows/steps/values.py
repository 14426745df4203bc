"""What the steps of an investigation hand on: ids, names and counts, never texts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from engine.approaches import Task
from engine.flows.steps.judgement import Judgement
from engine.models.base import Value
from engine.models.feature import ApproachName
from engine.models.investigation import Effort, Recipe
from engine.models.labels import Part
from engine.models.verdict import Cascade, Seeded
from engine.rules.seal import look_alpha
from engine.store.policies import Policy
from engine.teachers.votes import Votes

LIVE = "live model"  # the contender its answers are kept under


class Live(Value):
    """The model that answers calls while a run looks for its successor: what it is, and the run that chose it."""

    run_id: str
    contender: str
    rung: str
    artifact: str
    threshold: float | None = None


class Frozen(Value):
    """What a run is judged by, fixed at its start: later edits change nothing in it."""

    run_id: str
    feature_id: int
    slug: str
    approach: str
    classes: list[str]
    output_schema: dict[str, Any] | None = None
    margin: float
    policy: Policy
    label_set_id: int
    labels_version: str
    baseline_id: int
    effort: Effort
    seed: int
    budget_nano: int
    at: datetime
    live: Live | None = None
    recipe: Recipe | None = None
    votes: Votes | None = None

    @property
    def task(self) -> Task:
        """What is to be answered."""
        rules = self.policy.evaluation
        return Task(
            approach=self.approach,
            classes=tuple(self.classes),
            schema=self.output_schema,
            banned=rules.banned if self.is_judged else (),
            words_most=rules.words_most if self.is_judged else 0,
        )

    @property
    def is_judged(self) -> bool:
        """Whether no answer is right or wrong: a judge and people compare the two sides' texts."""
        return self.approach == ApproachName.VOICE

    @property
    def has_answers(self) -> bool:
        """Whether answers are worked out, and graded by a rule that people may check."""
        return self.approach == ApproachName.REASON


class Skipped(Value):
    """A rung that is not run, and the sentence why."""

    rung: str
    why: str


class LeftOut(Value):
    """Sealed rows that are not compared: those the baseline's prompt shows, and those a teacher labelled."""

    shown: int = 0
    teacher: int = 0


class Plan(Value):
    """What will be done: the parted rows as artifacts, the prompted options, the recipes cheap to dear.

    ``examples`` are the train rows that copy no other part; ``sealed_rows`` counts those that will be compared.
    ``untried`` says why a prompted option is not asked, by its name; ``memory_mb`` what a rung's training takes.
    """

    train: str
    dev: str
    examples: str
    train_rows: int
    dev_rows: int
    sealed_rows: int
    left_out: LeftOut
    seal_id: int
    options: list[str]
    untried: dict[str, str]
    recipes: list[Recipe]
    skipped: list[Skipped]
    seconds: float
    memory_mb: dict[str, int] = Field(default_factory=dict)


class Asked(Value):
    """One pass over a part with a prompted option. ``unanswered`` rows may be asked again; ``stopped`` is a reason.

    ``oldest_at`` is the moment of the oldest reply in use, in ISO format, "" without any; ``alone`` is how well one
    sample does where several vote, none elsewhere.
    """

    contender: str
    paid_calls: int
    input_tokens: int
    output_tokens: int
    nano_usd: int
    unanswered: int
    rows: int
    valid: int
    stopped: str = ""
    oldest_at: str = ""
    alone: float | None = None


class TrainedCandidate(Value):
    """A trained recipe. An ``alarm`` keeps it from being promoted; ``skipped`` says why it was not trained."""

    contender: str
    rung: str
    artifact: str = ""
    seconds: float = 0.0
    alarm: str = ""
    skipped: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)


class Scored(Value):
    """A contender was scored on a part; its predictions are stored."""

    contender: str
    rows: int


class Tried(Value):
    """A prompted option on dev, or ``why`` it could not be tried ("" for one that was).

    ``call_nano`` is what a call costs at list prices, nothing cached, none where the price is unknown; of one that
    votes it is the cost of all ``samples``, of which one ``alone`` does so well.
    """

    contender: str
    model: str
    simulated: bool
    why: str = ""
    quality: float = 0.0
    macro_f1: float | None = None
    exact: float | None = None
    valid_share: float = 0.0
    rows: int = 0
    latency_p50_ms: float = 0.0
    latency_p95_ms: float = 0.0
    call_nano: int | None = None
    samples: int = 1
    alone: float | None = None


class Voting(Value):
    """How the chosen candidate does on dev where several of its answers vote, at so many ``times`` its time for one."""

    samples: int
    times: float
    quality: float
    alone: float
    valid_share: float


class Choice(Value):
    """The one candidate and the one prompted option that go on to the sealed part, and how many rows prove it.

    ``disagreement`` is the share of dev rows on which only one of them is right (its upper bound), ``apart`` that on
    which they answer differently. ``quality`` is the candidate's on dev; ``tried`` are all prompted options, in
    the order they were asked. ``seeds`` are the recipes of the candidate's further seeds, ``seeded`` what all gave;
    ``votes`` is how the candidate does where it votes, which nothing serves and which decides nothing.
    """

    candidate: str
    rung: str
    artifact: str
    quality: float
    cascade: Cascade | None
    prompted: str
    model: str
    tried: list[Tried]
    planned_rows: int
    disagreement: float
    apart: float
    reasons: list[str]
    seeds: list[Recipe] = Field(default_factory=list[Recipe])
    seeded: list[Seeded] = Field(default_factory=list[Seeded])
    votes: Voting | None = None


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


def unopened() -> Opened:
    """No look: nothing was opened; intervals are told as at the first."""
    return Opened(look=0, alpha=look_alpha(1), rows="", count=0)


class Measured(Value):
    """What was measured after the choice: served answers, the look at the sealed part, the prompted option's pass.

    ``judged`` is there where no answer is right or wrong. A look of 0 opened nothing.
    """

    parity: Parity
    opened: Opened
    asked: Asked
    judged: Judgement | None = None

    @property
    def part(self) -> Part:
        """Where what is told was measured: the sealed rows, or dev where nothing was opened."""
        return Part.SEALED if self.opened.look else Part.DEV


class VerdictRef(Value):
    """The stored verdict of a run; ``verdict_id`` is 0 when the run ended without one."""

    run_id: str
    verdict_id: int = 0
    state: str = "done"
