"""Store a stretch of the spool's events: feedback waits for its call, bodies become examples, a trip rolls back,
and a worker says which route file it follows.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from engine.flows.steps import gateways, stage
from engine.models.rollout import Rollout, RolloutStatus, Route
from engine.models.spool import Example, PendingFeedback, Stratum
from engine.rules.redact import redact, redact_row
from engine.services import Services
from engine.store import evidence, examples, features, feedback, rollouts, spool
from engine.store.database import Tx
from engine.store.spool import Segment
from engine.teachers import prompt

log = logging.getLogger(__name__)

EVENT_BYTES = 4 << 20  # of events in one transaction
LONGEST = 1_000_000  # characters of one text that are kept
_LONGEST_REMARK = 2_000


def store(services: Services, segment: Segment, start: int) -> spool.Told:
    """Store what follows ``start`` in a segment's events; the answer says how far that is. Raises ``Unavailable``."""
    told = spool.told(segment, start, EVENT_BYTES)
    if told.end == start:
        return told
    with services.database.write() as tx:
        position = spool.position(tx, segment.events, services.clock.now())
        if position.offset != start:
            return spool.Told([], position.offset)
        _hold_features(tx, told.events)
        bodies: list[Example] = []
        for place, event in told.events:
            _take(tx, services, event, segment=segment, place=place, bodies=bodies)
        examples.offer(tx, bodies)
        if told.torn:
            spool.tally(tx, "events torn", told.torn)
        position.offset, position.at = told.end, services.clock.now()
        tx.add(position)
    return told


def _hold_features(tx: Tx, events: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Hold every feature that is written for, in their order: another host's ingester does so too, and no person waits
    for one of them while this waits for the chain of deeds.
    """
    known = {one.slug: one.id or 0 for one in features.every(tx)}
    named = {str(event.get("feature")) for _, event in events if event.get("kind") in ("body", "trip")}
    for feature_id in sorted(known[slug] for slug in named & known.keys()):
        features.alone(tx, feature_id)


def _take(
    tx: Tx, services: Services, event: Mapping[str, Any], *, segment: Segment, place: int, bodies: list[Example]
) -> None:
    match event.get("kind"):
        case "feedback" if row := _feedback(event, segment.events.name, place):
            feedback.add(tx, row)
        case "body" if body := _body(tx, event):
            bodies.append(body)
        case "routes":
            gateways.took(tx, services, segment, event)
        case "trip" if event.get("latched"):
            _trip(tx, services, event)
        case "trip":  # the gateway closes it again by itself
            log.warning("gateway.tripped", extra={"feature": str(event.get("feature"))[:40]})
        case _:
            spool.tally(tx, "events not understood", 1)


def _feedback(event: Mapping[str, Any], name: str, place: int) -> PendingFeedback | None:
    call, slugs, score = event.get("id"), event.get("features"), event.get("score")
    if not _is_call(call) or not isinstance(slugs, list):
        return None
    known = isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
    return PendingFeedback(
        file=name,
        offset=place,
        call=str(call),
        slugs=json.dumps(slugs),
        at=_moment(event),
        score_milli=round(min(max(float(cast("float", score)), -1.0), 1.0) * 1000) if known else None,
        label=_remark(event.get("label")),
        comment=_remark(event.get("comment")),
    )


def _body(tx: Tx, event: Mapping[str, Any]) -> Example | None:
    """A redacted example; what the gateway redacted is redacted once more, for nothing secret may lie here."""
    feature = features.find(tx, str(event.get("feature")))
    call, stratum = event.get("id"), event.get("stratum")
    if feature is None or not _is_call(call) or stratum not in set(Stratum):
        return None
    template = features.baseline(tx, feature.id or 0).prompt
    asked = prompt.input_of(template, _asked(event.get("messages")))
    thread = json.dumps(event.get("messages"), ensure_ascii=False)
    answers = [event[name] for name in ("output", "shadow_output") if isinstance(event.get(name), str)]
    asked, thread, *answers = redact_row([asked[:LONGEST], thread[:LONGEST], *(one[:LONGEST] for one in answers)]).texts
    body = {"input": asked, **dict(zip(("output", "shadow_output"), answers, strict=False)), "messages": thread}
    return examples.made(
        feature.id or 0,
        feature.slug,
        Stratum(stratum),
        call=bytes.fromhex(str(call)),
        at=_moment(event),
        served=str(event.get("served"))[:20],
        model=str(event.get("model"))[:200],
        body=body,
    )


def _trip(tx: Tx, services: Services, event: Mapping[str, Any]) -> None:
    """Roll back what a gateway has taken out already, unless somebody decided of that stage meanwhile."""
    feature = features.find(tx, str(event.get("feature")))
    if feature is None:
        spool.tally(tx, "events not understood", 1)
        return
    rollout, route = rollouts.open_of(tx, feature.id or 0), rollouts.route(tx, feature.id or 0)
    if rollout is None or route is None or rollout.status not in (RolloutStatus.RUNNING, RolloutStatus.PAUSED):
        return
    if route.stage != event.get("stage") and not _was_paused_since(tx, rollout, route, str(event.get("stage"))):
        return
    n, bad, seconds = (_whole(event.get(name)) for name in ("n", "bad", "window_s"))
    reason = f"{bad} of {n} calls failed in {seconds} s"
    stage.lower(tx, services, rollout, "rollback", actor=stage.MACHINE, reason=reason)
    stage.announce(tx, services, rollout)
    log.warning("rollout.tripped", extra={"feature": feature.slug, "n": n, "bad": bad})


def _was_paused_since(tx: Tx, rollout: Rollout, route: Route, stage: str) -> bool:
    """Whether what differs is a pause alone: it gives the route another key, and leaves the split as it was."""
    roots = {start.key: start.root for start in evidence.starts(tx, rollout.id)}
    return rollout.status is RolloutStatus.PAUSED and stage in roots and roots[stage] == roots.get(route.stage)


def _asked(messages: object) -> str:
    """The text of the last message of the person."""
    if not isinstance(messages, list):
        return ""
    for message in reversed(cast("list[object]", messages)):
        if isinstance(message, dict) and cast("dict[str, object]", message).get("role") == "user":
            return _text(cast("dict[str, object]", message).get("content"))
    return ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = cast("list[object]", content) if isinstance(content, list) else []
    texts = [cast("dict[str, object]", part).get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(one for one in texts if isinstance(one, str))


def _remark(value: object) -> str:
    return redact(value[:_LONGEST_REMARK]).text if isinstance(value, str) else ""


def _is_call(value: object) -> bool:
    return isinstance(value, str) and len(value) == 32 and all(sign in "0123456789abcdef" for sign in value)


def _moment(event: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(_whole(event.get("at_ms")) / 1000, UTC)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**42 else 0
