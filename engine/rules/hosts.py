"""Which key goes to which host, and what a name may lead to. Knows nothing of features, files or networks.

The gateway imports it, so it needs the standard library alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_METADATA = "link-local addresses (169.254.0.0/16, fe80::/10) are the cloud's own and never a model's"


def place(base_url: str) -> str:
    """``host:port`` of an address, lower case. Raises ValueError for a port that is no number."""
    parts = urlsplit(base_url)
    return f"{(parts.hostname or '').lower()}:{parts.port or _PORTS.get(parts.scheme, 443)}"


def named_keys(upstream_keys: str) -> dict[str, str]:
    """The environment variable of each ``host`` or ``host:port`` in ``host[:port]=NAME,…``."""
    pairs = (pair.partition("=") for pair in upstream_keys.split(",") if "=" in pair)
    return {host.strip().lower(): name.strip() for host, _, name in pairs}


def variable_of(upstream_keys: str, where: str) -> str | None:
    """The variable that holds the key of a `place`, named with its port or without; None when none is named."""
    known = named_keys(upstream_keys)
    return known.get(where) or known.get(where.rpartition(":")[0])


def key_at(base_url: str, *, own_url: str, own_key: str, upstream_keys: str, environ: Mapping[str, str]) -> str:
    """The key an address may be sent, by host and port; empty when there is none for it.

    ``own_key`` goes to the place of ``own_url`` alone; others have theirs by ``upstream_keys``.
    """
    where = place(base_url)
    if own_key and where == place(own_url):
        return own_key
    name = variable_of(upstream_keys, where)
    return environ.get(name, "") if name else ""


def wrong_peer(scheme: str, address: str) -> str:
    """Why nothing may be sent to the IP address a name led to; empty when it may. Plain http stays in the house.

    What may be said about the address before it is looked up, `engine.rules.address` says.
    """
    found = _address(address)
    if found is None:
        return "is no IP address"
    if found.is_link_local:
        return f"is refused: {_METADATA}"
    if scheme == "http" and not (found.is_loopback or found.is_private):
        return "is public, and http:// would show keys and prompts to everybody on the way: use https://"
    return ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
