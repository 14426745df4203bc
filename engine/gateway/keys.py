"""Which key comes in, and which goes out. A caller's key never goes to an upstream, and no key to a stranger.

Keys of upstreams come from the environment alone, so nobody who registers a feature from chat can send one anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from engine.gateway.pool import Place
from engine.rules.hosts import key_at
from engine.settings import Settings

Headers = Iterable[tuple[bytes, bytes]]

_MARK = b"agk_"  # how a gateway key begins
_NO_KEY = "none"

# What stays between a caller and the gateway: the connection's own, what we write ourselves, and what opens doors.
_OWN = frozenset(
    {
        *(b"accept-encoding", b"api-key", b"authorization", b"connection", b"content-encoding", b"content-length"),
        *(b"cookie", b"expect", b"forwarded", b"host", b"keep-alive", b"proxy-authorization", b"proxy-connection"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade", b"via", b"x-api-key", b"x-assay-unit"),
        *(b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"),
    }
)


@dataclass(frozen=True)
class Target:
    """A model's address as calls need it: ``path`` stands before the endpoint's, ``fixed`` are headers we write."""

    place: Place
    path: bytes
    fixed: bytes
    host_name: str
    has_key: bool

    def head(self, endpoint: bytes, passed: bytes, length: int) -> bytes:
        """The head of one request; ``passed`` are the caller's header lines."""
        return b"POST %s%s HTTP/1.1\r\n%s%scontent-length: %d\r\n\r\n" % (
            self.path,
            endpoint,
            self.fixed,
            passed,
            length,
        )


class Targets:
    """The target of each ``base_url``, made once."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._known: dict[str, Target] = {}

    def of(self, base_url: str) -> Target:
        """The target of an address that the route file's check let through."""
        known = self._known.get(base_url)
        if known is None:
            known = self._known[base_url] = self._made(base_url)
        return known

    def _made(self, base_url: str) -> Target:
        parts = urlsplit(base_url)
        host, standard = parts.hostname or "", 443 if parts.scheme == "https" else 80
        port = parts.port or standard
        named = f"[{host}]" if ":" in host else host
        told = named if port == standard else f"{named}:{port}"
        key = key_at(
            base_url,
            own_url=self._settings.openai_base_url,
            own_key=self._settings.openai_api_key.get_secret_value(),
            upstream_keys=self._settings.upstream_keys,
            environ=self._environ,
        )
        fixed = f"host: {told}\r\nauthorization: Bearer {key or _NO_KEY}\r\naccept-encoding: identity\r\n"
        return Target(
            Place(parts.scheme, host, port),
            parts.path.rstrip("/").encode(),
            fixed.encode("latin-1"),
            told,
            bool(key),
        )


class Told(NamedTuple):
    """What a caller's headers tell: its key, the unit it names, the length of its body, and the lines that go up."""

    key: bytes
    unit: bytes
    length: int
    lines: bytes


def told(headers: Headers) -> Told:
    """Read a caller's headers, in one walk; nothing goes up that carries a gateway key, by whatever name.

    An absent key or unit is empty, an absent length 0. llhttp lets no line end into a value.
    """
    ours: dict[bytes, bytes] = {}
    lines: list[bytes] = []
    for name, value in headers:
        if name in _OWN:
            ours[name] = ours.get(name) or value  # the first that is not empty
        elif _MARK not in value:
            lines += (name, b": ", value, b"\r\n")
    kind, _, key = ours.get(b"authorization", b"").partition(b" ")
    length = ours.get(b"content-length", b"")
    return Told(
        key.strip() if kind.lower() == b"bearer" else b"",
        ours.get(b"x-assay-unit", b""),
        int(length) if length.isdigit() else 0,
        b"".join(lines),
    )
