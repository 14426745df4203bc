"""What must follow from what where a judge compared texts: the difference from its word and people's, and the rest.

Reads nothing but the record. How lengths pulled, and how groups widen the interval, are of rows that no record holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from engine.flows.steps import preferred, recheck, record
from engine.flows.steps.recheck import Check
from engine.flows.steps.reread import Record
from engine.rules.judged import Judged, Ruled, Tally, counted
from engine.rules.paired import Paired
from engine.rules.pairs import mcnemar_midp
from engine.rules.seal import look_alpha

_OURS = (  # as said here, not by counts of right
    "evidence.row_variance",
    "evidence.design_effect",
    "gate_facts.groups",
    "gate_facts.judge_people",
)


def counts(body: Record, _held: Paired | None) -> Iterator[Check]:
    """The difference and both scores, from the judge's counts and people's."""
    quality, scores, judge = body["quality"], body["scores"], body["judge"]
    found, part = _scored(body), _part(judge)
    lead = found.difference.estimate if found.difference else preferred.unproven(*_counts(part)).estimate
    source = "judge"
    yield "quality.difference", quality["difference"], lead, source
    yield "quality.candidate", quality["candidate"], preferred.EVEN + quality["difference"], "quality.difference"
    yield "quality.prompted", quality["prompted"], preferred.EVEN, "the win rate, which is even at one half"
    yield "quality.level", quality["level"], _level(body), "seal_look"
    for side in ("candidate", "prompted"):
        yield f"scores.{side}.quality", scores[side]["quality"], quality[side], f"quality.{side}"
    for name in ("humans", "kappa", "ac1"):
        yield f"judge.{_NAMES.get(name, name)}", judge[_NAMES.get(name, name)], getattr(found, name), "judge.table"
    yield "judge.ppi", judge["ppi"], found.ppi and asdict(found.ppi), "judge.table and judge.sealed"
    yield "judge.swap", judge["swap"], asdict(found.swap), f"judge.{judge['part']}"
    yield "judge.blockers", list(judge["blockers"]), list(found.blockers), "judge.table"


def interval(body: Record, _held: Paired | None) -> Iterator[Check]:
    """The interval, what its pairs are, and what it says."""
    quality, judge = body["quality"], body["judge"]
    found, tally, ruled = _scored(body).difference, *_counts(_part(judge))
    if quality["method"] == preferred.METHOD and found is not None:
        yield "quality.low", quality["low"], found.low, "judge and seal_look"
        yield "quality.high", quality["high"], found.high, "judge and seal_look"
    else:
        yield "quality.low", quality["low"], -preferred.EVEN, "judge, which proves nothing"
        yield "quality.high", quality["high"], preferred.EVEN, "judge, which proves nothing"
    pairs = preferred.paired_counts(tally, ruled)
    yield "quality.pairs", quality["pairs"], asdict(pairs), "judge"
    yield "quality.n", quality["n"], pairs.n, "judge"
    midp = mcnemar_midp(pairs.candidate_only, pairs.baseline_only)
    yield "quality.mcnemar_midp", quality["mcnemar_midp"], midp, "quality.pairs"
    said = record.finding(quality["low"], quality["high"], quality["margin"])
    yield "quality.finding", quality["finding"], said, "quality.low, quality.high and quality.margin"


def gate_facts(body: Record, held: Paired | None) -> Iterator[Check]:
    """What the gates were asked, with what is asked of a judge."""
    facts, judge = body["gate_facts"], body["judge"]
    yield from (check for check in recheck.gate_facts(body, held) if check[0] not in _OURS)
    yield "gate_facts.has_judge", facts["has_judge"], True, "judge"
    yield "gate_facts.judge_people", facts["judge_people"], judge["people"], "judge.people"
    yield "gate_facts.judge_kappa", facts["judge_kappa"], judge["kappa"], "judge.kappa"


def evidence(body: Record, held: Paired | None) -> Iterator[Check]:
    """What was judged; the variance a row is that of the interval itself."""
    yield from (check for check in recheck.evidence(body, held) if check[0] not in _OURS)
    said, quality = body["evidence"], body["quality"]
    if quality["method"] == preferred.METHOD:
        effect = body["judge"]["design_effect"]
        variance = preferred.row_variance(
            quality["low"], quality["high"], level=quality["level"], rows=quality["n"], design_effect=effect
        )
        yield "evidence.row_variance", said["row_variance"], variance, "quality"
        yield "evidence.design_effect", said["design_effect"], effect, "judge.design_effect"


_NAMES = {"humans": "people"}


def _part(judge: Record) -> Record:
    return judge["sealed"] or judge["dev"]


def _counts(part: Record) -> tuple[Tally, Ruled]:
    return Tally(**part["tally"]), Ruled(**part["ruled"])


def _scored(body: Record) -> Judged:
    judge = body["judge"]
    tally, ruled = _counts(_part(judge))
    return counted(
        tally,
        judge["table"],
        alone=tally,
        length_controlled=judge["length_controlled"],
        ruled=ruled,
        confidence=_level(body),
        design_effect=judge["design_effect"],
    )


def _level(body: Record) -> float:
    return 1 - 2 * look_alpha(body["seal_look"] or 1)
