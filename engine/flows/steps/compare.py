"""Compare one candidate with one prompted option on the sealed part, paired. Knows nothing of money or outcomes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from engine.flows.steps import scores
from engine.flows.steps.values import Choice, Frozen, Opened, Parity
from engine.models.feature import Baseline
from engine.models.labels import Part
from engine.models.verdict import Score
from engine.rules.compare import mean_difference
from engine.rules.pairs import Interval, Pairs, mcnemar_midp, newcombe_paired, tango_interval
from engine.store import investigations
from engine.store.database import Tx

GROUPED_SHARE = 0.9  # fewer clusters than this share of rows: rows are grouped, and the interval must know
TANGO = "Tango (1998) paired score interval"
NO_INTERVAL = "none: too few groups"
FEW_GROUPS = "fewer than 20 groups"
GROUPS_LEAST = 20  # docs/decide.md: fewer groups give no interval worth the name


@dataclass(frozen=True)
class Compared:
    """The paired comparison on the sealed part, and how its interval was made."""

    candidate: Score
    prompted: Score
    pairs: Pairs
    interval: Interval
    method: str
    invalid: tuple[str, ...]
    row_variance: float


def compared(tx: Tx, frozen: Frozen, choice: Choice, parity: Parity, *, opened: Opened, baseline: Baseline) -> Compared:
    """The comparison of a run, from its stored predictions; latencies of both sides are as seen over HTTP."""
    ours = investigations.predictions(tx, frozen.run_id, choice.candidate, Part.SEALED)
    theirs = investigations.predictions(tx, frozen.run_id, choice.prompted, Part.SEALED)
    pairs = scores.paired(ours, theirs)
    level = 1 - 2 * opened.alpha
    interval, method, groups = paired_interval(ours, theirs, pairs, level)
    served = {"latency_p50_ms": parity.latency_p50_ms, "latency_p95_ms": parity.latency_p95_ms}
    candidate = scores.scored(frozen.approach, choice.candidate, ours)
    return Compared(
        candidate=candidate.model_copy(update=served),  # as served over HTTP, like the prompted side
        prompted=scores.scored(frozen.approach, choice.prompted, theirs, baseline.model),
        pairs=pairs,
        interval=interval,
        method=method,
        invalid=(FEW_GROUPS,) if groups < GROUPS_LEAST else (),
        row_variance=(pairs.candidate_only + pairs.baseline_only) / pairs.n - pairs.difference**2,
    )


def paired_interval(ours: scores.Rows, theirs: scores.Rows, pairs: Pairs, level: float) -> tuple[Interval, str, int]:
    """The interval of the paired difference, the method that gave it, and how many groups the rows form."""
    right = {said.label_id: said.correct for _, said in theirs}
    kept = [(label.cluster, said.correct - right[said.label_id]) for label, said in ours if said.label_id in right]
    groups = len({cluster for cluster, _ in kept})
    if groups >= GROUPED_SHARE * len(kept):
        return tango_interval(pairs, level), TANGO, groups
    if groups < GROUPS_LEAST:
        return Interval(pairs.difference, -1.0, 1.0), NO_INTERVAL, groups
    clustered = mean_difference([float(step) for _, step in kept], [cluster for cluster, _ in kept], level)
    return clustered, f"cluster-robust t over {groups} groups", groups


def beside(compared: Compared, level: float) -> dict[str, object]:
    """What is reported beside the primary interval: Newcombe's, and McNemar's mid-p."""
    other = newcombe_paired(compared.pairs, level)
    return {
        "newcombe": [other.low, other.high],
        "mcnemar_midp": mcnemar_midp(compared.pairs.candidate_only, compared.pairs.baseline_only),
        "pairs": asdict(compared.pairs),
    }
