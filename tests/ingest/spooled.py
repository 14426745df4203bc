"""Frames and segments as a gateway writes them, and what they must add up to, computed the slow and plain way."""

from __future__ import annotations

import fcntl
import json
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine.rules import frame
from engine.rules.frame import Arm, Fault, Flag, Frame, Role, Source, Why, name_hash

START_MS = int(datetime(2026, 11, 25, 10, 30, tzinfo=UTC).timestamp() * 1000)
SLUG = "ticket-router"
MODELS = ("simulated-frontier-1", "tuned-1")


def call_id(draw: random.Random, at_ms: int) -> bytes:
    """A UUIDv7."""
    number = (at_ms << 80) | (7 << 76) | (draw.getrandbits(12) << 64) | (2 << 62) | draw.getrandbits(62)
    return uuid.UUID(int=number).bytes


def a_frame(number: int = 0, *, slug: str = SLUG, stage: str = "", unit: str = "", **changes: Any) -> Frame:
    """An ordinary call, the same for the same number."""
    at_ms = changes.pop("at_ms", START_MS + number)
    values: dict[str, Any] = {
        "id": call_id(random.Random(number), at_ms),
        "at_ms": at_ms,
        "feature": name_hash(slug),
        "model_asked": name_hash(MODELS[0]),
        "model_served": name_hash(MODELS[0]),
        "stage": name_hash(stage),
        "unit": name_hash(unit),
        "host": name_hash("127.0.0.1"),
        "tokens_in": 1000,
        "tokens_in_cached": 0,
        "tokens_out": 10,
        "latency_us": 120_000,
        "status": 200,
    }
    return Frame(**{**values, **changes})


def some_frames(count: int, *, seed: int = 1, slugs: Sequence[str] = (SLUG,), stage: str = "") -> list[Frame]:
    """Calls of every kind: sides, roles, errors, unknown counts, three hours."""
    draw = random.Random(seed)
    made: list[Frame] = []
    for number in range(count):
        at_ms = START_MS + draw.randrange(3 * 3_600_000)
        arm = Arm(draw.random() < 0.3)
        fell = arm is Arm.TUNED and draw.random() < 0.1
        status = draw.choice([200] * 18 + [500, 429])
        flags = Flag(0)
        for flag in (Flag.ESTIMATED, Flag.INVALID, Flag.CACHE_HIT, Flag.EMBEDDINGS):
            flags |= flag if draw.random() < 0.05 else Flag(0)
        if draw.random() < 0.02:
            status, flags = 499, flags | Flag.CANCELLED
        unit = f"user-{draw.randrange(50)}"
        common = {"slug": draw.choice(slugs), "stage": stage, "unit": unit, "at_ms": at_ms, "assigned": arm}
        if fell:
            made.append(
                a_frame(number, role=Role.FAILED, served=Arm.TUNED, status=0, model_served=frame.NO_NAME,
                        model_asked=name_hash(MODELS[1]), tokens_in=-1, tokens_out=-1, fault=Fault.CONNECT, **common)
            )  # fmt: skip
        made.append(
            a_frame(
                number,
                served=Arm.BASELINE if fell else arm,
                model_served=name_hash(MODELS[0 if fell else arm]),
                why=Why.FALLBACK if fell else Why.SPLIT,
                tokens_in=draw.choice([-1, 0, 3, 1000, 128_000]),
                tokens_in_cached=draw.choice([-1, 0, 2, 900]),
                tokens_out=draw.choice([-1, 0, 1, 17, 4000]),
                latency_us=draw.choice([-1, 0, 1, draw.randrange(10_000_000)]),
                ttft_us=draw.choice([-1, draw.randrange(1_000_000)]),
                confidence=draw.choice([float("nan"), draw.random()]),
                status=status,
                flags=flags,
                source=draw.choice([Source.GATEWAY] * 9 + [Source.EXPOSURE]),
                **common,
            )
        )
    return made


def array_of(frames: Iterable[Frame]) -> Any:
    """Frames as their reader sees them."""
    return np.frombuffer(b"".join(map(frame.pack, frames)), dtype=np.dtype(frame.DTYPE))


class Writer:
    """One worker's segment: three files, the first of them locked while the writer lives."""

    def __init__(self, folder: Path, stem: str = "host-1-1764066600000-1") -> None:
        self.folder, self.stem = folder, stem
        folder.mkdir(parents=True, exist_ok=True)
        self.calls = (folder / f"calls-{stem}.bin").open("ab", buffering=0)
        self.names = (folder / f"names-{stem}.jsonl").open("ab", buffering=0)
        self.events = (folder / f"events-{stem}.jsonl").open("ab", buffering=0)
        fcntl.flock(self.calls, fcntl.LOCK_EX)
        self._named: set[str] = set()
        self.name(SLUG, "127.0.0.1", *MODELS)

    def name(self, *texts: str) -> None:
        """Write names that frames use."""
        for text in texts:
            if text not in self._named:
                self._named.add(text)
                self.names.write(json.dumps({"hash": f"{name_hash(text):016x}", "name": text}).encode() + b"\n")

    def append(self, *frames: Frame) -> None:
        """Write whole frames."""
        self.calls.write(b"".join(map(frame.pack, frames)))

    def raw(self, block: bytes) -> None:
        """Write bytes that may be no frame."""
        self.calls.write(block)

    def event(self, **told: Any) -> None:
        """Write an event."""
        self.events.write(frame.event_line(json.dumps({"at_ms": START_MS, **told}).encode()))

    def close(self) -> None:
        """Let the segment go, as a worker that ended or was killed."""
        for file in (self.names, self.events, self.calls):
            file.close()


@contextmanager
def segment(folder: Path, stem: str = "host-1-1764066600000-1") -> Iterator[Writer]:
    """A segment that is finished at the end."""
    writer = Writer(folder, stem)
    yield writer
    writer.close()


def plainly(frames: Iterable[Frame], cost_of: Any) -> dict[tuple[Any, ...], dict[str, int]]:
    """Hourly sums by (hour, slug hash, assigned, served, model, source, class, role), one frame at a time."""
    rows: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in frames:
        model = one.model_served or one.model_asked
        role = "embedding" if one.flags & Flag.EMBEDDINGS else Role(one.role).name.lower()
        key = (
            datetime.fromtimestamp(one.at_ms / 1000, UTC).replace(minute=0, second=0, microsecond=0),
            one.feature,
            Arm(one.assigned).name.lower(),
            Arm(one.served).name.lower(),
            model,
            Source(one.source).name.lower(),
            f"{one.status // 100}xx",
            role,
        )
        row = rows[key]
        row["n"] += 1
        row["errors"] += (one.status < 100 or one.status >= 400) and not one.flags & Flag.CANCELLED
        for name in ("tokens_in", "tokens_in_cached", "tokens_cache_write", "tokens_out"):
            row[name] += max(getattr(one, name), 0)
        cost = cost_of(one)
        row["cost_nano_usd"] += cost or 0
        row["unpriced_n"] += cost is None
        row["cache_hit_n"] += bool(one.flags & Flag.CACHE_HIT)
        row["fallback_n"] += one.why == Why.FALLBACK
        row["escalated_n"] += one.why == Why.CASCADE
        row["cancelled_n"] += bool(one.flags & Flag.CANCELLED)
        row["estimated_n"] += bool(one.flags & Flag.ESTIMATED)
        row["invalid_n"] += bool(one.flags & Flag.INVALID)
    return {key: {name: value for name, value in row.items() if value} for key, row in rows.items()}
