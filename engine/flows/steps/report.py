"""What a page tells of a run beyond its decision record: the brief, rows won and lost, looks, times.

Reads rows of dev alone: the sealed part gives out nothing but its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from engine.flows.steps import release
from engine.flows.steps.judge import JUDGE
from engine.models.base import Value
from engine.models.feature import Baseline, Feature
from engine.models.investigation import Investigation, StoredPrediction
from engine.models.labels import Label, Part
from engine.models.seal import Look
from engine.rules.seal import look_alpha
from engine.store import features, investigations, labels, replies, seals, verdicts
from engine.store.database import Tx

EXAMPLES = 6  # rows shown on each side
TEXT_MOST = 280  # characters of a row that are shown
ANSWER_MOST = 80  # characters of an answer: one that is no label may be a whole letter


class Asked(Value):
    """What was to be found out: the brief, and what the feature ran on when it was asked."""

    by: str
    at: datetime
    effort: str
    budget_nano: int
    approach: str
    classes: tuple[str, ...]
    quality_bar: float | None
    live_since: date
    model: str
    base_url: str
    parameters: dict[str, Any]
    baseline_number: int
    baseline_sha: str
    label_sources: dict[str, int]


class Example(Value):
    """One dev row on which the two sides differ; texts are cut, and an answer that is no label says so."""

    row_id: str
    text: str
    expected: str
    candidate: str
    prompted: str
    candidate_valid: bool
    prompted_valid: bool


class Apart(Value):
    """Dev rows only one side got right: how many, and the first of them."""

    won_rows: int
    lost_rows: int
    won: tuple[Example, ...]
    lost: tuple[Example, ...]


class LookLine(Value):
    """One look at the sealed part, as the ledger has it; ``is_this`` marks the run of the page.

    ``bits`` is what its verdict let out at the most, none where it gave none.
    """

    number: int
    run_id: str
    contender: str
    purpose: str
    alpha: float
    margin: float
    by: str
    at: datetime
    is_this: bool
    bits: float | None = None


class MomentName(StrEnum):
    """What a run's rows have a time of."""

    ASKED = "asked"
    STARTED = "started"
    PROMPTED = "prompted"
    UNSEALED = "unsealed"
    DECIDED = "decided"


class Moment(Value):
    """Something that happened in a run; ``ended_at`` is none for what took no time."""

    name: MomentName
    at: datetime
    ended_at: datetime | None = None


class RunReport(Value):
    """What a page tells of one run beside its record."""

    asked: Asked
    apart: Apart | None
    seal_number: int | None
    looks: tuple[LookLine, ...]
    looks_left: tuple[float, ...]
    moments: tuple[Moment, ...]


def of_run(tx: Tx, run: Investigation, record: Mapping[str, Any]) -> RunReport:
    """Everything but the record itself, read anew: what was deleted since is not shown."""
    feature = features.by_id(tx, run.feature_id)
    baseline = (
        features.baseline_by_id(tx, run.baseline_id) if run.baseline_id else features.baseline(tx, run.feature_id)
    )
    seal, looks = seals.ledger_of(tx, run.run_id) or (None, [])
    return RunReport(
        asked=_asked(tx, run, feature, baseline),
        apart=_apart(tx, run.run_id, record),
        seal_number=seal.number if seal else None,
        looks=tuple(_look(tx, one, run.run_id) for one in looks),
        looks_left=tuple(
            look_alpha(number) for number in range((looks[-1].number if looks else 0) + 1, seals.LOOKS + 1)
        ),
        moments=_moments(tx, run, next((one for one in looks if one.run_id == run.run_id), None)),
    )


def _asked(tx: Tx, run: Investigation, feature: Feature, baseline: Baseline) -> Asked:
    label_set_id = run.label_set_id
    sources = labels.sources(tx, label_set_id) if label_set_id else {}
    return Asked(
        by=run.requested_by,
        at=run.created_at,
        effort=run.effort,
        budget_nano=run.budget_nano,
        approach=feature.approach,
        classes=tuple(feature.labels),
        quality_bar=feature.quality_bar,
        live_since=feature.live_since,
        model=baseline.model,
        base_url=baseline.base_url,
        parameters=baseline.parameters,
        baseline_number=baseline.number,
        baseline_sha=baseline.sha,
        label_sources={str(source): count for source, count in sources.items()},
    )


def _apart(tx: Tx, run_id: str, record: Mapping[str, Any]) -> Apart | None:
    """Where the two sides part on dev; none where the record names no two sides or nothing of them is left."""
    names = [record.get(side, {}).get("contender", "") for side in ("candidate", "prompted")]
    ours, theirs = (_kept(tx, run_id, name) for name in names)
    both = [(label, said, theirs[label_id][1]) for label_id, (label, said) in ours.items() if label_id in theirs]
    if not both:
        return None
    if record.get("judge"):
        words = {label_id: said.output for label_id, (_, said) in _kept(tx, run_id, JUDGE).items()}
        won, lost = (
            [_example(*row, most=TEXT_MOST) for row in both if words.get(row[1].label_id) == side]
            for side in ("candidate", "prompted")
        )
    else:
        won = [_example(*row) for row in both if row[1].correct and not row[2].correct]
        lost = [_example(*row) for row in both if row[2].correct and not row[1].correct]
    return Apart(won_rows=len(won), lost_rows=len(lost), won=tuple(won[:EXAMPLES]), lost=tuple(lost[:EXAMPLES]))


def _kept(tx: Tx, run_id: str, contender: str) -> dict[int, tuple[Label, StoredPrediction]]:
    """Dev rows by label id. Both tables are asked for the part, and rows taken out since are left out."""
    rows = investigations.predictions(tx, run_id, contender, Part.DEV)
    return {said.label_id: (label, said) for label, said in rows if label.part is Part.DEV and label.removed_in is None}


def _example(label: Label, ours: StoredPrediction, theirs: StoredPrediction, *, most: int = ANSWER_MOST) -> Example:
    return Example(
        row_id=label.row_id,
        text=_cut(label.input, TEXT_MOST),
        expected=_cut(label.output, most),
        candidate=_cut(ours.output, most),
        prompted=_cut(theirs.output, most),
        candidate_valid=ours.valid,
        prompted_valid=theirs.valid,
    )


def _cut(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _look(tx: Tx, look: Look, run_id: str) -> LookLine:
    verdict = verdicts.of_run(tx, look.run_id)
    bits = release.quality_of(verdict.record)["bits"] if verdict else None
    return LookLine(**look.model_dump(exclude={"id", "seal_id"}), is_this=look.run_id == run_id, bits=bits)


def _moments(tx: Tx, run: Investigation, look: Look | None) -> tuple[Moment, ...]:
    """What happened when; a training's moment is not stored, its length is in the record."""
    paid = replies.span(tx, run.run_id)
    found = [
        (MomentName.ASKED, run.created_at, None),
        (MomentName.STARTED, run.started_at, None),
        (MomentName.PROMPTED, paid and paid[0], paid and paid[1]),
        (MomentName.UNSEALED, look and look.at, None),
        (MomentName.DECIDED, run.finished_at, None),
    ]
    told = [Moment(name=name, at=at, ended_at=ended) for name, at, ended in found if at]
    return tuple(sorted(told, key=lambda moment: moment.at))
