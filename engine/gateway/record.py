"""What a call leaves behind: its frames in the spool, its counts, and what the breaker makes of its tuned tries."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field

from engine.gateway.breaker import Breakers, Trip
from engine.gateway.call import ENDPOINTS, Call, Try, microseconds
from engine.gateway.keys import Targets
from engine.gateway.pool import Pool
from engine.gateway.routes import Routes
from engine.gateway.samples import Samples
from engine.gateway.spool import Spool
from engine.rules.frame import ARMS, Arm, Fault, Flag, Frame, Role, Why, name_hash

log = logging.getLogger(__name__)


@dataclass
class Parts:
    """What the calls of one worker share."""

    routes: Routes
    targets: Targets
    pool: Pool
    spool: Spool
    breakers: Breakers
    samples: Samples
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter[tuple[str, ...]])
    shadows: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])


def note(parts: Parts, call: Call, last: Try, why: Why) -> None:
    """Put a call on record: its failed tries and the one that answered, together. Called before its last byte."""
    frames = [_frame(parts, call, one, why) for one in (*call.failed, last)]
    parts.spool.append(frames)
    status = f"{last.status // 100}xx" if last.status else "none"
    parts.counts["calls", call.slug, ARMS[call.choice.arm], ARMS[last.arm], status] += 1
    for one in call.failed:
        parts.counts["failed", call.slug, one.role.name.lower(), one.fault.name.lower()] += 1
    parts.samples.take(call, last, why)
    call.last = last
    if call.shadow is not None:
        _compare(parts, call)


def note_shadow(parts: Parts, call: Call, shadow: Try) -> None:
    """Put a shadow on record."""
    parts.spool.append([_frame(parts, call, shadow, Why.SHARE0)])
    parts.counts["shadows", call.slug, shadow.fault.name.lower()] += 1
    call.shadow = shadow
    _compare(parts, call)


def _compare(parts: Parts, call: Call) -> None:
    """Whichever ends later, the answer or its shadow, is when the two can be compared."""
    if call.last is not None and call.shadow is not None:
        parts.samples.compare(call, call.last, call.shadow)


def judge(parts: Parts, call: Call, *, bad: bool) -> None:
    """Tell the breaker how a tuned try ended; what trips it goes into the spool at once."""
    now = time.monotonic()
    trip = parts.breakers.of(call.slug, call.route).count(call.route, now, bad=bad)
    if trip is not None:
        _tell(parts, call, trip)


def _tell(parts: Parts, call: Call, trip: Trip) -> None:
    route = call.route
    parts.counts["trips", call.slug] += 1
    parts.spool.event(
        {
            "kind": "trip",
            "at_ms": time.time_ns() // 1_000_000,
            "feature": call.slug,
            "stage": route.stage,
            "mode": route.mode,
            "n": trip.n,
            "bad": trip.bad,
            "window_s": route.breaker.window_s,
            "latched": trip.latched,
        }
    )
    log.error("breaker.tripped", extra={"feature": call.slug, "n": trip.n, "bad": trip.bad, "latched": trip.latched})


def _frame(parts: Parts, call: Call, one: Try, why: Why) -> Frame:
    said, usage, name = one.said, one.said.usage, parts.spool.name
    is_cut = said.deltas > 0 and usage.tokens_out < 0 and one.fault in (Fault.CUT, Fault.CLIENT)
    flags = one.flags | ENDPOINTS[call.endpoint]
    if call.is_stream:
        flags |= Flag.STREAM
    if not call.has_unit:
        flags |= Flag.UNIT_IS_CALL
    if is_cut:
        flags |= Flag.ESTIMATED
    is_shadow = one.role is Role.SHADOW
    return Frame(
        id=call.id,
        at_ms=call.at_ms,
        feature=name(call.slug),
        model_asked=parts.spool.foreign_name(call.asked),
        model_served=parts.spool.foreign_name(said.model or one.model),
        stage=name(call.route.stage),
        unit=name_hash(call.unit),
        host=name(one.target.host_name),
        tokens_in=usage.tokens_in,
        tokens_in_cached=usage.cached,
        tokens_cache_write=usage.cache_write,
        tokens_out=said.deltas if is_cut else usage.tokens_out,
        tokens_reasoning=usage.reasoning,
        latency_us=microseconds(one.begun, one.ended_at),
        ttft_us=microseconds(one.begun, one.first_at),
        share=call.choice.share,
        confidence=said.confidence,
        status=one.status,
        why=why,
        assigned=Arm.TUNED if is_shadow else call.choice.arm,
        served=one.arm,
        role=one.role,
        finish=said.finish,
        flags=int(flags),
        fault=one.fault,
    )
