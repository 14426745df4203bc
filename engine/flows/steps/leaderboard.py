"""What is shown of dev: the Ladder's boards of prompted options and of candidates, and how worn dev is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.flows.steps import scores
from engine.flows.steps.values import Choice, Frozen, Plan
from engine.models.labels import Part
from engine.rules.leaderboard import Entry, leaderboard
from engine.store import investigations, seals, verdicts
from engine.store.database import Tx


def board(tx: Tx, frozen: Frozen, road: Plan, choice: Choice) -> dict[str, Any]:
    """The boards as the record keeps them, each in the order its contenders were scored.

    ``before`` is the best shown by an earlier verdict on the same labels; ``lookups`` counts over the whole seal.
    """
    prompted = [Entry(one.contender, one.quality, one.rows) for one in choice.tried if not one.why]
    names = [one.contender for one in investigations.candidates(tx, frozen.run_id) if one.artifact]
    used = lookups(tx, frozen.feature_id, road.seal_id)
    return {
        "prompted": _side(prompted, _before(tx, frozen, "prompted")),
        "tuned": _side([_entry(tx, frozen, name) for name in names], _before(tx, frozen, "tuned")),
        "lookups": used,
        "worn": used >= frozen.policy.evaluation.dev_lookups_most,
    }


def lookups(tx: Tx, feature_id: int, seal_id: int) -> int:
    """How often the dev part beside a seal was looked up."""
    return investigations.dev_lookups(tx, feature_id, since=seals.root(tx, seal_id).created_at)


def _side(entries: list[Entry], before: float | None) -> dict[str, Any]:
    found = leaderboard(entries, before)
    return {"lines": [asdict(line) for line in found.lines], "best": found.best, "before": before}


def _before(tx: Tx, frozen: Frozen, side: str) -> float | None:
    earlier = [
        verdict.record.get("leaderboard", {}).get(side, {}).get("best")
        for verdict in verdicts.of_feature(tx, frozen.feature_id)
        if verdict.record.get("labels_version") == frozen.labels_version
    ]
    return max((best for best in earlier if best is not None), default=None)


def _entry(tx: Tx, frozen: Frozen, contender: str) -> Entry:
    rows = investigations.predictions(tx, frozen.run_id, contender, Part.DEV)
    return Entry(contender, scores.scored(frozen.task, contender, rows).quality, len(rows))
