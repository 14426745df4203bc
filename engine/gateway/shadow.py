"""A copy of a call for the tuned side, after the answer has begun. Nobody waits for it, and it goes first when busy."""

from __future__ import annotations

import asyncio
import time

from engine.gateway import tries
from engine.gateway.call import CHAT, Call, tuned_body
from engine.gateway.pool import Reply
from engine.gateway.record import Parts, note_shadow
from engine.gateway.wire import Broke
from engine.rules.frame import Arm, Fault, Role

AT_ONCE = 32


def begin_shadow(parts: Parts, call: Call) -> None:
    """Send the copy if the route wants one of this call and there is room."""
    route = call.route
    drawn = (
        int.from_bytes(call.id[8:], "big") & (2**62 - 1)
    ) / 2**62 < route.shadow_share  # the random end of the call's id
    if route.mode != "shadow" or route.tuned is None or call.endpoint != CHAT or not drawn:
        return
    if len(parts.shadows) >= AT_ONCE:
        parts.counts["shadows", call.slug, "shed"] += 1
        return
    task = asyncio.get_running_loop().create_task(_shadow(parts, call))
    parts.shadows.add(task)
    task.add_done_callback(parts.shadows.discard)


async def _shadow(parts: Parts, call: Call) -> None:
    route = call.route
    assert route.tuned is not None
    one = tries.begin(parts, call, route.tuned, Arm.TUNED)
    one.role, one.begun = Role.SHADOW, time.monotonic()
    reply: Reply | None = None
    try:
        until = one.begun + route.deadline_ms / 1000
        reply = await tries.ask(parts, call, one, tuned_body(call, route.tuned, wants_events=False), until=until)
        tries.check(call, one, await tries.whole(reply))
    except Broke as broke:
        one.fault, one.reason = broke.fault, broke.reason
    except TimeoutError:
        one.fault, one.reason = Fault.SLOW, "no answer in time"
    finally:
        if reply is not None:
            reply.cancel()
    one.ended_at = time.monotonic()
    note_shadow(parts, call, one)
