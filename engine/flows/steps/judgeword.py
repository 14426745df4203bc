"""What a rollout's judge has said of its stages, and why nothing is known of it where that is so. Asks nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.models.feature import ApproachName
from engine.models.rollout import Rollout
from engine.models.verdict import Verdict
from engine.rules import stagejudge
from engine.rules.stagejudge import PairCounts
from engine.store import features, investigations, policies, stagepairs
from engine.store.database import Tx

NAME = "judge"
_LEAST_DIFFERING = 0.05


@dataclass(frozen=True)
class Calibrated:
    """The judge a verdict rests on, compared with people in a run, and how many more lost than won pairs it allows."""

    model: str
    run_id: str
    seed: int
    tolerance: float


@dataclass(frozen=True)
class Word:
    """What was judged, and the evidence of harm in it; ``unknown`` says why there is none, "" where there is."""

    seen: PairCounts = field(default_factory=PairCounts)
    log_e: float = 0.0
    unknown: str = ""

    @property
    def tuned(self) -> float | None:
        """The share of pairs the tuned text lost."""
        return self.seen.prompted / self.seen.pairs if self.seen.pairs else None

    @property
    def prompted(self) -> float | None:
        """The share of pairs the prompted text lost."""
        return self.seen.tuned / self.seen.pairs if self.seen.pairs else None


def is_due(tx: Tx, rollout: Rollout) -> bool:
    """Whether a rollout is watched by a judge: nothing else tells whether its texts are good."""
    return features.by_id(tx, rollout.feature_id).approach == ApproachName.VOICE


def calibrated(tx: Tx, rollout: Rollout) -> Calibrated | None:
    """The judge that people agreed with before the verdict; none where there is none."""
    verdict = tx.get_one(Verdict, rollout.verdict_id)
    told: dict[str, Any] | None = verdict.record.get("judge")
    run = investigations.find(tx, verdict.run_id)
    if not told or told["blockers"] or run is None:
        return None
    margin = float(verdict.record["quality"]["margin"])
    allowed = stagejudge.tolerance(margin, told["table"], differing=_differing(told["sealed"] or told["dev"]))
    return Calibrated(told["model"], verdict.run_id, run.seed, allowed)


def word(tx: Tx, rollout: Rollout) -> Word:
    """What the judge said of the rollout's stages so far."""
    known = calibrated(tx, rollout)
    if known is None:
        return Word(unknown="no judge was compared with people before the verdict")
    said = stagepairs.counts(tx, rollout.id or 0)
    seen = PairCounts(said.get("candidate", 0), said.get("prompted", 0), said.get("tie", 0))
    if seen.pairs:
        return Word(seen, stagejudge.log_e_judged(seen, known.tolerance))
    return Word(unknown=_why(tx, rollout, known, said))


def _why(tx: Tx, rollout: Rollout, known: Calibrated, said: dict[str, int]) -> str:
    traffic = policies.traffic(tx, rollout.feature_id)
    named = policies.current(tx, rollout.feature_id).evaluation.judge_model
    if named != known.model:
        return f"{known.model} was compared with people, and {named or 'nobody'} is named now"
    if not traffic.judge_pairs or not traffic.judge_usd:
        return "no pair may be judged (judge_pairs, judge_usd)"
    if traffic.capture == "none":
        return "no text is captured (capture=none)"
    if said.get(stagepairs.UNREAD):
        return "the judge gave no word that can be read, or its budget of the stage is used up"
    if said.get(stagepairs.SAME):
        return "both sides wrote the same so far"
    return "the judge is being asked" if said.get("") else "no text of this stage is captured yet"


def _differing(part: dict[str, Any]) -> float:
    """The share of pairs whose texts differed when the verdict was made."""
    even = part["ruled"]["even"]
    total = part["pairs"] + sum(part["ruled"].values())
    return max(1.0 - even / total, _LEAST_DIFFERING) if total else 1.0
