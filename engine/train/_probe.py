"""What a device is good at, found by trying it for a second. Loaded by jobs alone."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor


def seen(device: str) -> dict[str, Any]:
    """``gain`` of bf16; of a GPU also its memory in MB and whether it works in bf16 (not: emulates it)."""
    found: dict[str, Any] = {"gain": round(bf16_gain(device), 2)}
    if not device.startswith("cuda"):
        return found
    _free, whole = torch.cuda.mem_get_info(device)
    return {**found, "memory_mb": whole >> 20, "has_bf16": torch.cuda.is_bf16_supported(including_emulation=False)}


def bf16_gain(device: str) -> float:
    """How many times faster bf16 multiplies than fp32 here: the better of alternating tries, 1 s in all."""
    left, right = (torch.randn(shape, device=device) for shape in ((512, 384), (384, 1536)))
    fastest = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    pairs = {dtype: (left.to(dtype), right.to(dtype)) for dtype in fastest}
    deadline = time.perf_counter() + 1.0
    while time.perf_counter() < deadline:
        for dtype, (one, other) in pairs.items():
            fastest[dtype] = min(fastest[dtype], _seconds(one, other))
    return fastest[torch.float32] / fastest[torch.bfloat16]


def _seconds(one: Tensor, other: Tensor) -> float:
    began = time.perf_counter()
    for _ in range(5):
        torch.matmul(one, other)
    if one.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began
