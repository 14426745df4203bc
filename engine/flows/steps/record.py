"""Write the decision record: everything that is needed to show, export and recompute a verdict. Decides nothing."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engine.approaches.registry import approach_of
from engine.flows.steps import answers, compare, leaderboard, money, preferred, release, scores, seen, uploads
from engine.flows.steps.values import Choice, Frozen, Measured, Plan, Tried
from engine.models.feature import is_simulated
from engine.models.labels import Part
from engine.rules.annotators import Agreement
from engine.rules.gates import Gate, GateFacts
from engine.rules.money import Money
from engine.rules.pairs import finding
from engine.rules.release import rows_released
from engine.rules.seal import next_alpha
from engine.rules.seeds import hangs, over_seeds
from engine.rules.verdict import Evidence, Ruling
from engine.store import investigations, replies
from engine.store.database import Tx

VERSION = 1
PAIRED = ("pairs", "preferred_before", "preferred", "pairs_undone")  # facts of a training that learned from pairs


@dataclass(frozen=True)
class Judged:
    """Everything a verdict was made of."""

    choice: Choice
    measured: Measured
    compared: compare.Comparison
    audit: Agreement | None
    facts: GateFacts
    gates: tuple[Gate, ...]
    evidence: Evidence
    ruling: Ruling
    money: Money | None
    decided_at: datetime


def body(tx: Tx, frozen: Frozen, road: Plan, judged: Judged) -> dict[str, Any]:
    """The record as JSON (docs/decide.md names the fields outsiders read; ``evidence`` and ``policy`` recompute it)."""
    run = investigations.by_run(tx, frozen.run_id)
    bill = replies.bill(tx, frozen.run_id)
    choice, ruling = judged.choice, judged.ruling
    reasons = [*ruling.reasons, *(["cost_unknown"] if judged.money is None else [])]
    quality, evidence = _quality(judged, frozen), asdict(judged.evidence)
    found, look = release.figures(quality, evidence), judged.measured.opened.look
    return {
        "version": VERSION,
        "run": frozen.run_id,
        "feature": frozen.slug,
        "decision": ruling.outcome,
        "decided_at": judged.decided_at.isoformat().replace("+00:00", "Z"),
        "labels_version": frozen.labels_version,
        "policy_hash": frozen.policy.sha,
        "reading": seen.of_run(tx, frozen.run_id),
        "price_snapshot": run.price_snapshot,
        "seal_look": look,
        "code_version": run.code_version,
        "seed": frozen.seed,
        "candidate": {
            "contender": choice.candidate,
            "rung": choice.rung,
            "words": _words(tx, frozen, choice),
            "artifact": choice.artifact,
            "dev_score": choice.quality,
            "cascade": choice.cascade and choice.cascade.model_dump(),
            "votes": choice.votes and choice.votes.model_dump(),
        },
        "prompted": {
            "contender": choice.prompted,
            "model": choice.model,
            "simulated": is_simulated(choice.model),
            "oldest_at": judged.measured.asked.oldest_at,
        },
        "contenders": [_contender(one) for one in choice.tried],
        "quality": quality,
        "released": asdict(found),
        "settles": uploads.settles(
            rows_released(ruling, judged.evidence, found, frozen.policy.verdict, alpha=next_alpha(look or 1)),
            uploads.parting(tx, frozen.feature_id, frozen.label_set_id),
        ),
        "rungs": _rungs(tx, frozen),
        "seeds": _seeds(choice),
        "bill": {
            "paid_calls": bill.paid_calls,
            "input_tokens": bill.input_tokens,
            "output_tokens": bill.output_tokens,
            "nano_usd": bill.nano_usd,
        },
        "cost": _plain(asdict(judged.money)) if judged.money else None,
        "leaderboard": leaderboard.board(tx, frozen, road, choice),
        "prompting": _prompting(judged, frozen.margin),
        "gates": [asdict(gate) for gate in judged.gates],
        "gate_facts": asdict(judged.facts),
        "live": _live(frozen, judged),
        "slices": [part.body for part in judged.compared.slices],
        "reasons": reasons,
        "rows_needed": ruling.rows_needed,
        "promotion": choice.reasons,
        "parity": judged.measured.parity.model_dump(mode="json"),
        "parts": {"train": road.train_rows, "dev": road.dev_rows, "sealed": road.sealed_rows},
        "left_out": road.left_out.model_dump(),
        "plan": {"rows": choice.planned_rows, "disagreement": choice.disagreement, "apart": choice.apart},
        "scores": {
            "candidate": judged.compared.candidate.model_dump(mode="json"),
            "prompted": judged.compared.prompted.model_dump(mode="json"),
        },
        "dev": _dev(tx, frozen, choice),
        "judge": preferred.body(judged.measured),
        "audit": judged.audit and answers.body(judged.audit),
        "evidence": evidence,
        "policy": frozen.policy.judged,
    }


def _plain(sums: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: what never happens (a payback, a halving) is none."""
    return {name: _plain_value(value) for name, value in sums.items()}


