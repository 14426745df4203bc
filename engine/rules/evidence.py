"""What calls show of a stage: bad events by side, day and unit, in integer counts that add up in any order.

Knows nothing of rollouts, files or databases. Sides are those assigned, for a fallback hides a failing tuned side.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.rules import frame
from engine.rules.hours import Frames, Integers

DAY_MS = 86_400_000
EVENTS = ("errors", "invalid", "slow", "thumbs_down")  # what guardrails watch; each is bad
TOLD_BY = {"errors": "n", "invalid": "n", "slow": "slow_known", "thumbs_down": "thumbs"}  # of how many calls
COUNTS = ("n", "errors", "invalid", "slow", "slow_known", "thumbs", "thumbs_down")

_SAME_SHARE = 1e-9


@dataclass(frozen=True)
class Watched:
    """How a stage's calls are judged: share tuned, what is slow, whether calls or units are drawn, copy or answer."""

    root: str
    share: float
    slow_ms: float | None
    per_call: bool = False
    is_shadow: bool = False


class Cell(NamedTuple):
    """A stage, side and UTC day, and on it a unit (0 for all of them together)."""

    root: str
    arm: str
    day: date
    unit: int = 0


class Score(NamedTuple):
    """A mean bad rate `bad / n` in lowest terms at one guardrail of a stage, side and day."""

    root: str
    arm: str
    guardrail: str
    day: date
    bad: int
    n: int


@dataclass(frozen=True)
class Shown:
    """What calls show: counts of each stage, side and day with their cost and newest moment; of units; and scores."""

    counts: Mapping[Cell, Mapping[str, int]]
    costs: Mapping[Cell, int]
    newest: Mapping[Cell, datetime]
    units: Mapping[Cell, Mapping[str, int]]
    scores: Mapping[Score, int]


def shown(frames: Frames, cost_nano: Integers, stages: Mapping[int, Watched]) -> Shown:
    """Count the calls of the stages that are watched, which `stages` names by the hash of their key."""
    counts: dict[Cell, dict[str, int]] = {}
    costs: Counter[Cell] = Counter()
    newest: dict[Cell, datetime] = {}
    units: dict[Cell, dict[str, int]] = {}
    scores: Counter[Score] = Counter()
    for key, stage in stages.items():
        for arm, mine, paid in _arms(frames, key, stage):
            for day, rows in _days(mine):
                cell = Cell(stage.root, arm, day)
                here = mine[rows]
                bad = _events(here, stage)
                counts[cell] = {name: counts.get(cell, {}).get(name, 0) + int(bad[name].sum()) for name in bad}
                moment = datetime.fromtimestamp(int(here["at_ms"].max()) / 1000, UTC)
                newest[cell] = max(moment, newest.get(cell, moment))
                _part(cell, here, bad, stage=stage, units=units, scores=scores)
            for day, rows in _days(frames[paid]):
                costs[Cell(stage.root, arm, day)] += int(np.maximum(cost_nano[paid][rows], 0).sum())
    return Shown(counts, costs, newest, units, scores)


def folded(cell: Cell, counts: Mapping[str, int]) -> Iterable[Score]:
    """The scores of one unit whose window has closed: its mean bad rate at each guardrail that could be told."""
    for name in EVENTS:
        of = counts[TOLD_BY[name]]
        if of:
            shared = math.gcd(counts[name], of)
            yield Score(cell.root, cell.arm, name, cell.day, counts[name] // shared, of // shared)


def _arms(frames: Frames, key: int, stage: Watched) -> Iterable[tuple[str, Frames, Integers]]:
    """Each side's calls that count, and the places of all that it paid for."""
    here = (frames["stage"] == key) & ((frames["flags"] & frame.Flag.EMBEDDINGS) == 0)
    is_answer = frames["role"] == frame.Role.ANSWER
    is_tuned = frames["assigned"] == frame.Arm.TUNED
    if stage.is_shadow:  # both sides see every call: the copy is the tuned side's
        is_copy = frames["role"] == frame.Role.SHADOW
        sides = {"baseline": (here & is_answer, here & ~is_copy), "tuned": (here & is_copy, here & is_copy)}
    else:  # while tripped, or by another share, nothing was drawn by the stage's own
        drawn = here & (np.abs(frames["share"] - stage.share) < _SAME_SHARE)
        sides = {
            "baseline": (drawn & is_answer & ~is_tuned, drawn & ~is_tuned),
            "tuned": (drawn & is_answer & is_tuned, drawn & is_tuned),
        }
    for arm, (counted, paid) in sides.items():
        if paid.any():
            yield arm, frames[counted], np.flatnonzero(paid)


def _days(frames: Frames) -> Iterable[tuple[date, Integers]]:
    days = frames["at_ms"] // DAY_MS
    for day in np.unique(days):
        yield datetime.fromtimestamp(int(day) * DAY_MS // 1000, UTC).date(), np.flatnonzero(days == day)


def _events(frames: Frames, stage: Watched) -> dict[str, Integers]:
    status, flags = frames["status"], frames["flags"]
    stayed = (flags & frame.Flag.CANCELLED) == 0  # who left is no error of the model's
    failed = (status < 200) | (status >= 400) | (frames["why"] == frame.Why.FALLBACK)
    invalid = ((flags & frame.Flag.INVALID) != 0) | (frames["fault"] == frame.Fault.INVALID)
    timed = stayed & (frames["latency_us"] >= 0) & (stage.slow_ms is not None)
    none = np.zeros(len(frames), dtype=np.int64)
    return {
        "n": none + 1,
        "errors": (stayed & failed).astype(np.int64),
        "invalid": (stayed & invalid).astype(np.int64),
        "slow": (timed & (frames["latency_us"] > (stage.slow_ms or 0.0) * 1000)).astype(np.int64),
        "slow_known": timed.astype(np.int64),
        "thumbs": none,
        "thumbs_down": none,
    }


def _part(
    cell: Cell,
    frames: Frames,
    bad: Mapping[str, Integers],
    *,
    stage: Watched,
    units: dict[Cell, dict[str, int]],
    scores: Counter[Score],
) -> None:
    """Count units' calls in their windows; a call that stands for itself is a unit whose window is closed at once."""
    alone: NDArray[Any] = (frames["unit"] == frame.NO_NAME) | ((frames["flags"] & frame.Flag.UNIT_IS_CALL) != 0)
    if stage.per_call:
        alone = np.ones(len(frames), dtype=bool)
    for name in EVENTS:
        known, wrong = int(bad[TOLD_BY[name]][alone].sum()), int(bad[name][alone].sum())
        for value, size in ((1, wrong), (0, known - wrong)):
            if size:
                scores[Score(cell.root, cell.arm, name, cell.day, value, 1)] += size
    ids, places = np.unique(frames["unit"][~alone], return_inverse=True)
    sums = {name: np.bincount(places, weights=column[~alone]).astype(np.int64) for name, column in bad.items()}
    for place, unit in enumerate(ids):
        mine = cell._replace(unit=signed(int(unit)))
        known = units.get(mine, {})
        units[mine] = {name: known.get(name, 0) + int(column[place]) for name, column in sums.items()}


def signed(number: int) -> int:
    """A 64-bit hash as databases keep it."""
    return number - 2**64 if number >= 2**63 else number
