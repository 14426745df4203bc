"""Open a queue of texts for people: by a person's word, or by the monthly look at a live model."""

from __future__ import annotations

import math
import secrets

from engine.flows.steps import drawing, people
from engine.models.actor import Actor
from engine.models.feature import Feature
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose
from engine.services import Services
from engine.store import deeds, queues
from engine.store.database import Tx

SIZE_MOST = 2_000  # texts of one queue
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def open_queue(
    tx: Tx,
    services: Services,
    feature: Feature,
    texts: list[QueuedText],
    *,
    actor: Actor,
    purpose: QueuePurpose,
    double: float,
) -> LabelQueue:
    """Open a queue of these texts, in an order nobody can tell anything from; a share of them goes to two people."""
    queue = LabelQueue(
        name="que-" + "".join(secrets.choice(_ALPHABET) for _ in range(8)),
        feature_id=feature.id or 0,
        open_feature_id=feature.id,
        purpose=purpose,
        size=len(texts),
        double_share=double,
        by=actor.id,
        channel=actor.channel or feature.channel,
        created_at=services.clock.now(),
    )
    doubled = math.ceil(round(double * len(texts), 6))  # a share of a count may come out a hair above it
    for text in texts[:doubled]:
        text.wanted = 2
    queues.add(tx, queue, drawing.shuffled(texts))
    deeds.record(
        tx, services.clock, actor, "open a queue",
        entity="label_queue", entity_id=queue.name, feature_id=queue.feature_id,
        after={"queue": queue.name, "purpose": purpose, "texts": len(texts), "twice": doubled},
    )  # fmt: skip
    people.tell_queue(tx, services, queue)
    return queue
