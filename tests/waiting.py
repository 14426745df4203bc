"""Waiting for what other processes and threads do; a loaded machine is given its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SECONDS = 180.0


def eventually(claim: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """The first true value of the claim, or a failure after so many seconds."""
    ends = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < ends, f"not within {seconds} s: {claim}"
        time.sleep(0.02)
    return found
