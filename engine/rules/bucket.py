"""Place a unit in [0, 1) by hash and say which side serves it.

Knows nothing of traffic, routes or rollouts; the gateway imports it, so it needs the standard library alone.
"""

from __future__ import annotations

import hashlib
from typing import Literal

Side = Literal["baseline", "tuned"]


def bucket(salt: str, unit: str) -> float:
    """Place `unit` in [0, 1], uniformly and for ever, under one rollout's `salt`.

    First 8 bytes of sha256("salt:unit") over 2**64; the division can round up to 1.0.
    Raises ValueError for an empty salt or unit. Source: docs/decisions/0006-gateway-on-bare-asgi.md.
    """
    if not salt or not unit:
        raise ValueError(f"{'unit' if salt else 'salt'} is ''; it must not be empty")
    digest = hashlib.sha256(f"{salt}:{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def variant(salt: str, unit: str, share: float) -> Side:
    """Name the side that serves `unit` when `share` (0 to 1) of the units are tuned.

    Sticky and monotone: raising the share moves nobody back. Share 1 is always tuned.
    Raises ValueError for a share outside 0 to 1 or an empty salt or unit.
    """
    if isinstance(share, bool) or not 0.0 <= share <= 1.0:  # nan fails both comparisons
        raise ValueError(f"share is {share!r}; it must lie between 0 and 1")
    place = bucket(salt, unit)
    return "tuned" if share == 1.0 or place < share else "baseline"
