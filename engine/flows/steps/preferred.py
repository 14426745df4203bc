"""Compare the two sides' texts by a judge's word and people's: whether the seal may be opened, and what came out.

Before people compared enough pairs, or where they agree too little with the judge, nothing is opened: no look is spent
on what could prove nothing.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from engine.errors import WorkFailed
from engine.flows.steps import scores
from engine.flows.steps.compare import Comparison, Slice
from engine.flows.steps.judgement import JudgedPart, Judgement
from engine.flows.steps.values import Choice, Frozen, Measured, Opened, Plan, unopened
from engine.models.money import to_usd
from engine.models.verdict import Score
from engine.rules.distributions import normal_quantile
from engine.rules.gates import SliceFact
from engine.rules.judged import Judged, Ruled, Tally, counted
from engine.rules.paired import GROUPS_LEAST, NO_INTERVAL, Paired
from engine.rules.pairs import Interval, Pairs, mcnemar_midp
from engine.rules.power import rows_planned
from engine.services import Services
from engine.store import investigations, replies, seals
from engine.store.database import Tx

METHOD = "PPI++ of a judge and people"
FEW_PEOPLE = "none: nothing was opened"
EVEN = 0.5  # what the win rate is where nobody writes better: the prompted side's score, whoever it is
ROOM = 1.1  # of what the sealed rows would cost at the dev rows' mean: their texts are others
_VARIANCE_MOST = 0.25  # of a win rate
ORDERS = 2  # a lead of one pair in a hundred moves the win rate by half a point: margins are told on the win rate


def level_of(opened: Opened) -> float:
    """The confidence of a look's interval."""
    return 1 - 2 * opened.alpha


def weigh(services: Services, frozen: Frozen, road: Plan, choice: Choice, *, dev: JudgedPart) -> Judgement:
    """Say whether the judge's word can be believed, and how many sealed rows would prove the margin.

    Raises ``WorkFailed`` where it can, and the budget would not pay the sealed rows' answers and judgements.
    """
    found = scored(dev, dev, level=level_of(unopened()))
    with services.database.read() as tx:
        look = seals.next_look(tx, road.seal_id)
        pairs = pairs_of(dev)
        planned = rows_planned(
            pairs, ORDERS * frozen.margin, look, frozen.policy.evaluation, design_effect=dev.design_effect
        )
        if not found.blockers:
            _refuse_unpayable(tx, frozen, road, choice, dev=dev)
    return Judgement(
        dev=dev, planned_rows=planned.rows, disagreement=planned.disagreement, blockers=list(found.blockers)
    )


def with_sealed(weighed: Judgement, sealed: JudgedPart) -> Judgement:
    """The judgement, with the sealed part's."""
    return weighed.model_copy(update={"sealed": sealed})


def planned(choice: Choice, measured: Measured) -> Choice:
    """The choice with the rows that would prove the margin on the win rate; as it is where nothing is judged."""
    judged = measured.judged
    if judged is None:
        return choice
    return choice.model_copy(update={"planned_rows": judged.planned_rows, "disagreement": judged.disagreement})


def compared(tx: Tx, frozen: Frozen, choice: Choice, measured: Measured) -> Comparison:
    """The comparison of a run by its judgement: on the sealed part, or on dev where nothing was opened."""
    assert measured.judged is not None, "only texts are compared here"
    dev, part = measured.judged.dev, measured.judged.sealed or measured.judged.dev
    level = 1 - 2 * measured.opened.alpha
    ours, theirs = (
        investigations.predictions(tx, frozen.run_id, name, part.part) for name in (choice.candidate, choice.prompted)
    )
    whole = paired(scored(dev, part, level=level), part, level)
    rate, parity = EVEN + whole.interval.estimate, measured.parity
    served = {"latency_p50_ms": parity.latency_p50_ms, "latency_p95_ms": parity.latency_p95_ms}
    return Comparison(
        candidate=_score(frozen, choice.candidate, ours, rate).model_copy(update=served),
        prompted=_score(frozen, choice.prompted, theirs, EVEN, model=choice.model),
        pairs=pairs_of(part),
        paired=whole,
        slices=tuple(_slice(one.model_dump()) for one in part.slices),
    )


def scored(dev: JudgedPart, part: JudgedPart, *, level: float) -> Judged:
    """The rules' score of a part's judgements, with the people of dev beside them."""
    return counted(
        Tally(**part.tally),
        dev.table,
        alone=Tally(**part.tally),
        length_controlled=part.length_controlled,
        ruled=Ruled(**part.ruled),
        confidence=level,
        design_effect=part.design_effect,
    )


