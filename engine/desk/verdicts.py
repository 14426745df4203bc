"""Recompute verdicts: a run's from the database, anybody's from the file of its decision record."""

from __future__ import annotations

import json
from typing import Any

from engine.approaches import Task
from engine.desk import Desk
from engine.errors import Invalid, NotReady
from engine.flows.steps import compare, scores
from engine.flows.steps.recompute import Difference, Recomputed, recompute
from engine.models.base import Value
from engine.models.labels import Part
from engine.models.verdict import Verdict
from engine.rules.paired import Paired
from engine.rules.seal import look_alpha
from engine.store import features, investigations, verdicts
from engine.store.database import Tx

RECORD_BYTES = 20_000_000


class RecomputedView(Value):
    """What a recomputation gave: ``same``, or the sentences that name what differs or is missing."""

    run_id: str
    slug: str
    decision: str
    found: str
    same: bool
    checked: int
    differs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def of_run(desk: Desk, run_id: str) -> RecomputedView:
    """Recompute a stored verdict, from its record and from the stored predictions it was made of.

    Raises ``NotFound`` for no such run, ``NotReady`` for one without a verdict.
    """
    with desk.services.database.read() as tx:
        investigations.by_run(tx, run_id)
        verdict = verdicts.of_run(tx, run_id)
        if verdict is None:
            raise NotReady(f"{run_id} has no verdict.", hint=f"How it stands: /assay status {run_id}")
        held, differs = _from_predictions(tx, verdict)
        done = recompute(verdict.record, held)
    if verdict.record.get("decision") != verdict.outcome:
        differs.append(Difference("decision", verdict.record.get("decision"), verdict.outcome, "the verdict's row"))
    return _view(verdict.record, done, differs)


def of_file(content: bytes, name: str) -> RecomputedView:
    """Recompute a decision record, without a database. Raises ``Invalid`` for what is none."""
    if len(content) > RECORD_BYTES:
        raise Invalid(f"{name} has {len(content):,} bytes; a decision record has fewer than {RECORD_BYTES:,}.")
    try:
        body: Any = json.loads(content)
    except ValueError as error:
        raise Invalid(f"{name} is no JSON: {error}.", hint="Give the decision record of a run as JSON.") from error
    said: dict[str, Any] = body if isinstance(body, dict) else {}  # pyright: ignore[reportUnknownVariableType] # JSON
    said = said.get("record", said)
    if not isinstance(said, dict) or not said:  # pyright: ignore[reportUnnecessaryIsInstance] # JSON
        raise Invalid(f"{name} holds no decision record.", hint="It is a JSON object with decision, evidence, policy.")
    return _view(said, recompute(said), [])


def _from_predictions(tx: Tx, verdict: Verdict) -> tuple[Paired | None, list[Difference]]:
    """The comparison, and whether the record's counts are those of the stored predictions."""
    body = verdict.record
    stored: dict[str, Any] | None = body.get("quality", {}).get("pairs")
    names = [str(body.get(side, {}).get("contender", "")) for side in ("candidate", "prompted")]
    ours, theirs = (investigations.predictions(tx, verdict.run_id, name, Part.SEALED) for name in names)
    if not ours or not theirs or stored is None or body.get("seal_look") not in (1, 2, 3) or body.get("judge"):
        return None, []  # a judge's word on sealed pairs is kept as counts alone
    cascade = body["candidate"].get("cascade")
    ours = scores.composed(ours, theirs, cascade["threshold"]) if cascade else ours
    pairs = scores.paired(ours, theirs)
    task = Task.of(features.by_id(tx, verdict.feature_id))
    held = compare.paired(task, ours, theirs, 1 - 2 * look_alpha(body["seal_look"]))
    differs = [
        Difference(f"quality.pairs.{name}", stored.get(name), found, "the stored predictions")
        for name, found in vars(pairs).items()
        if stored.get(name) != found
    ]
    return held, differs


def _view(body: dict[str, Any], done: Recomputed, more: list[Difference]) -> RecomputedView:
    differences = [*more, *done.differences]
    return RecomputedView(
        run_id=str(body.get("run", "")),
        slug=str(body.get("feature", "")),
        decision=done.decision,
        found=done.found,
        same=done.is_same and not more,
        checked=done.checked,
        differs=tuple(_sentence(one) for one in differences),
        missing=done.missing,
        unknown=done.unknown,
    )


def _sentence(one: Difference) -> str:
    return f"{one.field} is {one.stored!r} in the record; from {one.source} it is {one.found!r}."
