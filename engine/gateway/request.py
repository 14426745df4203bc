"""A request as it came in, and the call it makes; what is wrong with it is said in OpenAI's shape."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.gateway.body import fields_of
from engine.gateway.breaker import Breakers
from engine.gateway.call import CHAT, Call, Choice, call_id, call_text, choose, unit_of
from engine.gateway.caller import Headers, Receive, Refusal
from engine.gateway.keys import Told
from engine.gateway.routes import Snapshot
from engine.rules.frame import Arm, Why

BODY_MOST = 32 * 1024 * 1024
ALIAS = "assay/"
_ENDPOINTS = {"/v1/chat/completions": CHAT, "/v1/embeddings": b"/embeddings", "/v1/responses": b"/responses"}


@dataclass(slots=True)
class Request:
    """What was asked, by whom: the features its key ``opens``, and the feature its path names, if it does."""

    snapshot: Snapshot
    opens: tuple[str, ...]
    slug: str | None
    rest: str
    headers: Headers
    told: Told
    raw: bytes

    @property
    def endpoint(self) -> bytes:
        """The model's endpoint, as the part of its path behind ``/v1``; b"" for a path that is none."""
        return _ENDPOINTS.get(self.rest, b"")

    def header(self, name: bytes) -> bytes:
        """A header's value, b"" without one."""
        return next((value for known, value in self.headers if known == name), b"")


async def read_body(length: int, receive: Receive) -> bytes:
    """The whole body; ``length`` is what its head tells. Raises ``Refusal`` above 32 MiB."""
    if length > BODY_MOST:
        raise _too_large()
    size, blocks = 0, list[bytes]()
    while True:
        message = await receive()
        blocks.append(message["body"])
        size += len(blocks[-1])
        if size > BODY_MOST:
            raise _too_large()
        if not message["more_body"]:
            return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def split_path(path: str) -> tuple[str | None, str]:
    """The feature of ``/f/<slug>/v1/…`` and the rest; no feature for other paths."""
    if not path.startswith("/f/"):
        return None, path
    slug, _, rest = path[3:].partition("/")
    return slug, f"/{rest}"


def closed(slug: str, opens: tuple[str, ...]) -> Refusal:
    """The refusal for a feature that a key does not open, or that does not exist: nobody learns which."""
    told = f"This key does not open feature {slug[:40]}. It opens: {', '.join(opens) or 'none'}."
    return Refusal(403, "not_your_feature", told)


def call_of(asked: Request, breakers: Breakers) -> Call:
    """The call a request makes, put on its side. Raises ``Refusal`` for a body that is no call."""
    begun, at_ms = time.monotonic(), time.time_ns() // 1_000_000
    fields = fields_of(asked.raw)
    if fields is None:
        raise Refusal(400, "bad_body", "The body is no JSON object, or nests over 1,024 deep.")
    model = fields.get("model")
    named = model if isinstance(model, str) else ""
    slug = asked.slug if asked.slug is not None else _aliased(named, asked.opens)
    endpoint = asked.endpoint
    if endpoint == CHAT and not (isinstance(fields.get("messages"), list) and fields["messages"]):
        raise Refusal(400, "bad_body", "The body has no messages; at least one is needed.")
    route = asked.snapshot.features[slug]
    number = call_id(at_ms)
    unit = unit_of(asked.told.unit, fields) if route.unit == "sticky" else ""
    placed = unit or call_text(number)
    choice = Choice(Arm.BASELINE, Why.SHARE0, 0.0)  # embeddings and responses are not split
    if endpoint == CHAT:
        choice = choose(route, placed, breakers.of(slug, route), begun)
    return Call(
        id=number,
        slug=slug,
        route=route,
        endpoint=endpoint,
        raw=asked.raw,
        fields=fields,
        passed=asked.told.lines,
        unit=placed,
        has_unit=bool(unit),
        begun=begun,
        at_ms=at_ms,
        choice=choice,
        asked=named,
        is_stream=fields.get("stream") is True,
    )


def is_call(asked: Request) -> bool:
    """Whether a request goes to a model: any endpoint behind a feature's path, chat by its alias."""
    return bool(asked.endpoint) and (asked.slug is not None or asked.endpoint == CHAT)


def _aliased(model: str, opens: tuple[str, ...]) -> str:
    slug = model.removeprefix(ALIAS)
    if not model.startswith(ALIAS) or slug not in opens:
        raise closed(slug, opens)
    return slug


def _too_large() -> Refusal:
    return Refusal(413, "too_large", "The body is over 32 MiB.")
