"""What a run could find out and what stands in its way, known before anything is spent. Opens nothing, asks nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.errors import NotReady
from engine.flows.steps import contenders, judges, leaderboard, money, pairing, preferred, uploads
from engine.flows.steps.judgement import Bench
from engine.flows.steps.plan import check_enough, left_out_of
from engine.models.base import Value
from engine.models.feature import ApproachName, Feature
from engine.models.labels import Part
from engine.rules.outlook import Outlook, outlook
from engine.rules.paired import GROUPED_SHARE, GROUPS_LEAST
from engine.rules.uploads import Parting, uploads_needed
from engine.services import Services
from engine.store import features, labels, policies, seals, usage, verdicts
from engine.store.database import Tx
from engine.teachers import options


class Prospects(Value):
    """What a run could prove. ``plan`` is the power plan; ``look`` the look it would be, of three.

    ``uploads`` labels more would bring the sealed rows that the plan lacks, 0 where it lacks none.

    ``left_out`` sealed rows are not compared; ``cheaper`` says why ``cheaper_model`` is not asked; ``prompted`` counts
    the options asked; ``lookups`` are those at dev so far, and ``worn`` says that they are too many. ``bench`` judges
    texts, none where answers are right or wrong; people ``compared`` so many pairs until now.
    """

    plan: Outlook
    uploads: int = 0
    look: int
    margin: float
    left_out: int
    money_known: bool
    cheaper: str
    cheaper_model: str
    prompted: int
    lookups: int
    worn: bool
    bench: Bench | None = None
    compared: int = 0


def prospects(tx: Tx, services: Services, feature: Feature) -> Prospects:
    """Look at labels, ledger and traffic. Raises ``NotReady`` where no verdict can come out of a run."""
    feature_id = feature.id or 0
    policy, baseline = policies.current(tx, feature_id).evaluation, features.baseline(tx, feature_id)
    label_set = labels.newest_or_none(tx, feature_id)
    counts = labels.parts(tx, label_set.id if label_set else None)
    left = left_out_of(tx, label_set.id or 0, baseline.prompt) if label_set else None
    left_out = left.shown + left.teacher if left else 0
    sealed = counts[Part.SEALED] - left_out
    parting = uploads.parting(tx, feature_id, label_set.id if label_set else None)
    check_enough(tx, feature_id, feature.slug, policy, parting=parting, train=counts[Part.TRAIN], sealed=sealed)
    assert label_set is not None, "without labels there are not enough"
    assert parting is not None, "labels are parted by a seal"
    _check_groups(tx, feature.slug, label_set.id or 0, sealed=counts[Part.SEALED], parting=parting)
    seal = seals.current(tx, feature_id)
    look = seals.next_look(tx, seal.id or 0)
    month = usage.last_month(tx, feature_id, services.clock.now())
    why = contenders.why_not_cheaper(tx, services, baseline, policy.cheaper_model)
    used = leaderboard.lookups(tx, feature_id, seal.id or 0)
    earlier = _measured(tx, feature_id)
    bench = (
        judges.check(tx, services, feature_id, label_set.id or 0) if feature.approach == ApproachName.VOICE else None
    )
    lead = preferred.ORDERS if bench else 1  # a win rate moves half as much as the lead in pairs
    plan = outlook(
        sealed,
        lead * feature.margin,
        look,
        policy,
        disagreement=earlier.get("disagreement"),
        apart=earlier.get("apart"),
    )
    lacking = uploads.settles(max(plan.rows_needed - plan.rows, 0), parting)
    return Prospects(
        uploads=lacking["labels"] if lacking else 0,
        plan=replace(plan, provable=plan.provable / lead),
        bench=bench,
        compared=len(pairing.settled(tx, feature_id)) if bench else 0,
        look=look,
        margin=feature.margin,
        left_out=left_out,
        money_known=money.prompted_call_usd(month) is not None,
        cheaper=why,
        cheaper_model="" if why else policy.cheaper_model,
        prompted=len(options.names("" if why else policy.cheaper_model)),
        lookups=used,
        worn=used >= policy.dev_lookups_most,
    )


def _measured(tx: Tx, feature_id: int) -> dict[str, Any]:
    """How often the candidate and the prompted option of the newest verdict disagreed on dev."""
    verdict = verdicts.newest_of(tx, feature_id)
    return verdict.record.get("plan", {}) if verdict else {}


def _check_groups(tx: Tx, slug: str, label_set_id: int, *, sealed: int, parting: Parting) -> None:
    groups = labels.clusters(tx, label_set_id, Part.SEALED)
    if groups < min(GROUPS_LEAST, GROUPED_SHARE * sealed):
        more = uploads_needed(GROUPS_LEAST - groups, parting.sealed)
        raise NotReady(
            f"The sealed rows of {slug} come from {groups} groups (customers, documents, threads, copies of a text); "
            f"fewer than {GROUPS_LEAST} prove nothing.",
            hint=f"Upload rows of about {more} other groups; {parting.sealed:.0%} are sealed: /assay labels {slug}",
        )