def _plain_value(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(value, dict):
        return _plain(value)  # pyright: ignore[reportUnknownArgumentType] # asdict gives dicts by name
    return None if value in (math.inf, -math.inf) else value


def _quality(judged: Judged, frozen: Frozen) -> dict[str, Any]:
    compared, interval = judged.compared, judged.compared.interval
    level = 1 - 2 * judged.measured.opened.alpha
    return {
        "metric": approach_of(frozen.approach).metric,
        "n": compared.paired.rows,
        "candidate": compared.candidate.quality,
        "prompted": compared.prompted.quality,
        "difference": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "level": level,
        "method": compared.method,
        "groups": compared.paired.grouped,
        "margin": frozen.margin,
        "part": judged.measured.part.value,
        "finding": finding(interval.low, interval.high, frozen.margin),
        **(compare.beside(compared, level) if judged.measured.judged is None else preferred.beside(compared)),
    }


def _live(frozen: Frozen, judged: Judged) -> dict[str, Any] | None:
    """The model the candidate would succeed, and the comparison with it; none where nothing was live."""
    part = judged.compared.live
    return None if part is None or frozen.live is None else {**part.body, **frozen.live.model_dump()}


def _prompting(judged: Judged, margin: float) -> dict[str, Any]:
    """The cheapest way to stay with prompting, and what a call of the baseline costs in production."""
    found = money.prompting(judged.choice, margin)
    call = judged.money.plan.baseline_call_usd / found.ratio if judged.money else None
    ratio = money.escalated_ratio(judged.choice)
    return {**asdict(found), "production_usd": call, "escalated_ratio": ratio}


def _contender(one: Tried) -> dict[str, Any]:
    """A prompted option as the record keeps it: its figures on dev, or why it was not tried."""
    was = not one.why
    return {
        "contender": one.contender,
        "model": one.model,
        "simulated": one.simulated,
        "why": one.why or None,
        "dev_score": one.quality if was else None,
        "dev_macro_f1": one.macro_f1 if was else None,
        "dev_exact": one.exact if was else None,
        "valid_share": one.valid_share if was else None,
        "latency_p50_ms": one.latency_p50_ms if was else None,
        "latency_p95_ms": one.latency_p95_ms if was else None,
        "call_nano": one.call_nano,
        **({"samples": one.samples, "dev_alone": one.alone} if one.samples > 1 else {}),
    }


def _words(tx: Tx, frozen: Frozen, choice: Choice) -> str:
    named = {one.contender: one.words for one in investigations.candidates(tx, frozen.run_id)}
    return named[choice.candidate]


def _rungs(tx: Tx, frozen: Frozen) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for candidate in investigations.candidates(tx, frozen.run_id):
        rows = investigations.predictions(tx, frozen.run_id, candidate.contender, Part.DEV)
        score = scores.scored(frozen.task, candidate.contender, rows) if rows else None
        lines.append(
            {
                "rung": candidate.rung,
                "contender": candidate.contender,
                "words": candidate.words,
                "seed": candidate.recipe.get("seed"),
                "settings": candidate.recipe.get("settings", {}),
                "dev_score": score.quality if score else None,
                "dev_macro_f1": score.macro_f1 if score else None,
                "dev_exact": score.exact if score else None,
                "valid_share": score.valid_share if score else None,
                "latency_p50_ms": score.latency_p50_ms if score else None,
                "latency_p95_ms": score.latency_p95_ms if score else None,
                "seconds": candidate.seconds,
                "skipped": candidate.skipped or None,
                "alarm": candidate.alarm or None,
                "halved": int(candidate.facts.get("halved", 0)),
                "runtime": candidate.facts.get("runtime") or "",
                "pairs": {name: candidate.facts[name] for name in PAIRED if name in candidate.facts} or None,
            }
        )
    return lines


def _seeds(choice: Choice) -> dict[str, Any] | None:
    """What the candidate's recipe gave on dev with each of its seeds, the first of which was judged; none for one."""
    if not choice.seeded:
        return None
    told = [one.model_dump() for one in choice.seeded]
    figures = {name: over_seeds([one[name] for one in told]) for name in ("quality", "macro_f1", "exact")}
    return {
        "lines": told,
        **{name: found and asdict(found) for name, found in figures.items()},
        "hangs": hangs([one.finding for one in choice.seeded]),
    }


def _dev(tx: Tx, frozen: Frozen, choice: Choice) -> dict[str, Any]:
    """Item-level figures, from dev alone: the sealed part gives out nothing but its interval."""
    ours = investigations.predictions(tx, frozen.run_id, choice.candidate, Part.DEV)
    theirs = investigations.predictions(tx, frozen.run_id, choice.prompted, Part.DEV)
    told: dict[str, Any] = {"calibration": scores.calibration(ours)}
    parts = scores.fields(frozen.task, ours, theirs)
    if parts:
        told["fields"] = parts
    if not frozen.classes:
        return told
    return {
        **told,
        "classes": frozen.classes,
        "candidate_confusion": scores.confusion(ours, frozen.classes),
        "prompted_confusion": scores.confusion(theirs, frozen.classes),
        "classes_recall": [scores.recall(name, ours, theirs) for name in frozen.classes],
    }
