"""Requests that are almost right: a good one is spoilt in one to three places, sent, and its answer is looked at.

Seeded, so that what a run found is found again by its seed and number.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bot.blockkit.shape import mapping, sequence

PATIENCE_SECONDS = 20.0
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 1e308, float("inf"), [], {}, [[[[[[[[]]]]]]]], {"": {"": {"": []}}},
    ["x"] * 40, "", " ", "\x00", "\ud800", "'\"<&>{{7*7}}{%x%}", "../../etc/passwd", "a" * 20_000, "💥" * 500,
    "\u202eabc", "<!channel>",
)  # fmt: skip
TARGETS = (
    "/", "//", "/.", "/..%2f..%2fetc/passwd", "/%00", "/%ff", "?x=%", "/" + "a" * 9000, "?" + "q=1&" * 3000, "#x",
    "/ x",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "post", "BREW", "P" * 5000)
HEADERS = (
    ("Content-Type", "text/plain"), ("Content-Type", "application/json; charset=utf-7"), ("Content-Encoding", "gzip"),
    ("Content-Type", "multipart/form-data"), ("Accept-Encoding", "gzip;q=banana"), ("Cookie", "a=" + "b" * 5000),
    ("Authorization", "Bearer "), ("Authorization", "Basic \xff"), ("If-None-Match", '"' * 200), ("Range", "bytes=9-1"),
    ("Expect", "100-continue"), ("Upgrade", "websocket"), ("Host", ""), ("X-Assay-Unit", "\u00e9" * 300),
    ("X-Slack-Request-Timestamp", "9" * 5000),
)  # fmt: skip

Spoil = Callable[[random.Random, "Request"], "Request"]
Finish = Callable[[bytes], dict[str, str]]


@dataclass(frozen=True)
class Request:
    """One request; ``body`` is JSON until something spoils it into bytes."""

    method: str
    target: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    def content(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Surface:
    """A server under test: where, what it is asked in good order, what no answer may hold.

    ``finish`` gives further headers for a body, a signature for example. ``fine`` are statuses of 500 and above that
    are an answer in good order there.
    """

    name: str
    port: int
    good: tuple[Request, ...]
    secrets: tuple[str, ...] = ()
    finish: Finish = field(default=lambda _: {})
    fine: frozenset[int] = frozenset()


def spoilt(chance: random.Random, request: Request) -> Request:
    """The request with one to three things wrong with it."""
    for _ in range(chance.randint(1, 3)):
        request = chance.choice(_SPOILS)(chance, request)
    return request


def sent(surface: Surface, request: Request) -> tuple[int, bytes]:
    """Status and whole answer; status 0 where the connection was closed without one.

    Raises ``TimeoutError`` when nobody answers.
    """
    body = request.content()
    headers = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body))} | surface.finish(body)
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {told}" for name, told in headers.items())]
    lines += [
        f"{name}: {told}" for name, told in request.headers if name.lower() not in {one.lower() for one in headers}
    ]
    raw = "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + body
    seen = b""
    with socket.create_connection(("127.0.0.1", surface.port), timeout=PATIENCE_SECONDS) as line:
        try:
            line.sendall(raw)
            while block := line.recv(65536):
                seen += block
        except ConnectionError:  # refused before all was sent
            pass
    status = seen[9:12]
    return (int(status) if status.isdigit() else 0), seen


def wrong(surface: Surface, status: int, answer: bytes) -> str:
    """What is wrong with an answer; "" when nothing is."""
    if status >= 500 and status not in surface.fine:
        return f"status {status}"
    leaked = [place for place, secret in enumerate(surface.secrets) if secret.encode() in answer]
    if leaked:
        return f"secret number {leaked[0]} is in the answer"
    return "a traceback is in the answer" if b"Traceback (most recent" in answer else ""


def shower(surface: Surface, *, seed: int, until: Callable[[int], bool]) -> list[str]:
    """Send spoilt requests until told to stop, each hundredth in good order; what was wrong, each with its number."""
    chance, number = random.Random(seed), 0
    found: list[str] = []
    while not until(number):
        number += 1
        good = chance.choice(surface.good)
        request = good if number % 100 == 0 else spoilt(chance, good)
        try:
            status, answer = sent(surface, request)
            said = wrong(surface, status, answer)
            if request is good and not 200 <= status < 500:
                said = said or f"a request in good order got {status}"
        except TimeoutError:
            said = f"no answer in {PATIENCE_SECONDS:.0f} s"
        if said:
            found.append(f"{surface.name}, seed {seed}, request {number}: {said}: {str(request)[:600]}")
    return found


def _spoil_value(chance: random.Random, request: Request) -> Request:
    if not isinstance(request.body, dict):
        return request
    body = json.loads(request.content())
    places = list(_places(body))
    if not places:
        return request
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.2:
        del holder[key]
    else:
        holder[key] = chance.choice(ODD)
    return replace(request, body=body)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value where something stands, as its holder and its key."""
    for key in [*mapping(node), *range(len(sequence(node)))]:
        yield node, key
        yield from _places(node[key])


def _spoil_bytes(chance: random.Random, request: Request) -> Request:
    raw = bytearray(request.content() or b"{}")
    for _ in range(chance.randint(1, 8)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return replace(request, body=bytes(raw))


def _spoil_length(chance: random.Random, request: Request) -> Request:
    raw = request.content()
    return replace(
        request, body=chance.choice([raw[: len(raw) // 2], raw * 3, b"[" * 5000, b"\x1f\x8b" + raw, b"x" * 1_200_000])
    )


def _spoil_target(chance: random.Random, request: Request) -> Request:
    return replace(request, target=request.target + chance.choice(TARGETS))


def _spoil_header(chance: random.Random, request: Request) -> Request:
    return replace(request, headers=(*request.headers, chance.choice(HEADERS)))


def _spoil_method(chance: random.Random, request: Request) -> Request:
    return replace(request, method=chance.choice(METHODS))


_SPOILS: tuple[Spoil, ...] = (
    *[_spoil_value] * 4,
    _spoil_bytes,
    _spoil_length,
    _spoil_target,
    _spoil_header,
    _spoil_method,
)
