"""Give people a decision record without what must stay under the seal: figures are rounded, counts are left out.

The one door between a stored record and everything people read; the operator's export and recomputation go by it.
What is not named here stays inside, so a new part of the record leaves only once somebody has thought of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from engine.rules.pairs import Interval
from engine.rules.release import Released, on_grid, released, score_released

OUTSIDE = (
    "version", "run", "feature", "decision", "decided_at", "labels_version", "policy_hash", "price_snapshot",
    "seal_look", "code_version", "seed", "seeds", "candidate", "prompted", "contenders", "rungs", "bill", "cost",
    "forecast", "leaderboard", "prompting", "reasons", "promotion", "parity", "parts", "left_out", "plan", "dev",
    "policy", "reading", "settles", "audit",
)  # fmt: skip # parts that hold nothing of the sealed rows' answers
QUALITY = ("metric", "n", "level", "method", "groups", "margin", "finding")
SCORE = (
    "contender", "part", "rows", "latency_p50_ms", "latency_p95_ms", "tokens_in", "tokens_out", "call_nano",
    "simulated",
)  # fmt: skip
EVIDENCE = (
    "margin", "rows", "planned_rows", "saving_low", "payback_probability", "npv_usd", "quality_worth_usd", "invalid",
    "broken",
)  # fmt: skip
JUDGE = ("model", "simulated", "families", "part", "people", "kappa", "ac1", "table", "blockers", "dev")
WIN_RATE = "win_rate"
COARSE = 0.05  # of figures beside the comparison
WORST_SD = 1.0  # where an early record does not say how much the rows scatter
_MOST = 0.999  # a margin is below 1

Record = Mapping[str, Any]


def of_record(body: Record) -> dict[str, Any]:
    """The record as people may read it; empty for none. An early record is rounded as a new one is."""
    if not body:
        return {}
    found = figures(body["quality"], body.get("evidence") or {}, body.get("released"))
    shown = {name: body[name] for name in OUTSIDE if name in body}
    shown["quality"] = {**_of(body["quality"], QUALITY), **asdict(found)}
    scores: dict[str, Record] = body.get("scores") or {}
    shown["scores"] = {side: _score(score, side, found) for side, score in scores.items()}
    parts = {part["name"]: _slice(part, body["quality"]["margin"]) for part in body.get("slices") or ()}
    shown["slices"] = list(parts.values())
    if body.get("live"):
        shown["live"] = _live(body["live"], found, body["quality"]["margin"])
    if "gates" in body:
        shown["gates"] = [_gate(gate, parts) for gate in body["gates"]]
    if body.get("evidence"):
        ends = {"estimate": found.difference, "low": found.low, "high": found.high}
        shown["evidence"] = {**_of(body["evidence"], EVIDENCE), "difference": ends}
    if body.get("judge"):
        shown["judge"] = _judge(body["judge"])
    return shown


def quality_of(body: Record) -> dict[str, Any]:
    """The comparison of a record, as people may read it."""
    return of_record(body)["quality"]


def figures(quality: Record, evidence: Record, stored: Record | None = None) -> Released:
    """What left the seal when a verdict fell; what was stored then stays, whatever the rule is later."""
    if stored:
        return Released(**stored)
    variance = evidence.get("row_variance")
    found = released(
        Interval(quality["difference"], quality["low"], quality["high"]),
        quality["prompted"],
        margin=quality["margin"],
        sd=WORST_SD if variance is None else math.sqrt(variance),
        rows=quality["n"],
    )
    if quality["metric"] != WIN_RATE:
        return found
    # Half is no figure of the sealed rows: it is what a win rate is where nobody writes better.
    return replace(found, prompted=quality["prompted"], candidate=quality["prompted"] + found.difference)


def _of(body: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


def _score(score: Record, side: str, found: Released) -> dict[str, Any]:
    kept = _of(score, SCORE)
    if score.get("valid_share") is not None:
        kept["valid_share"] = score_released(score["valid_share"], 0.0, 1)
    return kept | {"quality": found.candidate if side == "candidate" else found.prompted}


def _slice(part: Record, margin: float) -> dict[str, Any]:
    """A protected slice, on the grid of its own rows: few rows, a coarse grid."""
    kept = {"name": part["name"], "rows": part["rows"]}
    if not part["rows"]:
        return kept
    variance = part.get("row_variance")
    found = released(
        Interval(part["difference"], part["low"], part["high"]),
        0.0,
        margin=min(2.0 * margin, _MOST),  # what its gate asks of it
        sd=WORST_SD if variance is None else math.sqrt(variance),
        rows=part["rows"],
    )
    return kept | {"difference": found.difference, "low": found.low, "high": found.high}


def _live(part: Record, found: Released, margin: float) -> dict[str, Any]:
    """The live model beside its successor: the difference on the grid of its rows, and the level that follows."""
    variance = part["row_variance"]
    said = released(
        Interval(part["difference"], part["low"], part["high"]),
        0.0,
        margin=margin,
        sd=WORST_SD if variance is None else math.sqrt(variance),
        rows=part["rows"],
    )
    ends = {"difference": said.difference, "low": said.low, "high": said.high, "step": said.step}
    return {"run_id": part["run_id"], "rows": part["rows"], "quality": found.candidate - said.difference, **ends}


def _judge(judge: Record) -> dict[str, Any]:
    """The judge, its word on dev and people's; of the sealed pairs how many, and how the slot pulled, on a grid."""
    swap = {name: on_grid(judge["swap"][name], COARSE) for name in ("slot_bias", "consistency")}
    told = {**_of(judge, JUDGE), "swap": swap, "length_controlled": on_grid(judge["length_controlled"], COARSE)}
    sealed = judge.get("sealed")
    return told | {"sealed": sealed and {"pairs": sealed["pairs"], "unread": sealed["unread"]}}


def _gate(gate: Record, parts: Mapping[str, Record]) -> dict[str, Any]:
    name, value = str(gate["name"]), gate["value"]
    if name == "validity" and value is not None:
        limit = min(max(gate["limit"], 0.0), 1.0)
        return {**gate, "value": score_released(value, 0.0, 1), "limit": score_released(limit, 0.0, 1)}
    part = parts.get(name.removeprefix("slice "))
    return {**gate, "value": part.get("high")} if part is not None and value is not None else dict(gate)
