"""Which key goes to which host, so that a feature registered from chat can never point a key at another one."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from engine.errors import KeyRejected
from engine.rules.hosts import place, variable_of
from engine.settings import Settings

NO_KEY = "unused"  # what a local model is sent; the SDK insists on something


def key_for(settings: Settings, base_url: str, environ: Mapping[str, str] | None = None) -> str:
    """The key of an endpoint: by host and port, never by feature. ``environ`` holds the keys that settings name.

    Raises ``KeyRejected`` naming the setting to mend when a host that is not this one has none.
    """
    where, own_place = place(base_url), place(settings.openai_base_url)
    own = settings.openai_api_key.get_secret_value()
    if own and where == own_place:
        return own
    name = variable_of(settings.upstream_keys, where)
    if name is not None:
        key = (os.environ if environ is None else environ).get(name, "")
        if key:
            return key
        raise KeyRejected(f"ASSAY_UPSTREAM_KEYS names {name} for {where}, but that variable is empty. Set it.")
    if is_loopback(base_url):
        return NO_KEY
    if where == own_place:
        raise KeyRejected(f"There is no key for {where}. Set OPENAI_API_KEY where the engine runs, then start again.")
    raise KeyRejected(
        f"There is no key for {where}; OPENAI_API_KEY goes to {own_place} alone. "
        f"Set ASSAY_UPSTREAM_KEYS={where}=NAME_OF_A_VARIABLE where the engine runs, then start again."
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
