"""How heavy work runs on a device: chosen once from what the device is, kept, and said in the report with its reasons.

The choice is a pure function of a ``Device``. On a processor it is precision alone; what CUDA adds was never run by us.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.train import Host
from engine.train.sizes import BATCH_MOST, Way, largest_batch

BF16_LEAST = 1.3  # bf16 is taken on a processor when a matrix probe shows more than this (docs/engine.md)
TRAIN_BATCH = 16
ANSWER_BATCH = 32
HALVINGS = 2  # times a batch is taken in smaller parts when memory runs out (docs/engine.md)
MEGA_BATCHES = 50  # batches sorted by length together
MAX_TOKENS = 256  # longer texts are cut; what the sentence encoders we ship with were trained on
CHECKPOINTED_ABOVE = 0.8  # of a device's memory: above it activations are made again instead of kept
PACKAGES = ("bitsandbytes", "flash_attn", "liger_kernel")  # what CUDA may use where it is installed: extra [gpu]

Needs = Callable[[Way], int]  # MB on each device of a training done that way


@dataclass(frozen=True, kw_only=True)
class Device:
    """What work runs on. ``gain`` is how many times bf16 multiplies faster than fp32; ``count`` devices share it."""

    name: str
    cores: int
    memory_mb: int
    gain: float
    has_bf16: bool = False
    count: int = 1
    packages: frozenset[str] = frozenset()

    @property
    def is_gpu(self) -> bool:
        """Whether it is a CUDA device."""
        return self.name.startswith("cuda")


@dataclass(frozen=True)
class Profile:
    """``precision`` is "bf16" or "fp32" (of the encoder; weights, head and loss stay fp32); ``gain`` is bf16's.

    What follows the sizes is for decoders on CUDA; ``at_once`` is the rows of a batch a device works on, 0 for all.
    ``why`` has a reason for each choice, and for what is missing.
    """

    device: str
    cores: int
    precision: str
    gain: float
    answer_batch: int = ANSWER_BATCH
    max_tokens: int = MAX_TOKENS
    is_quantized: bool = False
    is_checkpointed: bool = False
    has_liger: bool = False
    is_packed: bool = False
    workers: int = 1
    at_once: int = 0
    why: tuple[str, ...] = ()

    @property
    def has_trainer(self) -> bool:
        """Whether transformers' Trainer takes the steps: on CUDA. Processors share a training in our own loop."""
        return self.device.startswith("cuda")


def chosen(device: Device, needs: Needs | None = None, *, is_whole: bool = False) -> Profile:
    """The profile of a device; ``needs`` says what a decoder's training takes there, none for an encoder.

    Where a training ``is_whole`` all weights are learned, and four bits cannot be.
    """
    if not device.is_gpu:
        precision = "bf16" if device.gain > BF16_LEAST else "fp32"
        return Profile(device.name, device.cores, precision, device.gain, workers=device.count)
    precision = "bf16" if device.has_bf16 else "fp32"
    said = [f"{precision}: the device {'has' if device.has_bf16 else 'lacks'} bf16"]
    if needs is None:
        return Profile(device.name, device.cores, precision, device.gain, why=tuple(said))
    quantized = not is_whole and _is_quantized(device, needs, said)
    checkpointed = _is_checkpointed(device, needs, said, quantized=quantized)
    packed = _has("flash_attn", device, said, "packed batches and flash attention") and device.has_bf16
    liger = _has("liger_kernel", device, said, "Liger kernels")
    way = _way(device, quantized=quantized, checkpointed=checkpointed)
    at_once = largest_batch(lambda rows: needs(replace(way, batch=rows)) <= CHECKPOINTED_ABOVE * device.memory_mb)
    said.append(f"batch: {at_once} rows at once, the largest power of two up to {BATCH_MOST} that takes at most 80 %")
    if device.count > 1:
        said.append(f"FSDP: {device.count} devices share the training")
    return Profile(
        device.name,
        device.cores,
        precision,
        device.gain,
        is_quantized=quantized,
        is_checkpointed=checkpointed,
        has_liger=liger,
        is_packed=packed,
        workers=device.count,
        at_once=at_once,
        why=tuple(said),
    )


def _way(device: Device, *, quantized: bool, checkpointed: bool) -> Way:
    width = 2 if device.has_bf16 else 4
    return Way(
        activation_bytes=width, is_quantized=quantized, is_checkpointed=checkpointed, devices=max(device.count, 1)
    )


def _is_quantized(device: Device, needs: Needs, said: list[str]) -> bool:
    least = needs(_way(device, quantized=False, checkpointed=True))
    if least <= device.memory_mb:
        return False
    short = f"plain LoRA takes {least:,} MB at the least and the device has {device.memory_mb:,}"
    if device.count > 1:
        said.append(f"{short}; a sharded base is not quantized")
        return False
    found = "bitsandbytes" in device.packages
    said.append(f"QLoRA nf4: {short}" if found else f'{short}; bitsandbytes would help: pip install "assay[gpu]"')
    return found


def _is_checkpointed(device: Device, needs: Needs, said: list[str], *, quantized: bool) -> bool:
    takes = needs(_way(device, quantized=quantized, checkpointed=False))
    if takes <= CHECKPOINTED_ABOVE * device.memory_mb:
        return False
    said.append(f"checkpointing: {takes:,} MB would be more than 80 % of {device.memory_mb:,}")
    return True


def _has(package: str, device: Device, said: list[str], gives: str) -> bool:
    found = package in device.packages
    said.append(f"{gives}: {package} is {'' if found else 'not '}installed")
    return found


def arguments(profile: Profile) -> dict[str, Any]:
    """The part of ``transformers.TrainingArguments`` that the profile decides."""
    shared: dict[str, Any] = {
        "bf16": profile.precision == "bf16",
        "use_cpu": not profile.device.startswith("cuda"),
        "use_liger_kernel": profile.has_liger,
        "train_sampling_strategy": "group_by_length",
    }
    if profile.workers > 1 and profile.device.startswith("cuda"):
        inside = {"auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "activation_checkpointing": profile.is_checkpointed}
        return {**shared, "fsdp": True, "fsdp_config": inside}
    return {**shared, "activation_checkpointing": profile.is_checkpointed}


def profile_of(host: Host, shared: Path, needs: Needs | None = None, *, is_whole: bool = False) -> Profile:
    """The host's profile; probed for 1 s the first time and kept in ``shared``, so that the choice never flickers."""
    return chosen(device_of(host, shared), needs, is_whole=is_whole)


def device_of(host: Host, shared: Path) -> Device:
    """The host's device; what a probe of 1 s tells is kept in ``shared``."""
    kept = shared / f"profile-{host.device.replace(':', '')}.json"
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        known = None
    if known is None or known["cores"] != host.cores:
        from engine.train import _probe

        known = {"cores": host.cores, **_probe.seen(host.device)}
        shared.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(known), encoding="utf-8")
        draft.rename(kept)
    return Device(
        name=host.device,
        cores=host.cores,
        memory_mb=int(known.get("memory_mb") or host.memory_mb),
        gain=float(known["gain"]),
        has_bf16=bool(known.get("has_bf16")),
        count=host.workers,
        packages=frozenset(name for name in PACKAGES if find_spec(name) is not None),
    )


def facts(profile: Profile) -> dict[str, float | int | str]:
    """The profile as a training's facts, for the report; ``runtime`` has its reasons, "" on a processor."""
    told = {name: value for name, value in asdict(profile).items() if name in {"device", "cores", "precision", "gain"}}
    return {**told, "runtime": "; ".join(profile.why)}
