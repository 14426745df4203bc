"""What a device is good at, found by trying it for a second. Loaded by jobs alone."""

from __future__ import annotations

import time

import torch
from torch import Tensor


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
