"""Make the next label version: seal first, place every row where it may lie, tell who made it. For files and for flows.

A teacher's rows are trained on and never judged by: they enter the train part alone (docs/labels.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.importers.labels import refuse_one_class, same_text
from engine.models.actor import Actor
from engine.models.feature import ApproachName, Feature
from engine.models.labels import Label, LabelRow, LabelSet, Provenance, Source
from engine.rules.power import sealed_share
from engine.rules.split import Placement, Row, place
from engine.services import Services
from engine.store import deeds, features, labels, mail, policies, seals
from engine.store.database import Tx

__all__ = ["placed", "refuse_one_class_of", "same_text", "seal", "store", "tell"]

VERBS = {"file": "import labels", "teacher": "label", "people": "label", "rollback": "roll back labels"}


def placed(tx: Tx, feature_id: int, rows: Sequence[LabelRow]) -> Placement:
    """Where rows would lie now; nothing is stored."""
    seal = seals.find(tx, feature_id)
    salt, dev, sealed = (seal.salt, seal.dev_share, seal.sealed_share) if seal else ("preview", 0.15, 0.20)
    arriving = [Row(row.line, row.id, row.input, row.output, row.group, _is_taught(row)) for row in rows]
    return place(labels.known(tx, feature_id), arriving, salt=salt, dev=dev, sealed=sealed)


def refuse_one_class_of(tx: Tx, feature_id: int, rows: Sequence[LabelRow], placement: Placement) -> None:
    """Raises ``Invalid`` when the version that would result holds one class only; for classify alone."""
    if not features.by_id(tx, feature_id).labels:
        return
    known = labels.newest_or_none(tx, feature_id)
    counts = Counter(labels.classes(tx, known.id or 0)) if known else Counter[str]()
    counts.update(rows[one.index].output for one in placement.placed)
    refuse_one_class(counts)


def store(
    tx: Tx,
    services: Services,
    feature: Feature,
    rows: Sequence[LabelRow],
    *,
    actor: Actor,
    made: Provenance,
    gone: Sequence[Label] = (),
) -> LabelSet | None:
    """Store the rows that may lie somewhere as the next version, with its deed; none when no row was new.

    Rows of ``gone`` leave with it.
    """
    labels.take_out(tx, feature.id or 0, gone)  # first: what comes in their place may carry the same text
    seal(tx, services, feature, rows)
    placement = placed(tx, feature.id or 0, rows)
    if not placement.placed and not gone:
        return None
    at = services.clock.now()
    label_set = labels.add_version(tx, feature.id or 0, rows, placement.placed, made=made, at=at)
    tell(tx, services, feature, label_set, actor=actor)
    return label_set


def seal(tx: Tx, services: Services, feature: Feature, rows: Sequence[LabelRow]) -> None:
    """Seal before any label is stored. Shares follow the rows people answer for, until the first look."""
    policy = policies.current(tx, feature.id).evaluation
    count = labels.by_people(tx, feature.id or 0) + sum(not _is_taught(row) for row in rows)
    lead = 2 if feature.approach == ApproachName.VOICE else 1  # a win rate moves half as much as the lead in pairs
    sealed = sealed_share(max(count, 1), lead * feature.margin, policy)
    seals.share(tx, feature.id or 0, dev_share=policy.dev_share, sealed_share=sealed, at=services.clock.now())


def tell(tx: Tx, services: Services, feature: Feature, label_set: LabelSet, *, actor: Actor) -> None:
    """The deed of a version, and the feature's card."""
    after = {"version": label_set.name, "rows": label_set.rows, "added": label_set.added}
    extra = {name: value for name in ("maker", "rights", "run_id") if (value := getattr(label_set, name))}
    deeds.record(
        tx,
        services.clock,
        actor,
        VERBS[label_set.origin],
        entity="label_set",
        entity_id=label_set.name,
        feature_id=feature.id,
        after={**after, **extra},
    )
    feature.version += 1
    tx.add(feature)
    mail.enqueue_projection(tx, services.clock, "feature", feature.slug, kind="card", channel=feature.channel)


def _is_taught(row: LabelRow) -> bool:
    return row.source is Source.TEACHER
