"""What an investigation would do and cost at most, told before a person starts it. Asks nobody, opens nothing."""

from __future__ import annotations

from engine.approaches import Task
from engine.errors import Invalid
from engine.flows.steps import contenders, prompted, trainings
from engine.flows.steps.again import Last, last
from engine.flows.steps.outlook import Prospects, prospects
from engine.flows.steps.prompted import Asking
from engine.flows.steps.trainings import Trainings
from engine.models.base import Value
from engine.models.feature import ApproachName, Feature, is_simulated
from engine.models.investigation import Effort
from engine.models.labels import Part
from engine.services import Services
from engine.store import features, investigations, labels, policies
from engine.store.database import Tx
from engine.teachers import options
from engine.teachers.votes import Votes

BUDGET_MOST_USD = 100_000.0


class Quote(Value):
    """What an investigation would do and cost at most, before anything is spent.

    ``reading`` is the answer of readiness, which never blocks; ``reading_names`` are the conditions behind it, and
    ``month_spend_usd`` is what the baseline costs a month, none where that is not known. ``prospects`` say what a run
    could prove. ``last`` is the one recipe that is trained again, none for the whole ladder. ``asking`` is what the
    prompted calls cost, ``trainings`` what each training takes on the engine's host. ``votes`` is how the current
    prompt votes too, none where it was not asked for.
    """

    slug: str
    effort: Effort
    budget_usd: float
    train_rows: int
    dev_rows: int
    sealed_rows: int
    model: str
    simulated: bool
    prompted_calls: int
    judge_calls: int = 0
    prospects: Prospects
    asking: Asking
    trainings: Trainings
    open_run: str = ""
    reading: str = ""
    reading_names: tuple[str, ...] = ()
    month_spend_usd: float | None = None
    last: Last | None = None
    votes: Votes | None = None


def of_feature(
    tx: Tx, services: Services, feature: Feature, *, budget_usd: float, effort: Effort | None, again: bool, votes: bool
) -> Quote:
    """The quote of a feature. Raises ``NotReady``, and ``Invalid`` for a budget out of range or for no votes."""
    if not 0 < budget_usd <= BUDGET_MOST_USD:
        raise Invalid(
            f"budget is {budget_usd:,.10g}; it must be above 0 and at most {BUDGET_MOST_USD:,.0f} US dollars.",
            hint=f"For example: /assay investigate {feature.slug} budget=50",
        )
    if votes and feature.approach != ApproachName.REASON:
        raise Invalid(
            f"{feature.slug} is {feature.approach}: votes are for answers that are worked out (approach=reason).",
            hint=f"Without them: /assay investigate {feature.slug}",
        )
    feature_id = feature.id or 0
    label_set = labels.newest_or_none(tx, feature_id)
    counts = labels.parts(tx, label_set.id if label_set else None)
    found = prospects(tx, services, feature)
    baseline = features.baseline(tx, feature_id)
    known = investigations.open_of(tx, feature_id)
    same = last(tx, feature) if again else None
    effort = effort or (same.effort if same else Effort.NORMAL)
    voting = contenders.votes_of(policies.current(tx, feature_id).evaluation) if votes else None
    samples = voting.samples if voting else 0
    assert label_set is not None, "without labels there are no prospects"
    return Quote(
        slug=feature.slug,
        effort=effort,
        last=same,
        budget_usd=budget_usd,
        train_rows=counts[Part.TRAIN],
        dev_rows=counts[Part.DEV],
        sealed_rows=found.plan.rows,
        model=baseline.model,
        simulated=is_simulated(baseline.model),
        votes=voting,
        prompted_calls=(found.prompted + samples) * counts[Part.DEV] + max(samples, 1) * found.plan.rows,
        judge_calls=2 * (counts[Part.DEV] + found.plan.rows) if found.bench else 0,
        prospects=found,
        asking=prompted.of_options(
            tx,
            services,
            Task.of(feature),
            baseline,
            label_set_id=label_set.id or 0,
            names=options.names(found.cheaper_model, votes=votes),
            cheaper=found.cheaper_model,
            votes=voting,
        ),
        trainings=trainings.ahead(
            tx,
            services,
            Task.of(feature),
            label_set_id=label_set.id or 0,
            effort=effort,
            same=same.recipe if same else None,
        ),
        open_run=known.run_id if known else "",
    )
