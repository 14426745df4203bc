"""The gateway's front: which request is whose, and what is refused before it costs anything. A bare ASGI callable."""

from __future__ import annotations

import logging
import secrets

import orjson

from engine.gateway import feedback, metrics, ofrep
from engine.gateway.caller import Caller, Headers, Receive, Refusal, Scope, Send
from engine.gateway.keys import told
from engine.gateway.record import Parts
from engine.gateway.relay import Relay
from engine.gateway.request import ALIAS, Request, call_of, closed, is_call, read_body, split_path
from engine.rules.frame import Arm

log = logging.getLogger(__name__)

INFLIGHT_MOST = 2_000

_NO_KEY = "No valid gateway key. Send Authorization: Bearer agk_… ; make one with: assay gateway-key SLUG"
_NO_ENDPOINT = "There is no such endpoint. docs/gateway.md lists them."
_OFREP = "/ofrep/v1/evaluate/flags"


class App:
    """One worker's front. ``inflight`` counts requests under way; a strict one refuses calls it could not record."""

    def __init__(self, parts: Parts, *, inflight_most: int = INFLIGHT_MOST, is_strict: bool = False) -> None:
        self.parts = parts
        self.inflight = 0
        self._inflight_most = inflight_most
        self._is_strict = is_strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, whatever happens in it."""
        if scope["type"] != "http":
            return
        caller = Caller(send)
        self.inflight += 1
        try:
            await self._serve(scope, receive, caller)
        except Refusal as refusal:
            self.refused(refusal)
            refusal.is_of_flags = scope["path"].startswith(_OFREP)
            await caller.refuse(refusal)
        except Exception:  # noqa: BLE001 (the boundary: nothing may end a worker)
            await self._broke(caller)
        finally:
            self.inflight -= 1

    def refused(self, refusal: Refusal) -> None:
        """Count a refusal, of the app's or of the door before it."""
        self.parts.counts["refused", refusal.code] += 1

    async def _broke(self, caller: Caller) -> None:
        reference = secrets.token_hex(2).upper()
        self.parts.counts[("broke",)] += 1
        log.exception("gateway.broke", extra={"ref": reference})
        if not caller.has_started:
            told = f"Something broke on our side (ref {reference}). Nothing was changed."
            await caller.refuse(Refusal(500, "broke", told))

    async def _serve(self, scope: Scope, receive: Receive, caller: Caller) -> None:
        path: str = scope["path"]
        method: str = scope["method"]
        if path in ("/healthz", "/readyz", "/metrics"):
            return await self._state(path, caller)
        headers: Headers = scope["headers"]
        snapshot = self.parts.routes.snapshot
        if snapshot is None:
            raise Refusal(503, "not_ready", f"The gateway has no routes yet: {self.parts.routes.why}.")
        given = told(headers)
        opens = snapshot.opens(given.key)
        if opens is None:
            raise Refusal(401, "no_key", _NO_KEY)
        slug, rest = split_path(path)
        if slug is not None and slug not in opens:
            raise closed(slug, opens)
        if method == "GET" and rest == "/v1/models":
            return await caller.answer(200, _models(opens if slug is None else (slug,)))
        if method != "POST":
            raise Refusal(404, "no_endpoint", _NO_ENDPOINT)
        raw = await read_body(given.length, receive)
        asked = Request(snapshot, opens, slug, rest, headers, given, raw)
        return await (self._call(asked, caller) if is_call(asked) else self._told(asked, caller))

    async def _call(self, asked: Request, caller: Caller) -> None:
        if self.inflight > self._inflight_most:
            raise Refusal(503, "busy", f"Over {self._inflight_most:,} requests are under way. Try again in a second.")
        if self._is_strict and not self.parts.spool.is_writing:
            raise Refusal(503, "busy", "Calls cannot be recorded now (ASSAY_SPOOL_STRICT). Try again in a second.")
        call = call_of(asked, self.parts.breakers)
        relay = Relay(self.parts, call, caller)
        try:
            await relay.run()
        except Exception:
            if caller.has_started or call.choice.arm is Arm.BASELINE:
                raise
            self.parts.counts[("broke",)] += 1
            log.exception("tuned.broke", extra={"feature": call.slug})
            await relay.rescue()

    async def _told(self, asked: Request, caller: Caller) -> None:
        """Serve what is no call: verdicts, exposures and flags."""
        parts, snapshot, opens = self.parts, asked.snapshot, asked.opens
        if asked.slug is not None:
            raise Refusal(404, "no_endpoint", _NO_ENDPOINT)
        if asked.rest == "/v1/feedback":
            feedback.take_feedback(parts, opens, asked.raw)
            await caller.answer(202, b'{"accepted":1}')
        elif asked.rest == "/v1/exposures":
            taken = feedback.take_exposures(parts, snapshot, opens, asked.raw)
            await caller.answer(202, orjson.dumps(taken))
        elif asked.rest == _OFREP:
            known = asked.header(b"if-none-match")
            await _flag(caller, ofrep.flags(snapshot, parts.breakers, opens, asked.raw, known=known))
        elif asked.rest.startswith(f"{_OFREP}/"):
            slug = asked.rest.removeprefix(f"{_OFREP}/")
            await _flag(caller, ofrep.flag(snapshot, parts.breakers, opens, slug, raw=asked.raw))
        else:
            raise Refusal(404, "no_endpoint", _NO_ENDPOINT)

    async def _state(self, path: str, caller: Caller) -> None:
        if path == "/metrics":
            text = metrics.page(self.parts, self.inflight - 1)  # this request is none of them
            return await caller.answer(200, text, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")])
        if path == "/healthz":
            return await caller.answer(200, b'{"ok":true}')
        routes, spool = self.parts.routes, self.parts.spool
        told: dict[str, object] = {"ready": routes.snapshot is not None}
        if routes.snapshot is None:
            return await caller.answer(503, orjson.dumps(told | {"reason": routes.why}))
        told["snapshot"] = routes.snapshot.version
        if not spool.is_writing:
            told |= {"spool": "not writing: the disk is full or gone", "records_dropped": spool.dropped}
        return await caller.answer(200, orjson.dumps(told))


async def _flag(caller: Caller, answer: ofrep.Answer) -> None:
    headers = [(b"content-type", b"application/json")]
    if answer.etag:
        headers.append((b"etag", answer.etag))
    await caller.answer(answer.status, answer.body, headers)


def _models(slugs: tuple[str, ...]) -> bytes:
    told = [{"id": f"{ALIAS}{slug}", "object": "model", "created": 0, "owned_by": "assay"} for slug in slugs]
    return orjson.dumps({"object": "list", "data": told})
