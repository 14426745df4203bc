"""One call from begin to end: try, hold, fall back, forward, record.

One rule: a tuned reply that is not a valid, complete start of an answer goes to the baseline once, within the caller's
deadline. The baseline's reply is final. The baseline never falls back to tuned, and nothing is tried twice.
"""

from __future__ import annotations

import asyncio
import time

from engine.gateway import tries
from engine.gateway.call import CHAT, Call, Try, baseline_body, call_text, tuned_body
from engine.gateway.caller import Caller, Refusal
from engine.gateway.cascade import as_events, is_unsure, without_logprobs
from engine.gateway.flow import Flow
from engine.gateway.pool import Reply
from engine.gateway.record import Parts, judge, note
from engine.gateway.shadow import begin_shadow
from engine.gateway.stream import event
from engine.gateway.wire import Broke
from engine.rules.frame import ARMS, WHYS, Arm, Fault, Flag, Role, Why

IDLE_SECONDS = 30.0  # between two blocks of an answer that has begun
PACE_SECONDS = 0.004  # a stream of over 125 events a second goes out in blocks that far apart
DRAIN_SECONDS = 0.2  # for the last chunk behind [DONE]: with it the connection can be kept
CLIENT_LEFT = 499
TAIL = 8192


class Relay:
    """Serves one call."""

    def __init__(self, parts: Parts, call: Call, caller: Caller) -> None:
        self._parts = parts
        self._call = call
        self._caller = caller
        self._why = call.choice.why
        self._one: Try | None = None
        self._reply: Reply | None = None
        self._is_noted = False

    async def run(self) -> None:
        """Answer the call. A caller that leaves cancels this; the call is on record all the same."""
        try:
            if self._call.choice.arm is Arm.BASELINE or not await self._tuned():
                await self._baseline()
        except asyncio.CancelledError:
            self._left()
            raise
        finally:
            self._drop()

    async def rescue(self) -> None:
        """Let the baseline answer where something of ours broke: whatever it was, the prompted model is served."""
        self._why = Why.FALLBACK
        await self._baseline()

    async def _tuned(self) -> bool:
        """Serve the tuned answer; false when the baseline has to."""
        call, route = self._call, self._call.route
        assert route.tuned is not None
        one = self._one = tries.begin(self._parts, call, route.tuned, Arm.TUNED)
        asks_events = call.is_stream and route.mode != "cascade"
        flow = self._flow(one) if asks_events else None
        try:
            until = min(call.deadline, call.begun + route.ttft_timeout_ms / 1000)
            body = tuned_body(call, route.tuned, wants_events=asks_events)
            reply = self._reply = await tries.ask(self._parts, call, one, body, until=until)
            if flow is not None:
                raw = await tries.held(reply, flow)
            else:
                raw = await tries.whole(reply)
                tries.check(call, one, raw)
        except Broke as broke:
            return self._failed(one, broke)
        except TimeoutError:
            return self._failed(one, Broke(Fault.SLOW, "no answer in time"))
        if route.mode == "cascade" and is_unsure(call, one):
            return self._escalated(one)
        if flow is not None:
            await self._pour(one, reply, flow, raw)
        else:
            await self._serve_whole(one, reply, raw)
        return True

    def _failed(self, one: Try, broke: Broke) -> bool:
        """Put a tuned try aside: the baseline answers."""
        is_cascade = self._call.route.mode == "cascade" and broke.fault is Fault.INVALID
        self._why = Why.CASCADE if is_cascade else Why.FALLBACK
        self._put_aside(one, Role.ESCALATED if is_cascade else Role.FAILED, broke)
        judge(self._parts, self._call, bad=True)
        return False

    def _escalated(self, one: Try) -> bool:
        self._why = Why.CASCADE
        self._put_aside(one, Role.ESCALATED, Broke(Fault.NONE, "its answer was not sure enough"))
        judge(self._parts, self._call, bad=False)
        return False

    def _put_aside(self, one: Try, role: Role, broke: Broke) -> None:
        one.role, one.fault, one.reason = role, broke.fault, broke.reason
        one.ended_at = time.monotonic()
        self._call.failed.append(one)
        self._drop()

    async def _serve_whole(self, one: Try, reply: Reply, raw: bytes) -> None:
        call = self._call
        judge(self._parts, call, bad=False)
        headers = [head for head in reply.head.headers if head[0] != b"content-encoding"]  # it was read through
        if call.route.mode == "cascade":
            raw = raw if call.fields.get("logprobs") else without_logprobs(raw)
        if call.is_stream:
            raw = as_events(raw, wants_usage=call.wants_usage)
            headers = [head for head in headers if head[0] != b"content-type"]
            headers.append((b"content-type", b"text/event-stream; charset=utf-8"))
        self._note(one)
        self._mark(one)
        await self._caller.start(reply.head.status, headers, len(raw))
        await self._caller.send(raw, more=False)

    async def _baseline(self) -> None:
        call = self._call
        one = self._one = tries.begin(self._parts, call, call.route.baseline, Arm.BASELINE)
        blocks: list[bytes] = []
        size, is_whole = 0, False
        try:
            reply = self._reply = await tries.ask(self._parts, call, one, baseline_body(call), until=call.deadline)
            is_stream = _is_event_stream(reply)
            while not is_whole and size <= tries.KEPT_MOST and not (is_stream and blocks):
                blocks.append(await reply.read())
                size += len(blocks[-1])
                is_whole = reply.is_read
        except Broke as broke:
            return await self._unanswered(one, broke)
        except TimeoutError:
            return await self._unanswered(one, Broke(Fault.DEADLINE, "no answer in time"))
        if is_stream:
            flow = self._flow(one)
            return await self._pour(one, reply, flow, flow.feed(blocks[0]), is_over=not blocks[0])
        if is_whole:
            return await self._pass_whole(one, reply, b"".join(blocks))
        return await self._pass_large(one, reply, blocks)

    async def _pass_whole(self, one: Try, reply: Reply, raw: bytes) -> None:
        if _tells_events(reply):  # packed ones: what cannot be cut into events is read at its end
            self._flow(one).feed(tries.plain(reply, raw))
        else:
            one.said.read_whole(tries.plain(reply, raw))
        self._note(one)
        self._mark(one)
        await self._caller.start(reply.head.status, reply.head.headers, len(raw))
        self._shadow()
        await self._caller.send(raw, more=False)

    async def _pass_large(self, one: Try, reply: Reply, blocks: list[bytes]) -> None:
        """Forward what is too large to keep, one block behind: the last one waits until the call is on record."""
        self._mark(one)
        await self._caller.start(reply.head.status, reply.head.headers, reply.length)
        await self._caller.send(b"", more=True)  # the head
        self._shadow()
        waiting, tail = b"".join(blocks), b""
        while True:
            block = await self._next(one, reply)
            tail = (tail + waiting)[-TAIL:]
            if not block:
                break
            await self._caller.send(waiting, more=True)
            waiting = block
        one.said.read_tail(tail)
        self._note(one)
        if one.fault is Fault.NONE:  # else the length is not kept, and the server closes: the caller sees it is cut
            await self._caller.send(waiting, more=False)

    async def _unanswered(self, one: Try, broke: Broke) -> None:
        """Tell the caller that no side answered; the message names sides and reasons alone."""
        one.fault, one.reason = broke.fault, broke.reason
        is_late = broke.fault is Fault.DEADLINE
        one.status = 504 if is_late else 502
        sides = "; ".join(f"{each.arm.name.lower()}: {each.reason}" for each in (*self._call.failed, one))
        self._note(one)
        self._mark(one)
        code = "deadline" if is_late else "upstream_failed"
        await self._caller.refuse(Refusal(one.status, code, f"No answer from {self._call.slug}: {sides}."))

    async def _pour(self, one: Try, reply: Reply, flow: Flow, out: bytes, *, is_over: bool = False) -> None:
        """Forward a stream, event by event and byte-true; its last event waits until the call is on record."""
        self._mark(one)
        await self._caller.start(reply.head.status, reply.head.headers)
        self._shadow()
        is_first, sent_at = True, 0.0
        while not (is_over or flow.is_over):
            if out or is_first:
                await self._caller.send(out, more=True)
                is_first = False
                sent_before, sent_at = sent_at, time.monotonic()
                if one.said.has_content and sent_at - sent_before < 2 * PACE_SECONDS:
                    await reply.gather(PACE_SECONDS)
            block = await self._next(one, reply)
            out = flow.feed(block)
            is_over = not block
        if flow.broke is not None:
            one.fault, one.reason = Fault.CUT, flow.broke.reason
        await self._finish(one, out, flow.last)

    async def _finish(self, one: Try, out: bytes, last: bytes) -> None:
        call, said = self._call, one.said
        is_ended = said.is_done or said.finish or call.endpoint != CHAT
        if one.fault is Fault.NONE and not is_ended:
            one.fault, one.reason = Fault.CUT, "its stream ended before the answer did"
        if one.arm is Arm.TUNED:
            is_wrong = one.fault is Fault.NONE and not tries.is_valid(call, one)
            one.flags |= Flag.INVALID if is_wrong else 0
            judge(self._parts, call, bad=is_wrong or one.fault is not Fault.NONE)
        self._note(one)
        if one.fault is not Fault.NONE:
            refusal = Refusal(502, "upstream_failed", f"The answer broke off: {one.arm.name.lower()}: {one.reason}.")
            last = event(refusal.body)
        await self._caller.send(out + last, more=False)
        await self._drain(one)

    async def _drain(self, one: Try) -> None:
        reply = self._reply
        if reply is None or one.fault is not Fault.NONE:
            return
        reply.wait_until(time.monotonic() + DRAIN_SECONDS)
        try:
            while await reply.read():
                continue
        except (TimeoutError, Broke):
            reply.cancel()

    async def _next(self, one: Try, reply: Reply) -> bytes:
        """The next block of an answer that has begun; b"" at its end, and where it breaks, which the try then says."""
        reply.wait_until(time.monotonic() + IDLE_SECONDS)
        try:
            return await reply.read()
        except Broke as broke:
            one.fault, one.reason = Fault.CUT, broke.reason
        except TimeoutError:
            one.fault, one.reason = Fault.CUT, f"nothing came for {IDLE_SECONDS:g} s"
        return b""

    def _flow(self, one: Try) -> Flow:
        is_chat = self._call.endpoint == CHAT
        return Flow(one, strips_usage=is_chat and not self._call.wants_usage, is_strict=one.arm is Arm.TUNED)

    def _mark(self, one: Try) -> None:
        self._caller.added = [
            (b"x-assay-variant", ARMS[one.arm].encode()),
            (b"x-assay-call", call_text(self._call.id).encode()),
            (b"x-assay-why", WHYS[self._why].encode()),
        ]

    def _note(self, one: Try) -> None:
        one.ended_at = time.monotonic()
        self._is_noted = True
        note(self._parts, self._call, one, self._why)

    def _shadow(self) -> None:
        begin_shadow(self._parts, self._call)

    def _left(self) -> None:
        """The caller went away: whatever was under way is the call's record."""
        one = self._one
        if one is not None and not self._is_noted:
            one.fault, one.status = Fault.CLIENT, CLIENT_LEFT
            one.flags |= Flag.CANCELLED
            self._note(one)

    def _drop(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
            self._reply = None


def _is_event_stream(reply: Reply) -> bool:
    coding = reply.head.told.get(b"content-encoding", b"identity")
    return _tells_events(reply) and coding.lower() in (b"", b"identity")


def _tells_events(reply: Reply) -> bool:
    kind = reply.head.told.get(b"content-type", b"")
    return 200 <= reply.head.status < 300 and kind.lower().startswith(b"text/event-stream")
