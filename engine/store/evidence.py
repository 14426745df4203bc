"""What the stages of rollouts have shown: counts by side and day, units whose day is open, scores of closed ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, delete, select

from engine.models.call import SUMMED, CallRole, HourlyUsage
from engine.models.evidence import StageCount, StageScore, StageStart, StageUnit
from engine.rules import histogram
from engine.rules.evidence import COUNTS, Cell, Score, Shown, folded
from engine.store.database import add_up


@dataclass(frozen=True)
class Recent:
    """The baseline lately: its share of errors (0 where nothing is known) and its 95 % latency (none: unknown)."""

    error_rate: float
    p95_ms: float | None


_FOLD = 20_000  # units in one transaction
_UNIT_KEYS = ("root", "arm", "unit", "day")
_SCORE_KEYS = ("root", "arm", "guardrail", "day", "bad", "n")


def add_start(tx: Session, start: StageStart) -> StageStart:
    """Fix what a stage begins with."""
    tx.add(start)
    tx.flush()
    return start


def starts(tx: Session, rollout_id: int | None = None) -> list[StageStart]:
    """How each stage began, of one rollout or of all, oldest first."""
    query = select(StageStart).order_by(col(StageStart.id))
    return list(tx.exec(query if rollout_id is None else query.where(StageStart.rollout_id == rollout_id)))


def baseline_of(tx: Session, feature_id: int, since: datetime) -> Recent:
    """How often the baseline's answers failed since a moment, and their 95 % latency."""
    query = select(HourlyUsage).where(
        HourlyUsage.feature_id == feature_id,
        HourlyUsage.hour >= since,
        HourlyUsage.role == CallRole.ANSWER,
        HourlyUsage.assigned == "baseline",
        ~col(HourlyUsage.source).startswith(SUMMED),  # sums know of no errors
    )
    rows = list(tx.exec(query))
    n = sum(row.n for row in rows)
    latency = histogram.merge_bytes(row.latency for row in rows)
    return Recent(sum(row.errors for row in rows) / n if n else 0.0, histogram.quantile(latency, 0.95))


def add(tx: Session, seen: Shown) -> None:
    """Add what calls show."""
    counts = [
        {
            "root": cell.root,
            "arm": cell.arm,
            "day": cell.day,
            **{name: seen.counts.get(cell, {}).get(name, 0) for name in COUNTS},
            "cost_nano_usd": seen.costs.get(cell, 0),
            "newest": seen.newest[cell],
        }
        for cell in seen.newest
    ]
    add_up(tx, StageCount, counts, keys=("root", "arm", "day"))
    units = [{**cell._asdict(), **numbers} for cell, numbers in seen.units.items()]
    add_up(tx, StageUnit, units, keys=_UNIT_KEYS)
    _add_scores(tx, seen.scores)


def fold(tx: Session, before: date) -> int:
    """Turn units' days that ended into scores, some at a time; how many were turned."""
    query = select(StageUnit).where(StageUnit.day < before).order_by(col(StageUnit.id)).limit(_FOLD)
    rows = list(tx.exec(query.with_for_update(skip_locked=True)))
    scores: Counter[Score] = Counter()
    for row in rows:
        cell = Cell(row.root, row.arm, row.day, row.unit)
        scores.update(folded(cell, {name: getattr(row, name) for name in COUNTS}))
    _add_scores(tx, scores)
    ids = [row.id for row in rows]
    for start in range(0, len(ids), 500):
        tx.exec(delete(StageUnit).where(col(StageUnit.id).in_(ids[start : start + 500])))
    return len(rows)


def counts(tx: Session, root: str) -> list[StageCount]:
    """A stage's counts by side and day."""
    return list(tx.exec(select(StageCount).where(StageCount.root == root).order_by(col(StageCount.day))))


def scores(tx: Session, root: str) -> list[StageScore]:
    """How many units had which mean bad rate, by guardrail, side and day."""
    query = select(StageScore).where(StageScore.root == root)
    return list(tx.exec(query.order_by(col(StageScore.day), col(StageScore.id))))


def forget_unit(tx: Session, unit: int) -> int:
    """Drop what one unit met on days that are open; how many rows that were."""
    return tx.exec(delete(StageUnit).where(col(StageUnit.unit) == unit)).rowcount


def _add_scores(tx: Session, added: Mapping[Score, int]) -> None:
    rows = [{**score._asdict(), "units": units} for score, units in added.items()]
    add_up(tx, StageScore, rows, keys=_SCORE_KEYS)
