"""Arrays as safetensors: the only form in which weights are kept (no pickle). Loaded by jobs alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file  # pyright: ignore[reportUnknownVariableType] # half typed


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays whole or not at all; the same arrays are the same bytes."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    save_file({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}, draft)
    draft.rename(path)


def load(path: Path) -> dict[str, NDArray[Any]]:
    """What ``save`` wrote."""
    return load_file(path)
