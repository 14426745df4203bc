"""Loaded first by a program that a test starts with this folder on its path: its wall clock is turned by a file.

``ASSAY_TEST_TURNED`` names a file of whole seconds that are added to the wall clock. The monotonic clock stays, as when
a person or NTP sets the time. Nothing of Assay knows of it.
"""

import os
import time
from pathlib import Path

_FILE = Path(os.environ["ASSAY_TEST_TURNED"])
_ns, _s = time.time_ns, time.time


def _seconds() -> int:
    return int(_FILE.read_text() or 0)


time.time_ns = lambda: _ns() + _seconds() * 1_000_000_000
time.time = lambda: _s() + _seconds()
