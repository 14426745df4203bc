"""Decide a verdict again from its record alone, and name every value that does not follow from the others.

Reads nothing but the record: whoever holds the file can do this offline, years later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.flows.steps import recheck, recheck_judged, recheck_release
from engine.flows.steps.recheck import Check
from engine.flows.steps.reread import Record
from engine.rules.paired import Paired

NEEDED = (
    "decision",
    "policy_hash",
    "seal_look",
    "seed",
    "candidate.rung",
    "quality.n",
    "quality.pairs",
    "quality.level",
    "quality.method",
    "quality.margin",
    "quality.low",
    "quality.high",
    "scores.candidate",
    "scores.prompted",
    "plan.rows",
    "prompting.ratio",
    "gate_facts.rows",
    "gates",
    "evidence.difference",
    "policy.verdict",
    "policy.cost",
)
GROUPS = "the difference of each group of rows, which never leaves the database"
_SAME = 1e-9  # relative: the sums are the same ones, only their order of adding may differ


@dataclass(frozen=True)
class Difference:
    """A value of the record (by its path) that does not follow from ``source``: what it says and what follows."""

    field: str
    stored: Any
    found: Any
    source: str


@dataclass(frozen=True)
class Recomputed:
    """The stored decision and the one that follows ("" where inputs are missing), every difference, what is missing.

    ``checked`` values were recomputed; ``unknown`` names inputs that are in no record, so that some could not be.
    """

    decision: str
    found: str
    checked: int = 0
    differences: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether the record gives the decision it names, and nothing in it contradicts."""
        return not self.differences and not self.missing and self.decision == self.found


def recompute(body: Record, held: Paired | None = None) -> Recomputed:
    """Decide again. ``held`` is the comparison where the caller can make it from stored predictions."""
    decision = str(body.get("decision", ""))
    missing = tuple(path for path in NEEDED if _at(body, path) is None)
    if missing:
        return Recomputed(decision, "", missing=missing)
    is_grouped = str(body["quality"]["method"]).startswith(recheck.RESAMPLED)
    differences: list[Difference] = []
    checked = 0
    sections = _SECTIONS | _JUDGED if body.get("judge") else _SECTIONS
    for name, section in sections.items():
        try:
            checks = list(section(body, held))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            differences.append(Difference(name, "unreadable", str(error), "the record"))
            continue
        checked += len(checks)
        differences += [Difference(*check) for check in checks if not _is_same(check[1], check[2])]
    return Recomputed(
        decision,
        recheck.decision(body),
        checked,
        tuple(differences),
        unknown=(GROUPS,) if is_grouped and held is None else (),
    )


_SECTIONS: dict[str, Callable[[Record, Paired | None], Iterator[Check]]] = {
    "policy": recheck.policy,
    "quality": recheck.counts,
    "quality.pairs": recheck.interval,
    "released": recheck_release.let_out,
    "slices": recheck.slices,
    "gate_facts": recheck.gate_facts,
    "cost": recheck.cost,
    "leaderboard": recheck.board,
    "evidence": recheck.evidence,
    "decision": recheck.ruling,
}
_JUDGED: dict[str, Callable[[Record, Paired | None], Iterator[Check]]] = {
    "quality": recheck_judged.counts,
    "quality.pairs": recheck_judged.interval,
    "gate_facts": recheck_judged.gate_facts,
    "evidence": recheck_judged.evidence,
}


def _at(body: Any, path: str) -> Any:  # noqa: ANN401 (any JSON value)
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType] # JSON
    return body  # pyright: ignore[reportUnknownVariableType] # JSON


def _is_same(stored: Any, found: Any) -> bool:  # noqa: ANN401 (any JSON value)
    numbers = isinstance(stored, int | float) and isinstance(found, int | float)
    return math.isclose(stored, found, rel_tol=_SAME, abs_tol=1e-12) if numbers else stored == found
