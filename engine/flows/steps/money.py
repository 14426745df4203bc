"""Gather what the money of a verdict needs from traffic, labels and bills. Unknown stays unknown."""

from __future__ import annotations

from engine.flows.steps.values import Choice, Frozen
from engine.models.money import to_usd
from engine.rules import money
from engine.services import Services
from engine.store import labels, replies, usage
from engine.store.database import Tx
from engine.teachers import options

GPU_RUNGS = ("lora_causal",)  # every other rung of the ladder answers from a processor


def prompting(choice: Choice, margin: float) -> money.Prompting:
    """The cheapest way to stay with prompting that is good enough, which the saving is counted against."""
    options = [money.Prompted(one.contender, one.quality, one.call_nano) for one in choice.tried if not one.why]
    return money.cheapest(options, choice.quality, margin)


def escalated_ratio(choice: Choice) -> float:
    """What an escalated call costs against one of the baseline; where a price is unknown, the same."""
    calls = {one.contender: one.call_nano for one in choice.tried if not one.why}
    usual, asked = calls.get(options.BASELINE), calls.get(choice.prompted)
    return asked / usual if usual and asked is not None else 1.0


def prompted_call_usd(month: usage.Month | None) -> float | None:
    """What a call of the prompted model costs in production; none where one has no price, or it answered none.

    Where a tuned model is live its own calls, which nobody charges for, say nothing of that.
    """
    if month is None or month.prompted_nano is None or not month.prompted_calls:
        return None
    return to_usd(month.prompted_nano) / month.prompted_calls


def judged(tx: Tx, services: Services, frozen: Frozen, choice: Choice) -> money.Money | None:
    """The money of a run's chosen candidate, or none when traffic or the price of a prompted call is unknown.

    A saving counts against the cheapest prompted option that is good enough: to switch to it would save as much.
    """
    month = usage.last_month(tx, frozen.feature_id, services.clock.now())
    call_usd = prompted_call_usd(month)
    if month is None or call_usd is None:
        return None
    spending = money.Spending(
        calls_per_month=month.calls,
        baseline_call_usd=call_usd * prompting(choice, frozen.margin).ratio,
        label_minutes=labels.minutes(tx, frozen.label_set_id),
        label_rows=labels.usable(tx, frozen.feature_id),
        bill_usd=to_usd(replies.bill(tx, frozen.run_id).nano_usd),
        needs_gpu=choice.rung in GPU_RUNGS,
        escalation=choice.cascade.escalation if choice.cascade else 0.0,
        escalated_usd=call_usd * escalated_ratio(choice) if choice.cascade else 0.0,
    )
    return money.judged(spending, frozen.policy.cost, seed=frozen.seed)
