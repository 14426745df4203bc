"""The 13 conditions of readiness: each reads some facts as pass, fail or unknown, and says how to mend it.

Knows nothing of overrides or of the answer they add up to. Unknown is never a pass.
"""

from __future__ import annotations

import math

from engine.rules.condition import Condition, Row, Status, below, first, over, said, short
from engine.rules.facts import PROBES, Facts, ReadinessPolicy

_NO_VALID_SHARE = ("voice", "reason")  # approaches whose answers have no form to be valid by
_NO_CLASSES = ("extract", "voice", "reason")


def narrow(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Is the task narrow and repetitive?"""
    return _template("narrow", facts, policy)


def broad(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Is the task broad or exploratory? The same facts as `narrow`, asked the other way round."""
    return _template("broad", facts, policy)


def volume(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Is the volume high enough to pay a model of its own?"""
    calls, even = facts.calls_per_month_low, facts.break_even_calls
    is_worth_it = facts.npv_usd is not None and facts.npv_usd >= 0.0
    value = said(calls_a_month=calls, break_even=None if even is None else _up(even), traffic_days=facts.traffic_days)
    threshold = f"at least the break-even volume, and {policy.calls_plenty:,} calls a month or a net present value >= 0"
    return first(
        ("volume", value, threshold),
        *_traffic(facts, policy),
        (even is None, Status.UNKNOWN, "Run an investigation's cost plan to know the break-even."),
        (even is not None and below(calls, even), Status.FAIL, _stay(facts)),
        (
            below(calls, policy.calls_plenty) and not is_worth_it,
            Status.UNKNOWN,
            "Give the costs a net present value needs: price, hosting, hours.",
        ),
    )


def labelled(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Are labels there, or makeable, and good enough?"""
    has_classes = facts.approach not in _NO_CLASSES
    more = f"Add labels: {policy.label_rows:,} rows, {policy.class_rows} of each class."
    value = said(
        labels=facts.label_rows,
        smallest_class=facts.smallest_class_rows,
        audited=facts.audited_rows,
        kappa=facts.audit_kappa,
    )
    threshold = said(labels=policy.label_rows, audited=policy.audited_rows, kappa=policy.audit_kappa)
    return first(
        ("data", value, f"at least {threshold}"),
        (below(facts.label_rows, policy.label_rows), Status.FAIL, more),
        (has_classes and below(facts.smallest_class_rows, policy.class_rows), Status.FAIL, more),
        (facts.label_rows is None or (has_classes and facts.smallest_class_rows is None), Status.UNKNOWN, more),
        (
            short(facts.audited_rows, policy.audited_rows) or facts.audit_kappa is None,
            Status.UNKNOWN,
            f"Have a person check {policy.audited_rows} labels.",
        ),
        (below(facts.audit_kappa, policy.audit_kappa), Status.FAIL, "Write down how to label, and label again."),
    )


def stable(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Does the task hold still?"""
    changes, alarms, relabelled = facts.material_changes_90d, facts.drift_alarms_3m, facts.relabel_agreement
    broken = over(changes, policy.material_changes) or over(alarms, policy.drift_alarms)
    return first(
        (
            "stable",
            said(changes_in_90_days=changes, drift_alarms=alarms, relabel_agreement_share=relabelled),
            f"at most {policy.material_changes} change and {policy.drift_alarms} alarm, "
            f"{said(agreement_at_least_share=policy.relabel_agreement)}",
        ),
        (broken or below(relabelled, policy.relabel_agreement), Status.FAIL, "Wait until the task holds still."),
        (
            changes is None or alarms is None or relabelled is None,
            Status.UNKNOWN,
            "Capture traffic, and label 30 old rows again.",
        ),
    )


def wall(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Has prompting hit a wall, in quality or in cost?"""
    tried_enough = not short(facts.prompts_tried, policy.prompts_tried) and not short(
        facts.models_tried, policy.models_tried
    )
    quality, bar = facts.prompted_quality_high, facts.quality_bar
    spend, budget = facts.month_spend_usd, facts.month_budget_usd
    is_short = None if not tried_enough or quality is None or bar is None else quality < bar
    is_costly = None if spend is None or budget is None else spend > budget
    return first(
        (
            "wall",
            said(
                prompts=facts.prompts_tried,
                models=facts.models_tried,
                quality_share=quality,
                bar_share=bar,
                month_spend_usd=spend,
                budget_usd=budget,
            ),
            f"quality under the bar after {policy.prompts_tried} prompts and {policy.models_tried} models, "
            "or spend over the budget",
        ),
        (bool(is_short) or bool(is_costly), Status.PASS, ""),
        (is_short is None or is_costly is None, Status.UNKNOWN, "Try more prompts and a second model first."),
        (True, Status.FAIL, "Stay with prompting: it meets the bar within the budget."),
    )


def low_volume(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Is the feature too small to bother?"""
    spend, saving, effort = facts.month_spend_usd, facts.saving_median, facts.month_effort_usd
    won = None if spend is None or saving is None else spend * saving
    return first(
        (
            "low_volume",
            said(calls_a_month=facts.calls_per_month_low, month_spend_usd=spend, saving_share=saving),
            f"a month saves at least what keeping it takes: {said(effort_usd=effort)}",
        ),
        *_traffic(facts, policy),
        (won is None or effort is None, Status.UNKNOWN, "Give the month's spend and the hours it would cost."),
        (won is not None and effort is not None and won < effort, Status.FAIL, _stay(facts)),
    )


def subjective(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Do people agree on what is right?"""
    return first(
        (
            "subjective",
            said(labelled_twice=facts.annotated_twice_rows, alpha=facts.annotator_alpha),
            f"at least {policy.annotated_rows} rows labelled twice, alpha at least {policy.annotator_alpha:g}",
        ),
        (
            below(facts.annotator_alpha, policy.annotator_alpha_least),
            Status.FAIL,
            "People do not agree on what is right; a model cannot learn it.",
        ),
        (
            short(facts.annotated_twice_rows, policy.annotated_rows)
            or short(facts.annotator_alpha, policy.annotator_alpha),
            Status.UNKNOWN,
            f"Have two people label {policy.annotated_rows} rows, or compare answers pairwise.",
        ),
    )


def evolving(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Is the task about to change?"""
    return first(
        (
            "evolving",
            said(attested_stable_days=facts.attested_stable_days),
            f"stable, and attested so for {policy.attested_days} days",
        ),
        (stable(facts, policy).status is Status.FAIL, Status.FAIL, "Wait until the task holds still."),
        (facts.attested_stable_days is None, Status.UNKNOWN, "Ask the owner to sign that no change is planned."),
        (below(facts.attested_stable_days, policy.attested_days), Status.FAIL, "Wait until the change is made."),
    )


def operations(facts: Facts, policy: ReadinessPolicy) -> Condition:  # noqa: ARG001 every condition takes both
    """Can the team operate it?"""
    probes = {name: (facts.probes or {}).get(name) for name in PROBES}
    failed = [name for name, has_passed in probes.items() if has_passed is False]
    unknown = [name for name, has_passed in probes.items() if has_passed is None]
    return first(
        (
            "operations",
            f"passed {len(PROBES) - len(failed) - len(unknown)} of {len(PROBES)} probes",
            f"all {len(PROBES)} probes",
        ),
        (bool(failed), Status.FAIL, f"Mend: {', '.join(failed)}."),
        (bool(unknown), Status.UNKNOWN, f"Run the probes: {', '.join(unknown)}."),
    )


def tenure(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Has it been in production for three months?"""
    return first(
        (
            "tenure",
            said(days_live=facts.days_live, traffic_days_of_90=facts.traffic_days_of_90),
            f"at least {policy.days_live} days live, {policy.traffic_days_of_90} of the last 90 with traffic",
        ),
        (facts.days_live is None, Status.UNKNOWN, "Say since when it is live."),
        (below(facts.days_live, policy.days_live), Status.FAIL, "Wait; it is too young."),
        (facts.traffic_days_of_90 is None, Status.UNKNOWN, "Import 90 days of traffic."),
        (below(facts.traffic_days_of_90, policy.traffic_days_of_90), Status.FAIL, "Wait for steady traffic."),
    )


def saving(facts: Facts, policy: ReadinessPolicy) -> Condition:
    """Is a large saving plausible?"""
    low, median = facts.saving_low, facts.saving_median
    return first(
        ("saving", said(low_share=low, median_share=median), said(a_low_estimate_of_at_least_share=policy.saving)),
        (not short(low, policy.saving), Status.PASS, ""),
        (low is not None and below(median, policy.saving), Status.FAIL, _stay(facts)),
        (True, Status.UNKNOWN, "Narrow the estimate: give prices, tokens and the peak rate."),
    )


def worth(facts: Facts, policy: ReadinessPolicy) -> Condition:  # noqa: ARG001 every condition takes both
    """Is the net present value at least 0 on the team's own inputs?"""
    return first(
        ("worth", said(net_present_value_usd=facts.npv_usd), "a net present value of at least $0"),
        (facts.npv_usd is None, Status.UNKNOWN, "Give the costs a net present value needs: price, hosting, hours."),
        (below(facts.npv_usd, 0.0), Status.FAIL, _stay(facts)),
    )


CONDITIONS = (
    narrow,
    volume,
    labelled,
    stable,
    wall,
    broad,
    low_volume,
    subjective,
    evolving,
    operations,
    tenure,
    saving,
    worth,
)


def _template(name: str, facts: Facts, policy: ReadinessPolicy) -> Condition:
    asks_valid = facts.approach not in _NO_VALID_SHARE
    sample_more = f"Capture {policy.sampled_calls:,} calls over {policy.sampled_days} days."
    return first(
        (
            name,
            said(
                top_template_share=facts.top_template_share,
                valid_share=facts.valid_output_share,
                calls=facts.sampled_calls,
                days=facts.sampled_days,
            ),
            said(top_template_at_least_share=policy.template_share)
            + (f", {said(valid_at_least_share=policy.valid_share)}" if asks_valid else ""),
        ),
        (
            short(facts.sampled_calls, policy.sampled_calls)
            or short(facts.sampled_days, policy.sampled_days)
            or facts.top_template_share is None,
            Status.UNKNOWN,
            sample_more,
        ),
        (below(facts.top_template_share, policy.template_share), Status.FAIL, "Split off one narrow task."),
        (asks_valid and facts.valid_output_share is None, Status.UNKNOWN, sample_more),
        (
            asks_valid and below(facts.valid_output_share, policy.valid_share),
            Status.FAIL,
            "Make the prompt's answers keep their form first.",
        ),
    )


def _traffic(facts: Facts, policy: ReadinessPolicy) -> tuple[Row, Row]:
    """Give the two rows every question of volume starts with: is the traffic known, is it too small?"""
    return (
        (
            short(facts.traffic_days, policy.traffic_days) or facts.calls_per_month_low is None,
            Status.UNKNOWN,
            f"Import or capture {policy.traffic_days} days of traffic.",
        ),
        (below(facts.calls_per_month_low, policy.calls_least), Status.FAIL, _stay(facts)),
    )


def _up(calls: float) -> float:
    return math.ceil(calls) if math.isfinite(calls) else calls


def _stay(facts: Facts) -> str:
    if facts.month_spend_usd is None:
        return "Stay with prompting."
    return f"Stay with prompting: the baseline costs ${facts.month_spend_usd:,.2f} a month."