def paired(found: Judged, part: JudgedPart, level: float) -> Paired:
    """The difference as every verdict has it: the win rate less one half, with its interval and variance a row.

    The variance is the interval's own, people's share of it included: more sealed rows settle it where people keep up.
    """
    pairs, interval = pairs_of(part), found.difference
    if interval is None:
        nothing = unproven(Tally(**part.tally), Ruled(**part.ruled))
        return Paired(nothing, FEW_PEOPLE, pairs.n, part.groups, _VARIANCE_MOST, 1.0)
    if part.grouped is not None and part.grouped < GROUPS_LEAST:
        none = Interval(interval.estimate, -EVEN, EVEN)
        return Paired(none, NO_INTERVAL, pairs.n, part.groups, _VARIANCE_MOST, 1.0)
    variance = row_variance(interval.low, interval.high, level=level, rows=pairs.n, design_effect=part.design_effect)
    return Paired(interval, METHOD, pairs.n, part.groups, variance, part.design_effect)


def row_variance(low: float, high: float, *, level: float, rows: int, design_effect: float) -> float:
    """The variance a row that an interval over so many rows speaks of."""
    error = (high - low) / 2.0 / normal_quantile(0.5 + level / 2.0)
    return error * error * rows / design_effect


def unproven(tally: Tally, ruled: Ruled) -> Interval:
    """What the judge alone says: a win rate less one half that proves nothing."""
    return Interval(paired_counts(tally, ruled).difference / ORDERS, -EVEN, EVEN)


def pairs_of(part: JudgedPart) -> Pairs:
    """Pairs won by the candidate, by the prompted option, and by nobody, with those that needed no judge."""
    return paired_counts(Tally(**part.tally), Ruled(**part.ruled))


def paired_counts(seen: Tally, beside: Ruled) -> Pairs:
    """The same of counts."""
    return Pairs(seen.even + beside.even, seen.candidate_both + beside.won, seen.prompted_both + beside.lost, 0)


def beside(compared: Comparison) -> dict[str, object]:
    """What is reported beside the difference: the pairs, and whether the judge's wins could be chance."""
    pairs = compared.pairs
    return {"pairs": asdict(pairs), "mcnemar_midp": mcnemar_midp(pairs.candidate_only, pairs.baseline_only)}


def body(measured: Measured) -> dict[str, Any] | None:
    """The judge's part of a decision record, from which the difference can be computed again; none without a judge."""
    judged = measured.judged
    if judged is None:
        return None
    part = judged.sealed or judged.dev
    found = scored(judged.dev, part, level=1 - 2 * measured.opened.alpha)
    return {
        "model": part.bench.model,
        "simulated": part.bench.simulated,
        "families": part.bench.families,
        "part": part.part.value,
        "people": found.humans,
        "kappa": found.kappa,
        "ac1": found.ac1,
        "table": judged.dev.table,
        "ppi": found.ppi and asdict(found.ppi),
        "swap": asdict(found.swap),
        "length_controlled": part.length_controlled,
        "design_effect": part.design_effect,
        "blockers": list(found.blockers),
        "dev": _counts(judged.dev),
        "sealed": judged.sealed and _counts(judged.sealed),
    }


def _counts(part: JudgedPart) -> dict[str, Any]:
    return {"pairs": part.pairs, "tally": part.tally, "ruled": part.ruled, "unread": part.unread}


def _score(frozen: Frozen, contender: str, rows: scores.Rows, rate: float, *, model: str = "") -> Score:
    """A side's score with the win rate as its quality."""
    return scores.scored(frozen.task, contender, rows, model).model_copy(update={"quality": rate})


def _slice(told: dict[str, Any]) -> Slice:
    fact = SliceFact(**{name: told[name] for name in ("name", "rows", "difference", "low", "high")})
    interval = Interval(fact.difference, fact.low, fact.high)
    return Slice(
        fact.name, None, Paired(interval, told["method"], fact.rows, fact.rows, 0.0, 1.0) if told["method"] else None
    )


def _refuse_unpayable(tx: Tx, frozen: Frozen, road: Plan, choice: Choice, *, dev: JudgedPart) -> None:
    """Refuse before the seal is opened: a look is one of three, and half of the judgements give no verdict."""
    prompted = next(one for one in choice.tried if one.contender == choice.prompted)
    asked = (prompted.call_nano or 0) * road.sealed_rows
    judged = dev.nano_usd / dev.questions * ORDERS * road.sealed_rows
    needed, left = round(ROOM * (asked + judged)), frozen.budget_nano - replies.bill(tx, frozen.run_id).nano_usd
    if needed > left:
        raise WorkFailed(
            f"The sealed rows' {road.sealed_rows:,} answers and their judgements may cost ${to_usd(needed):,.2f}, and "
            f"${to_usd(max(left, 0)):,.2f} of the budget is left, so none was opened. What was paid is kept; start "
            f"again: /assay investigate {frozen.slug} budget={math.ceil(to_usd(needed))}"
        )
