"""Who judges texts, and why a model may not: none is named, it is of a contender's family, or its price is unknown.

A judge prefers texts of its own family. Where no name tells a family, that is said and not held against anybody.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import NotReady
from engine.flows.steps.judgement import Bench
from engine.models.feature import Baseline, is_simulated
from engine.models.labels import Part
from engine.rules.families import family
from engine.rules.gates import HUMANS_LEAST
from engine.rules.power import EvalPolicy
from engine.services import Services
from engine.store import features, labels, policies
from engine.store.database import Tx
from engine.teachers import prices
from engine.teachers.keys import is_loopback
from engine.train.ladder import host_here


def bench(tx: Tx, services: Services, slug: str, *, policy: EvalPolicy, baseline: Baseline) -> Bench:
    """The judge a team named. Raises ``NotReady`` where it may not judge, naming what would help."""
    model = policy.judge_model
    if not model:
        raise NotReady(
            f"The texts of {slug} are neither right nor wrong: a model judges pairs of them, and none is named.",
            hint=f"Name one that is of another family than {baseline.model}: "
            f"/assay settings {slug} evaluation_judge_model=claude-haiku-4-5",
        )
    found = Bench(
        model=model,
        base_url=policy.judge_url or baseline.base_url,
        simulated=is_simulated(model),
        families=_families(services, model, policy, baseline),
    )
    judge = found.families["judge"]
    kin = [role for role, name in found.families.items() if role != "judge" and judge and name == judge]
    if kin:
        raise NotReady(
            f"{model} is of the {judge} family, as is the {kin[0]} model of {slug}; a judge prefers its own family's "
            "texts.",
            hint=f"Name another: /assay settings {slug} evaluation_judge_model=…",
        )
    known = prices.price_of(tx, model, services.clock.now().date())
    if known is None and not is_loopback(found.base_url):
        raise NotReady(
            f"Nobody knows what {model} costs, so a run's budget could not be kept.",
            hint=f"Say what it costs: /assay settings prices model={model} input=1 output=5",
        )
    return found


def check(tx: Tx, services: Services, feature_id: int, label_set_id: int) -> Bench:
    """The judge of a feature's next run. Raises ``NotReady`` where none may judge, or dev holds too few pairs."""
    feature, policy = features.by_id(tx, feature_id), policies.current(tx, feature_id).evaluation
    _check_dev(tx, feature.slug, label_set_id)
    return bench(tx, services, feature.slug, policy=policy, baseline=features.baseline(tx, feature_id))


def _check_dev(tx: Tx, slug: str, label_set_id: int) -> None:
    rows = labels.count(tx, label_set_id, Part.DEV)
    if rows < HUMANS_LEAST:
        raise NotReady(
            f"People must compare {HUMANS_LEAST} pairs of texts on dev, and {slug} has {rows:,} dev rows.",
            hint=f"Upload more, about {HUMANS_LEAST * 7:,} rows in all: /assay labels {slug}",
        )


def _families(services: Services, model: str, policy: EvalPolicy, baseline: Baseline) -> dict[str, str]:
    """Families by role; the candidate's is that of the decoder on this host, which it adapts."""
    decoder = host_here(services.settings).decoder
    found = {"judge": family(model), "baseline": family(baseline.model), "candidate": family(Path(decoder).name)}
    if policy.cheaper_model:
        found["cheaper"] = family(policy.cheaper_model)
    return found
