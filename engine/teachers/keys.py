"""Which key goes to which host, so that a feature registered from chat can never point a key at another one."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from engine.errors import KeyRejected
from engine.settings import Settings

NO_KEY = "unused"  # what a local model is sent; the SDK insists on something
_PORTS = {"http": 80, "https": 443}


def key_for(settings: Settings, base_url: str, environ: Mapping[str, str] | None = None) -> str:
    """The key of an endpoint: by host and port, never by feature. ``environ`` holds the keys that settings name.

    Raises ``KeyRejected`` naming the setting to mend when a host that is not this one has none.
    """
    place = _place(base_url)
    own = settings.openai_api_key.get_secret_value()
    if own and place == _place(settings.openai_base_url):
        return own
    name = _named(settings.upstream_keys).get(place) or _named(settings.upstream_keys).get(place.rpartition(":")[0])
    if name is not None:
        key = (os.environ if environ is None else environ).get(name, "")
        if key:
            return key
        raise KeyRejected(f"ASSAY_UPSTREAM_KEYS names {name} for {place}, but that variable is empty. Set it.")
    if is_loopback(base_url):
        return NO_KEY
    if place == _place(settings.openai_base_url):
        raise KeyRejected(f"There is no key for {place}. Set OPENAI_API_KEY where the engine runs, then start again.")
    raise KeyRejected(
        f"There is no key for {place}; OPENAI_API_KEY goes to {_place(settings.openai_base_url)} alone. "
        f"Set ASSAY_UPSTREAM_KEYS={place}=NAME_OF_A_VARIABLE where the engine runs, then start again."
    )


def is_loopback(base_url: str) -> bool:
    """Whether an endpoint is on this very host."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(base_url: str) -> str:
    """``host:port`` of an address, lower case."""
    parts = urlsplit(base_url)
    return f"{(parts.hostname or '').lower()}:{parts.port or _PORTS.get(parts.scheme, 443)}"


def _named(upstream_keys: str) -> dict[str, str]:
    """The variable of each ``host`` or ``host:port``."""
    pairs = (pair.partition("=") for pair in upstream_keys.split(",") if "=" in pair)
    return {host.strip().lower(): name.strip() for host, _, name in pairs}
