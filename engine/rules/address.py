"""Say whether calls may be sent to an address: plain http only nearby, and never to a cloud's metadata.

Knows nothing of features or keys, and resolves no name; it needs the standard library alone, as the gateway does.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_NEAR = (".internal", ".local", ".localhost", ".lan", ".svc", ".home.arpa")  # names that no public server has


def refused(url: str) -> str:
    """Say why no call may go to `url`, as "base_url …" goes on; "" for an address that is fine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_address = parts.scheme in ("http", "https") and bool(host) and (parts.port is None or parts.port > 0)
    except ValueError:  # a broken IPv6 address, or a port that is no number
        return "is no http address"
    if not is_address or any(sign.isspace() for sign in url):
        return "is no http address"
    if parts.username is not None or parts.password is not None:
        return "holds a name or a password; keys come from the environment"
    address = _literal(host)
    if address is not None and address.is_link_local:
        return "is link-local, where clouds keep their credentials"
    if parts.scheme == "http" and not _is_near(host, address):
        return "is plain http to a host that is not nearby; use https"
    return ""


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_near(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if address is not None:
        return address.is_loopback or address.is_private
    # A name without a dot is one of this network: localhost, or a neighbour's in compose or Kubernetes.
    return "." not in host.rstrip(".") or host.rstrip(".").endswith(_NEAR)
