"""One try at one upstream: ask, read the whole answer or the start of its events, and say whether it may be served."""

from __future__ import annotations

import zlib

from engine.gateway.body import Fields
from engine.gateway.call import Call, Try
from engine.gateway.flow import Flow
from engine.gateway.pool import Reply
from engine.gateway.record import Parts
from engine.gateway.reply import fits, is_label
from engine.gateway.routes import Side
from engine.gateway.wire import Broke
from engine.rules.frame import Arm, Fault, Flag

KEPT_MOST = 1024 * 1024  # bytes of one answer that wait in memory


def begin(parts: Parts, call: Call, side: Side, arm: Arm) -> Try:
    """A try that is about to be made; its time runs from when the caller began to wait."""
    return Try(arm, side.model, parts.targets.of(side.base_url), call.begun)


async def ask(parts: Parts, call: Call, one: Try, body: bytes, *, until: float) -> Reply:
    """Send a request and wait for the answer's head. Raises ``Broke``, ``TimeoutError`` (``until``: `Pool.send`)."""
    head = one.target.head(call.endpoint, call.passed, len(body))
    reply = await parts.pool.send(one.target.place, head, body, until)
    one.status = reply.head.status
    return reply


async def whole(reply: Reply) -> bytes:
    """The body of a tuned answer. Raises ``Broke`` for any status but 2xx and for more than 1 MiB."""
    if not 200 <= reply.head.status < 300:
        raise Broke(Fault.STATUS, f"status {reply.head.status}")
    blocks: list[bytes] = []
    size = 0
    while not reply.is_read:
        blocks.append(await reply.read())
        size += len(blocks[-1])
        if size > KEPT_MOST:
            raise Broke(Fault.BROKEN, "its answer is over 1 MiB")
    return plain(reply, b"".join(blocks))


async def held(reply: Reply, flow: Flow) -> bytes:
    """The first events of a tuned stream, up to one with content. Raises ``Broke`` when none comes."""
    if not 200 <= reply.head.status < 300:
        raise Broke(Fault.STATUS, f"status {reply.head.status}")
    events, is_over = b"", False
    while not flow.said.has_content:
        if is_over or len(events) > KEPT_MOST:
            raise flow.broke or Broke(Fault.BROKEN, "its stream ended without an answer")
        block = await reply.read()
        events += flow.feed(block)
        is_over = not block or flow.is_over
    return events


def check(call: Call, one: Try, raw: bytes) -> None:
    """Refuse a whole tuned answer that is none. Raises ``Broke`` with what is wrong."""
    if not one.said.read_whole(raw) or not one.said.has_content:
        raise Broke(Fault.BROKEN, "its answer has no content")
    if not is_valid(call, one):
        one.flags |= Flag.INVALID
        raise Broke(Fault.INVALID, "its answer is none of the labels, or breaks the schema")


def is_valid(call: Call, one: Try) -> bool:
    """Whether an answer keeps to the feature's labels and schema, where it has them; tool calls are no label."""
    rule, text = call.route.cascade, one.said.text
    if one.said.has_tools:
        return True
    if rule.labels is not None and not is_label(text, rule.labels):
        return False
    shape: Fields | None = rule.shape
    return shape is None or fits(text, shape)


def plain(reply: Reply, raw: bytes) -> bytes:
    """A body without its content-encoding, as far as it is gzip or deflate; others come back as they are."""
    coding = reply.head.told.get(b"content-encoding", b"").lower()
    if coding not in (b"gzip", b"deflate"):
        return raw
    try:
        return zlib.decompressobj(wbits=47 if coding == b"gzip" else 15).decompress(raw, KEPT_MOST)
    except zlib.error:
        return raw
