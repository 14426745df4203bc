"""What a stage has shown of its guardrails, from calls the gateway recorded, by the side each unit was assigned to.

A stage's base rates and what counts as slow are fixed when it begins, before any of its calls is seen (docs/rules.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.flows.steps import ceiling, judgeword
from engine.models.base import Value
from engine.models.evidence import StageCount, StageScore, StageStart
from engine.models.rollout import Guardrail, Mode, Rollout, Route, Stage
from engine.rules import sequential
from engine.rules.evidence import EVENTS, TOLD_BY
from engine.rules.rollout import StageEvidence
from engine.rules.sequential import StageRates
from engine.services import Services
from engine.store import evidence, policies, work
from engine.store.database import Tx

TICK = timedelta(minutes=1)
RECENT = timedelta(days=7)  # the baseline's rates and speed are those of its last week
GUARDRAILS = (
    Guardrail(name="errors"),
    Guardrail(name="invalid"),
    # By its making a twentieth of the baseline's own calls are slow; the tuned side may have a tenth.
    Guardrail(name="slow", tolerance=0.05),
    Guardrail(name="thumbs_down"),
)
SAFE = ("errors", "invalid")  # what must be shown to be no worse before everybody is served
SHADOW_SHARE = 0.5  # both sides see every call


class ArmView(Value):
    """What one side showed at a stage: calls, how many were bad in which way, nano-dollars, units that are done."""

    arm: str
    n: int = 0
    errors: int = 0
    invalid: int = 0
    slow: int = 0
    slow_known: int = 0
    thumbs: int = 0
    thumbs_down: int = 0
    cost_nano_usd: int = 0
    units: int = 0


class GuardrailView(Value):
    """A guardrail's evidence of harm and what it may reach, as logs, and each side's rate of calls (none: unknown).

    ``unknown`` says why nothing is known of it, "" where something is.
    """

    name: str
    log_e: float
    limit: float
    baseline: float | None
    tuned: float | None
    unknown: str = ""


class StageView(Value):
    """Both sides of the stage a rollout is at. ``simulated`` numbers are told as such by who shows this."""

    arms: tuple[ArmView, ...] = ()
    guardrails: tuple[GuardrailView, ...] = ()


@dataclass(frozen=True)
class _Seen:
    """A stage of a rollout with what its closed units scored."""

    start: StageStart
    scores: Sequence[StageScore]

    def rates(self, guardrail: str, arm: str) -> dict[float, int]:
        found: Counter[float] = Counter()
        for row in self.scores:
            if row.guardrail == guardrail and row.arm == arm:
                found[row.bad / row.n] += row.units
        return dict(found)

    def units(self, arm: str) -> int:
        return sum(self.rates("errors", arm).values())


def begin(tx: Tx, rollout: Rollout, route: Route, *, per_call: bool, at: datetime) -> None:
    """Fix what calls of a route are judged by. Pause and resume change the route and not the stage."""
    if route.mode in (Mode.OBSERVE, Mode.RETIRED):
        return
    share = SHADOW_SHARE if route.mode is Mode.SHADOW else route.share
    before = evidence.starts(tx, rollout.id)
    last = before[-1] if before else None
    start = StageStart(
        key=route.stage,
        root=route.stage,
        feature_id=rollout.feature_id,
        rollout_id=rollout.id or 0,
        stage=rollout.stage,
        share=share,
        per_call=per_call,
        at=at,
    )
    if last is not None and (last.stage, last.share) == (rollout.stage, share):
        start.root, start.per_call = last.root, last.per_call
        start.slow_ms, start.base_rates = last.slow_ms, dict(last.base_rates)
    else:
        recent = evidence.baseline_of(tx, rollout.feature_id, at - RECENT)
        start.slow_ms = recent.p95_ms
        start.base_rates = {"errors": recent.error_rate, **(_rates(tx, last.root) if last is not None else {})}
    evidence.add_start(tx, start)


def gathered(tx: Tx, services: Services, rollout: Rollout, *, full_week: bool) -> StageEvidence | None:
    """The evidence of the rollout's stage; none when no gateway recorded a call of it."""
    now = services.clock.now()
    starts = evidence.starts(tx, rollout.id)
    here = next((start for start in reversed(starts) if start.stage == rollout.stage), None)
    counts = evidence.counts(tx, here.root) if here is not None else []
    if here is None or not counts:
        return None
    seen = _stages(tx, starts)
    current = next(one for one in seen if one.start.root == here.root)
    judged = [one for one in seen if 0.0 < one.start.share < 1.0]
    return StageEvidence(
        max((now - rollout.stage_since).total_seconds() / 3600, 0.0),
        current.units("tuned"),
        {
            **{one.name: sequential.log_e_harm(_of(judged, one.name), one.tolerance) for one in GUARDRAILS},
            # Unknown is evidence of nothing, and counts among the guardrails: the limit of all must not move later.
            **({judgeword.NAME: judgeword.word(tx, rollout).log_e} if judgeword.is_due(tx, rollout) else {}),
        },
        log_e_safe=_safe(judged) if rollout.stage is Stage.CANARY_50 else None,
        log_e_mismatch=_mismatch(current),
        ticks_old=max((now - _seen_until(tx, counts)) / TICK, 0.0),
        full_week=full_week,
        cost_ratio=ceiling.cost_ratio(tx, rollout, now),
    )


