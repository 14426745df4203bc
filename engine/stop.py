"""One way for a program to be told to stop: SIGTERM or Ctrl-C set an event that its loops look at."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def on_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Only a main thread may ask for it."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping
