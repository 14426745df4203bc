"""Turn what is known of a feature into a plan of costs, and the plan into what ``verdict.decide`` asks about money.

Knows nothing of price lists or invoices: it is given sums, and says unknown (None) when one of them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.cost import Simulation, Spread, simulate
from engine.rules.plan import Plan, gross_saving, monthly_saving, net_present_value, payback_months

HOURS_PER_MONTH = 730


@dataclass(frozen=True)
class CostPolicy:
    """What serving, keeping and making a tuned model costs a team (all judgements a team may change), in US dollars.

    An encoder classifier needs ``cpu_hour_usd``; a larger model needs a GPU at ``gpu_hour_usd``. ``minute_usd``
    is a minute of labelling; ``engineering_usd`` and ``retraining_usd`` are once and each ``retrain_months``.
    """

    cpu_hour_usd: float = 0.10
    gpu_hour_usd: float = 0.80
    minute_usd: float = 0.50
    default_minutes: float = 0.25
    engineering_usd: float = 6_000.0
    retraining_usd: float = 300.0
    retrain_months: float = 3.0
    operations_month_usd: float = 200.0
    months: int = 12


@dataclass(frozen=True)
class Spending:
    """Measured: calls a month, a prompted call in US dollars, labelling minutes, teacher and training bills.

    ``escalation`` is the share of calls a cascade still sends to a prompted option, at ``escalated_usd`` each.
    """

    calls_per_month: float
    baseline_call_usd: float
    label_minutes: float
    label_rows: int
    bill_usd: float
    needs_gpu: bool = False
    escalation: float = 0.0
    escalated_usd: float = 0.0


@dataclass(frozen=True)
class Prompted:
    """A prompted option by its quality on dev (a fraction) and what a call of it costs (None: unknown)."""

    name: str
    quality: float
    call_nano: float | None


@dataclass(frozen=True)
class Prompting:
    """The cheapest way to stay with prompting, and its cost per call as a share of the baseline's."""

    name: str
    ratio: float


@dataclass(frozen=True)
class Money:
    """The money of one verdict, in US dollars: the plan, its point figures and the spread around them."""

    plan: Plan
    hosting_month_usd: float
    gross_saving: float
    month_saving_usd: float
    payback_months: float
    npv_usd: float
    simulation: Simulation


def cheapest(options: Sequence[Prompted], quality: float, margin: float) -> Prompting:
    """Find what a saving must be counted against: the cheapest prompted option that is good enough on dev.

    The first option is the baseline, which always counts; another counts when it is cheaper, its price is known, and
    on dev it is no more than ``margin`` below the candidate's ``quality``. Raises ValueError for no options.
    """
    if not options:
        raise ValueError("options is empty; the baseline is always one")
    floor = checks.share("quality", quality) - checks.margin("margin", margin)
    found = Prompting(options[0].name, 1.0)
    usual = options[0].call_nano
    for option in options[1:]:
        ratio = option.call_nano / usual if usual and option.call_nano is not None else 1.0
        if option.quality >= floor and ratio < found.ratio:
            found = Prompting(option.name, ratio)
    return found


def planned(spending: Spending, policy: CostPolicy) -> Plan:
    """Build the plan: fixed costs of a month, one-time costs before the first, nothing spent earlier."""
    fixed = (
        hosting(spending.needs_gpu, policy)
        + policy.retraining_usd / policy.retrain_months
        + policy.operations_month_usd
    )
    minutes = spending.label_minutes or spending.label_rows * policy.default_minutes
    one_time = policy.engineering_usd + minutes * policy.minute_usd + spending.bill_usd
    return Plan(
        calls_per_month=spending.calls_per_month,
        baseline_call_usd=spending.baseline_call_usd,
        # What an escalated call costs beyond a baseline call; the plan already counts that of the baseline.
        tuned_call_usd=spending.escalation * max(spending.escalated_usd - spending.baseline_call_usd, 0.0),
        fixed_month_usd=fixed,
        one_time_usd=one_time,
        escalation=spending.escalation,
    )


def hosting(needs_gpu: bool, policy: CostPolicy) -> float:  # noqa: FBT001 one question, asked by name
    """US dollars a month of one whole server, GPU or not."""
    return HOURS_PER_MONTH * (policy.gpu_hour_usd if needs_gpu else policy.cpu_hour_usd)


def judged(spending: Spending | None, policy: CostPolicy, seed: int = 0) -> Money | None:
    """Judge the money of a verdict; None when traffic or a price is unknown, for unknown is not a pass.

    The baseline's price is let fall as ``Spread`` assumes; escalation is the spending's, as measured.
    """
    if spending is None or spending.calls_per_month <= 0 or spending.baseline_call_usd <= 0:
        return None
    plan = planned(spending, policy)
    monthly_hosting = hosting(spending.needs_gpu, policy)
    return Money(
        plan=plan,
        hosting_month_usd=monthly_hosting,
        gross_saving=gross_saving(plan, monthly_hosting),
        month_saving_usd=monthly_saving(plan),
        payback_months=payback_months(plan),
        npv_usd=net_present_value(plan, policy.months),
        simulation=simulate(plan, Spread(escalation=None), policy.months, seed=seed),
    )