def view(tx: Tx, rollout: Rollout) -> StageView:
    """Both sides' numbers at the rollout's stage, as people read them."""
    starts = evidence.starts(tx, rollout.id)
    here = next((start for start in reversed(starts) if start.stage == rollout.stage), None)
    if here is None:
        return StageView()
    seen = _stages(tx, starts)
    current = next(one for one in seen if one.start.root == here.root)
    counts = evidence.counts(tx, here.root)
    judged = [one for one in seen if 0.0 < one.start.share < 1.0]
    alpha = policies.current(tx, rollout.feature_id).stage.alpha
    if not counts:
        return StageView()
    arms = tuple(_arm(arm, counts, current) for arm in ("baseline", "tuned"))
    told = [judgeword.word(tx, rollout)] if judgeword.is_due(tx, rollout) else []
    limit = sequential.harm_bound(len(GUARDRAILS) + len(told), alpha)
    return StageView(
        arms=arms,
        guardrails=(
            *(_guardrail(one, judged, arms, limit=limit) for one in GUARDRAILS),
            *(
                GuardrailView(
                    name=judgeword.NAME, log_e=one.log_e, limit=limit, baseline=one.prompted, tuned=one.tuned,
                    unknown=one.unknown,
                )
                for one in told
            ),
        ),
    )  # fmt: skip


def _stages(tx: Tx, starts: Sequence[StageStart]) -> list[_Seen]:
    roots: dict[str, StageStart] = {}
    for start in starts:
        roots.setdefault(start.root, start)
    return [_Seen(start, evidence.scores(tx, root)) for root, start in roots.items()]


def _of(stages: Sequence[_Seen], guardrail: str) -> list[StageRates]:
    return [
        StageRates(
            one.start.share,
            one.start.base_rates.get(guardrail, 0.0),
            one.rates(guardrail, "tuned"),
            one.rates(guardrail, "baseline"),
        )
        for one in stages
    ]


def _safe(stages: Sequence[_Seen]) -> float:
    margins = {one.name: one.margin for one in GUARDRAILS}
    return min(sequential.log_e_safe(_of(stages, name), margins[name]) for name in SAFE)


def _mismatch(seen: _Seen) -> float | None:
    """Whether units came to the sides as they should. A unit comes back on other days, so days are taken apart."""
    if seen.start.stage == Stage.SHADOW or not 0.0 < seen.start.share < 1.0:
        return None
    days: dict[date, Counter[str]] = {}
    for row in seen.scores:
        if row.guardrail == "errors":
            days.setdefault(row.day, Counter())[row.arm] += row.units
    units = [(days[day]["tuned"], days[day]["baseline"]) for day in sorted(days)]
    if seen.start.per_call:
        return sequential.log_e_mismatch(
            sum(tuned for tuned, _ in units), sum(baseline for _, baseline in units), seen.start.share
        )
    return sequential.log_e_mismatch_by_day(units, seen.start.share)


def _seen_until(tx: Tx, counts: Sequence[StageCount]) -> datetime:
    """Until when traffic was seen: the newest call, or, where a gateway's spool is read, when it was read last."""
    reads = [row.at for row in work.beats(tx, "spool@") if row.facts.get("live")]
    return max([*reads, *(row.newest for row in counts)])


def _rates(tx: Tx, root: str) -> dict[str, float]:
    rows = [row for row in evidence.counts(tx, root) if row.arm == "baseline"]
    found: dict[str, float] = {}
    for name in EVENTS:
        known = sum(getattr(row, TOLD_BY[name]) for row in rows)
        if known:
            found[name] = sum(getattr(row, name) for row in rows) / known
    return found


def _arm(arm: str, counts: Sequence[StageCount], seen: _Seen) -> ArmView:
    rows = [row for row in counts if row.arm == arm]
    names = (*ArmView.model_fields.keys() - {"arm", "units"},)
    sums: Mapping[str, int] = {name: sum(getattr(row, name) for row in rows) for name in names}
    return ArmView(arm=arm, units=seen.units(arm), **sums)


def _guardrail(
    guardrail: Guardrail, stages: Sequence[_Seen], arms: Sequence[ArmView], *, limit: float
) -> GuardrailView:
    rates = [
        getattr(arm, guardrail.name) / getattr(arm, TOLD_BY[guardrail.name])
        if getattr(arm, TOLD_BY[guardrail.name])
        else None
        for arm in arms
    ]
    return GuardrailView(
        name=guardrail.name,
        log_e=sequential.log_e_harm(_of(stages, guardrail.name), guardrail.tolerance),
        limit=limit,
        baseline=rates[0],
        tuned=rates[1],
    )
