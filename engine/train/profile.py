"""How heavy work runs on this host: precision and batch sizes, measured once and kept, so that runs repeat."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.train import Host

BF16_LEAST = 1.3  # bf16 is taken when a matrix probe shows more than this (docs/engine.md)
TRAIN_BATCH = 16
ANSWER_BATCH = 32
HALVINGS = 2  # times a batch is taken in smaller parts when memory runs out (docs/engine.md)
MEGA_BATCHES = 50  # batches sorted by length together
MAX_TOKENS = 256  # longer texts are cut; what the sentence encoders we ship with were trained on


@dataclass(frozen=True)
class Profile:
    """``precision`` is "bf16" or "fp32" (of the encoder; weights, head and loss stay fp32); ``gain`` is bf16's."""

    device: str
    cores: int
    precision: str
    gain: float
    train_batch: int = TRAIN_BATCH
    answer_batch: int = ANSWER_BATCH
    mega_batches: int = MEGA_BATCHES
    max_tokens: int = MAX_TOKENS


def profile_of(host: Host, shared: Path) -> Profile:
    """The host's profile; probed for 1 s the first time and kept in ``shared``, so that the choice never flickers."""
    kept = shared / f"profile-{host.device.replace(':', '')}.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        known = None
    if known is None or known["cores"] != host.cores:
        from engine.train import _probe

        known = {"cores": host.cores, "gain": round(_probe.bf16_gain(host.device), 2)}
        shared.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(known), encoding="utf-8")
        draft.rename(kept)
    gain = float(known["gain"])
    return Profile(host.device, host.cores, "bf16" if gain > BF16_LEAST else "fp32", gain)


def facts(profile: Profile) -> dict[str, float | int | str]:
    """The profile as a training's facts, for the report."""
    return {name: value for name, value in asdict(profile).items() if name in {"device", "cores", "precision", "gain"}}
