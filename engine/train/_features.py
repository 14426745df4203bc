"""Frozen features of texts, kept by (encoder, texts), so that no rung computes them twice. Loaded by jobs alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.train import Progress, _tensors, _torch

CHUNK = 512  # rows between two looks at whether to stop


def encoder_sha(folder: str) -> str:
    """The sha256 of an encoder's weights: its revision, wherever it came from."""
    with (Path(folder) / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def note_encoder(folder: Path, encoder: str, precision: str) -> None:
    """Write ``encoder.json``: which encoder a candidate stands on, and in which precision it was trained."""
    known = {"name": encoder_name(encoder), "precision": precision, "sha256": encoder_sha(encoder)}
    (folder / "encoder.json").write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")


def features(
    encoder: _torch.Encoder, texts: Sequence[str], *, sha: str, shared: Path, progress: Progress | None = None
) -> NDArray[np.float32]:
    """(rows, width) float32, read from ``shared`` where they are there, computed and kept else."""
    digest = hashlib.sha256(f"{sha} {encoder.profile.precision} {encoder.profile.max_tokens}".encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    kept = shared / "features" / f"{digest.hexdigest()}.safetensors"
    if kept.exists():
        return _tensors.load(kept)["features"]
    made = _computed(encoder, texts, progress)
    kept.parent.mkdir(parents=True, exist_ok=True)
    _tensors.save(kept, {"features": made})
    return made


def _computed(encoder: _torch.Encoder, texts: Sequence[str], progress: Progress | None) -> NDArray[np.float32]:
    parts: list[NDArray[np.float32]] = []
    for start in range(0, len(texts), CHUNK):
        parts.append(encoder.features(encoder.tokens(texts[start : start + CHUNK])))
        if progress is not None:
            progress(min(start + CHUNK, len(texts)), len(texts) + 1, None)
    return np.concatenate(parts)


def encoder_name(encoder: str) -> str:
    """What an encoder calls itself; its folder's name where it does not say."""
    config = json.loads((Path(encoder) / "config.json").read_text(encoding="utf-8"))
    return str(config.get("_name_or_path") or Path(encoder).name)
