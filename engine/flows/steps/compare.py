"""Compare one candidate with one prompted option on the sealed part, paired. Knows nothing of money or outcomes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.flows.steps import scores
from engine.flows.steps.values import LIVE, Choice, Frozen, Measured
from engine.models.labels import Part
from engine.models.verdict import Score
from engine.rules.gates import SliceFact
from engine.rules.paired import Paired
from engine.rules.pairs import Interval, Pairs, mcnemar_midp, newcombe_paired
from engine.store import investigations
from engine.store.database import Tx


@dataclass(frozen=True)
class Slice:
    """A protected slice of the sealed part: its rows by counts, and its interval (none without rows)."""

    name: str
    pairs: Pairs | None = None
    paired: Paired | None = None

    @property
    def fact(self) -> SliceFact:
        """The slice as a gate asks about it."""
        if self.paired is None:
            return SliceFact(self.name, 0)
        interval = self.paired.interval
        return SliceFact(self.name, self.paired.rows, interval.estimate, interval.low, interval.high)

    @property
    def body(self) -> dict[str, Any]:
        """The slice as the record keeps it."""
        counts, method = self.pairs and asdict(self.pairs), self.paired.method if self.paired else ""
        variance = self.paired and self.paired.row_variance
        return {**asdict(self.fact), "pairs": counts, "method": method, "row_variance": variance}


@dataclass(frozen=True)
class Comparison:
    """Two scores on the same sealed rows, paired, and how the interval of their difference was made.

    ``live`` holds the candidate against the model it would succeed on the same rows; none where nothing is live.
    """

    candidate: Score
    prompted: Score
    pairs: Pairs
    paired: Paired
    slices: tuple[Slice, ...]
    live: Slice | None = None

    @property
    def interval(self) -> Interval:
        """Candidate minus prompted."""
        return self.paired.interval

    @property
    def method(self) -> str:
        """How the interval was made."""
        return self.paired.method


def compared(tx: Tx, frozen: Frozen, choice: Choice, measured: Measured) -> Comparison:
    """The comparison of a run, from its stored predictions; latencies of both sides are as seen over HTTP.

    On the sealed part, or on dev where nothing was opened.
    """
    ours = investigations.predictions(tx, frozen.run_id, choice.candidate, measured.part)
    theirs = investigations.predictions(tx, frozen.run_id, choice.prompted, measured.part)
    level = 1 - 2 * measured.opened.alpha
    rows = contending(choice, ours, theirs)
    score = scores.scored(frozen.task, choice.candidate, rows)
    return Comparison(
        candidate=_served(choice, measured, score, ours=ours, rows=rows),
        prompted=scores.scored(frozen.task, choice.prompted, theirs, choice.model),
        pairs=scores.paired(rows, theirs),
        paired=paired(frozen.task, rows, theirs, level),
        slices=tuple(
            _slice(name, frozen.task, rows, theirs, level=level) for name in frozen.policy.evaluation.protected
        ),
        live=_against_live(tx, frozen, rows, theirs, part=measured.part, level=level),
    )


def _against_live(
    tx: Tx, frozen: Frozen, rows: scores.Rows, theirs: scores.Rows, *, part: Part, level: float
) -> Slice | None:
    """The candidate minus the live model at the look's confidence; a live cascade hands on as it does in service."""
    if frozen.live is None:
        return None
    live: scores.Rows = investigations.predictions(tx, frozen.run_id, LIVE, part)
    if frozen.live.threshold is not None:
        live = scores.composed(live, theirs, frozen.live.threshold)
    return Slice(LIVE, scores.paired(rows, live), paired(frozen.task, rows, live, level))


def contending(choice: Choice, ours: scores.Rows, theirs: scores.Rows) -> scores.Rows:
    """The answers of what is put forward: the candidate's, or the cascade's as a whole."""
    return ours if choice.cascade is None else scores.composed(ours, theirs, choice.cascade.threshold)


def _served(choice: Choice, measured: Measured, score: Score, *, ours: scores.Rows, rows: scores.Rows) -> Score:
    """The score with its latency as served over HTTP; an escalated call waits for both sides, one after the other."""
    own = {said.id for _, said in ours}
    extra = [0.0 if said.id in own else said.latency_ms for _, said in rows]
    parity = measured.parity
    served = {"latency_p50_ms": parity.latency_p50_ms, "latency_p95_ms": parity.latency_p95_ms}
    if choice.cascade is not None:
        served["latency_p50_ms"] += float(np.percentile(extra, 50))
        served["latency_p95_ms"] += float(np.percentile(extra, 95))
    return score.model_copy(update=served)


def paired(task: Task, ours: scores.Rows, theirs: scores.Rows, level: float) -> Paired:
    """The paired difference of the primary metric over the rows both answered, with the interval that fits them."""
    answered = {said.label_id: (label, said) for label, said in theirs}
    kept = [(label, said) for label, said in ours if said.label_id in answered]
    return approach_of(task.approach).paired(
        [label.output for label, _ in kept],
        scores.answers(kept),
        scores.answers([answered[said.label_id] for _, said in kept]),
        task,
        groups=[label.cluster for label, _ in kept],
        level=level,
    )


def _slice(name: str, task: Task, ours: scores.Rows, theirs: scores.Rows, *, level: float) -> Slice:
    """Rows whose label or group has that name."""
    mine = [(label, said) for label, said in ours if name in (label.output, label.group)]
    answered = {said.label_id for _, said in theirs}
    if not any(said.label_id in answered for _, said in mine):
        return Slice(name)
    return Slice(name, scores.paired(mine, theirs), paired(task, mine, theirs, level))


def beside(compared: Comparison, level: float) -> dict[str, object]:
    """What is reported beside the primary interval: Newcombe's, and McNemar's mid-p."""
    other = newcombe_paired(compared.pairs, level)
    return {
        "newcombe": [other.low, other.high],
        "mcnemar_midp": mcnemar_midp(compared.pairs.candidate_only, compared.pairs.baseline_only),
        "pairs": asdict(compared.pairs),
    }
