"""A month of made-up production calls in Assay's own traffic format, for the demo and for tests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

DAYS = 30
_BUSY = (
    0.3,
    0.2,
    0.2,
    0.2,
    0.3,
    0.5,
    0.9,
    1.4,
    2.0,
    2.4,
    2.4,
    2.2,
    2.0,
    2.2,
    2.2,
    2.0,
    1.8,
    1.4,
    1.0,
    0.8,
    0.7,
    0.6,
    0.5,
    0.4,
)
_WEEKEND = 0.35  # of a working day's calls
PROMPT_TOKENS = 60
_FAILED = 0.002  # share of calls that ended in an error
_SATURDAY = 5


def month_of_calls(
    inputs: Sequence[str], *, model: str, calls: int, start: datetime, seed: int, prompt_tokens: int = PROMPT_TOKENS
) -> Iterator[dict[str, Any]]:
    """``calls`` calls over 30 days from ``start``, by day and hour as offices work, in order of time.

    ``prompt_tokens`` is what the prompt adds to every input. The same arguments give the same calls; ids hold seed and
    number. About 1 of 500 failed.
    """
    draw = random.Random(seed)  # noqa: S311 (made-up traffic, no secret)
    hours = [start + timedelta(hours=hour) for hour in range(DAYS * 24)]
    weights = [_BUSY[at.hour] * (_WEEKEND if at.weekday() >= _SATURDAY else 1.0) for at in hours]
    moments = sorted(at + timedelta(seconds=draw.random() * 3600) for at in draw.choices(hours, weights, k=calls))
    for number, at in enumerate(moments):
        text = draw.choice(inputs)
        yield _call(draw, text, f"{model}-{seed}-{number}", at, prompt_tokens=prompt_tokens) | {"model": model}


def _call(draw: random.Random, text: str, call_id: str, at: datetime, *, prompt_tokens: int) -> dict[str, Any]:
    failed = draw.random() < _FAILED
    return {
        "id": call_id,
        "ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "input_tokens": prompt_tokens + len(text.split()) * 4 // 3,
        "cached_tokens": 0,
        "output_tokens": 0 if failed else draw.randint(2, 4),
        "latency_ms": round(draw.lognormvariate(6.4, 0.35), 1),
        "status": 503 if failed else 200,
        "input": text,
        "unit": f"customer-{draw.randrange(2000)}",
    }
