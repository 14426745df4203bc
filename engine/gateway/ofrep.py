"""The split as flags, by OpenFeature's remote evaluation protocol (OFREP 0.3): the same bucket that calls go by."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple, cast

import orjson

from engine.gateway.body import Fields, fields_of
from engine.gateway.breaker import Breakers
from engine.gateway.routes import Route, Snapshot
from engine.rules.bucket import variant


class Answer(NamedTuple):
    """What is sent: a status, a JSON body (b"" for 304), and the ETag of a bulk answer."""

    status: int
    body: bytes
    etag: bytes = b""


def flag(snapshot: Snapshot, breakers: Breakers, opens: tuple[str, ...], slug: str, *, raw: bytes) -> Answer:
    """Evaluate one flag for the targeting key of a request's body."""
    if slug not in opens:
        return _wrong(404, "FLAG_NOT_FOUND", "This key opens no such feature.", key=slug)
    unit = _unit(raw)
    if isinstance(unit, Answer):
        return unit
    return Answer(200, orjson.dumps(_evaluated(slug, snapshot.features[slug], breakers, unit)))


def flags(snapshot: Snapshot, breakers: Breakers, opens: tuple[str, ...], raw: bytes, *, known: bytes) -> Answer:
    """Evaluate all flags a key opens; 304 when ``known`` (If-None-Match) is still what the answer would be."""
    unit = _unit(raw)
    if isinstance(unit, Answer):
        return unit
    facts = orjson.dumps([snapshot.version, sorted(breakers.tripped().items()), opens, unit])
    etag = b'"%s"' % hashlib.sha256(facts).hexdigest()[:32].encode()
    if etag in known or known.strip() == b"*":
        return Answer(304, b"", etag)
    told = [_evaluated(slug, snapshot.features[slug], breakers, unit) for slug in opens]
    return Answer(200, orjson.dumps({"flags": told}), etag)


def _evaluated(slug: str, route: Route, breakers: Breakers, unit: str) -> dict[str, Any]:
    is_off = route.rolled_back or route.mode == "retired" or (route.splits and breakers.of(slug, route).is_tripped)
    splits = route.splits and not is_off
    side = variant(route.salt, unit, route.share) if splits else "baseline"
    reason = "DISABLED" if is_off else "SPLIT" if splits else "STATIC"
    metadata = {"stage": route.stage, "share": route.share if splits else 0.0}
    return {"key": slug, "value": side, "variant": side, "reason": reason, "metadata": metadata}


def _unit(raw: bytes) -> str | Answer:
    fields = fields_of(raw)
    context = fields.get("context") if fields is not None else None
    if not isinstance(context, dict):
        return _wrong(400, "PARSE_ERROR", 'The body must be {"context": {"targetingKey": "…"}}.')
    unit = cast("Fields", context).get("targetingKey")
    if not isinstance(unit, str) or not unit:
        return _wrong(400, "TARGETING_KEY_MISSING", "context.targetingKey must name the unit of the split.")
    return unit


def _wrong(status: int, code: str, details: str, **more: str) -> Answer:
    return Answer(status, orjson.dumps({**more, "errorCode": code, "errorDetails": details}))
