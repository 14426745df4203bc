"""What the readers of label files hand on: a row's fields and its line, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RawRow:
    """The fields of one row as the file gives them; ``line`` is where it begins (1 is the first)."""

    line: int
    fields: Mapping[str, object]
