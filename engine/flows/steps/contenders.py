"""The prompted contenders of a run: which can be tried, how each did on dev and what a call of it costs.

Every verdict is against the best of them: the current prompt, the same with examples, the same on a cheaper model, and
where a run wants it the same asked several times, whose answers vote.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.flows.steps import scores
from engine.flows.steps.values import Asked, Frozen, Tried
from engine.models.feature import Baseline, is_simulated
from engine.models.labels import Part
from engine.models.verdict import Score
from engine.rules.power import EvalPolicy
from engine.services import Services
from engine.store import features, investigations
from engine.store.database import Tx
from engine.teachers import options, prices
from engine.teachers.keys import is_loopback
from engine.teachers.votes import Votes

NO_CHEAPER = "no cheaper tier listed"


def votes_of(policy: EvalPolicy) -> Votes:
    """How often each row is asked for a vote, and at which temperature."""
    return Votes(samples=policy.votes, temperature=policy.vote_temperature)


def untried(tx: Tx, services: Services, frozen: Frozen) -> dict[str, str]:
    """Why an option cannot even be asked, by its name; empty when all can."""
    cheaper = frozen.policy.evaluation.cheaper_model
    baseline = features.baseline_by_id(tx, frozen.baseline_id)
    why = why_not_cheaper(tx, services, baseline, cheaper)
    return {options.CHEAPER: why} if why else {}


def why_not_cheaper(tx: Tx, services: Services, baseline: Baseline, cheaper: str) -> str:
    """Why the cheaper tier cannot be asked: none is listed, it is the baseline's, or nobody knows its price; or ""."""
    if not cheaper:
        return NO_CHEAPER
    if cheaper == baseline.model:
        return f"{cheaper} is the baseline's own model"
    known = prices.price_of(tx, cheaper, services.clock.now().date())
    if known is None and not is_loopback(baseline.base_url):
        return f"nobody knows what {cheaper} costs; say it: /assay settings prices"
    return ""


def tried(
    tx: Tx, services: Services, frozen: Frozen, asked: Sequence[Asked], *, untried: dict[str, str]
) -> list[Tried]:
    """Every option in the order it was asked, then those that were not."""
    baseline = features.baseline_by_id(tx, frozen.baseline_id)
    done = [_tried(tx, services, frozen, one, baseline=baseline) for one in asked]
    return [*done, *(_left(frozen, baseline, name, why) for name, why in untried.items())]


def best(found: Sequence[Tried]) -> Tried:
    """The best prompted option on dev, the one asked first where two are as good."""
    return max((one for one in found if not one.why), key=lambda one: one.quality)


def _tried(tx: Tx, services: Services, frozen: Frozen, asked: Asked, *, baseline: Baseline) -> Tried:
    if asked.stopped:
        return _left(frozen, baseline, asked.contender, asked.stopped)
    left = _left(frozen, baseline, asked.contender, "")
    rows = investigations.predictions(tx, frozen.run_id, asked.contender, Part.DEV)
    score = scores.scored(frozen.task, asked.contender, rows, left.model)
    kept = ("quality", "macro_f1", "exact", "valid_share", "rows", "latency_p50_ms", "latency_p95_ms")
    return left.model_copy(
        update={
            "samples": frozen.votes.samples if frozen.votes and asked.contender == options.VOTES else 1,
            "alone": asked.alone,
            **{name: getattr(score, name) for name in kept},
            "call_nano": _call_nano(tx, services, score, left.model),
        }
    )


def _left(frozen: Frozen, baseline: Baseline, name: str, why: str) -> Tried:
    model = options.model_of(name, baseline.model, frozen.policy.evaluation.cheaper_model)
    return Tried(contender=name, model=model, simulated=is_simulated(model), why=why)


def _call_nano(tx: Tx, services: Services, score: Score, model: str) -> int | None:
    """What a call costs at today's list price with nothing cached; none where nobody knows the price."""
    price = prices.price_of(tx, model, services.clock.now().date())
    return price and round(prices.cost_nano(price, score.tokens_in, 0, score.tokens_out) / score.rows)
