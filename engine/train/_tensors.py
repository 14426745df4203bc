"""Arrays as safetensors: the only form in which weights are kept (no pickle). Loaded by jobs alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file  # pyright: ignore[reportUnknownVariableType] # half typed

from engine.errors import WorkFailed


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays whole or not at all; the same arrays are the same bytes.

    Raises ``OSError``, as for a full disk.
    """
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        save_file({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}, draft)
    except SafetensorError as error:
        draft.unlink(missing_ok=True)  # half a checkpoint would keep the disk full
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
    draft.rename(path)


def load(path: Path) -> dict[str, NDArray[Any]]:
    """What ``save`` wrote. Raises ``WorkFailed`` naming a file that is cut short, or is something else."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WorkFailed(f"the weights {path.name} are damaged, or no safetensors; nothing else is loaded") from error
