"""What must have left the seal, from what a decision record says was measured. Reads nothing but the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from engine.flows.steps import release, uploads
from engine.flows.steps.recheck import Check
from engine.flows.steps.reread import Record, known, read_evidence
from engine.rules.paired import Paired
from engine.rules.release import rows_released
from engine.rules.seal import next_alpha
from engine.rules.uploads import Parting
from engine.rules.verdict import VerdictPolicy, decide


def let_out(body: Record, _held: Paired | None) -> Iterator[Check]:
    """What left the seal, from what was measured; an early record does not say."""
    found = release.figures(body["quality"], body["evidence"])
    again = asdict(found)
    for name, said in body.get("released", {}).items():
        yield f"released.{name}", said, again[name], "quality and evidence.row_variance"
    settles = body.get("settles")
    if settles:
        rules = known(VerdictPolicy, body["policy"]["verdict"])
        judged = read_evidence(body["evidence"])
        rows = rows_released(decide(judged, rules), judged, found, rules, alpha=next_alpha(body["seal_look"] or 1))
        parting = Parting(0.0, settles["sealed_share"], settles["rows_per_group"])
        yield "settles", settles, uploads.settles(rows, parting), "released, evidence and policy.verdict"
