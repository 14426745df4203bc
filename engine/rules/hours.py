"""Add calls up by hour, side and model: integer sums and histograms that give the same bits in whatever order.

Knows nothing of price lists, files or databases: frames come in with their cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.rules import frame, histogram
from engine.rules.cost import TokenPrices
from engine.rules.histogram import Histogram

Frames = NDArray[Any]  # of numpy.dtype(frame.DTYPE)
Integers = NDArray[np.int64]

HOUR_MS = 3_600_000
SUMS = (
    "n", "errors", "tokens_in", "tokens_in_cached", "tokens_cache_write", "tokens_out", "cost_nano_usd",
    "billed_nano_usd", "unpriced_n", "cache_hit_n", "fallback_n", "escalated_n", "cancelled_n", "estimated_n",
    "invalid_n", "feedback_n", "feedback_milli",
)  # fmt: skip
RECORDED = ("gateway", "exposure")  # sources of calls that a gateway put on record
HISTOGRAMS = ("latency", "ttft", "prompt_sizes", "answer_sizes", "confidence")

_SIDES = ("baseline", "tuned")
_ROLES = ("answer", "failed", "escalated", "shadow")
_CLASSES = 10  # status classes 0xx to 9xx
_MILLION = 1_000_000  # prices are per million tokens
_MOST_PRODUCT = 2**62
_TOKENS = ("tokens_in", "tokens_in_cached", "tokens_cache_write", "tokens_out")


class Place(NamedTuple):
    """The key of an hourly row, less the feature. ``hour`` is UTC; a status of 0 (no answer at all) is ``0xx``."""

    hour: datetime
    assigned: str
    served: str
    model: str
    source: str
    status_class: str
    role: str


@dataclass(frozen=True)
class Sums:
    """What the calls of one place add up to: sums by name (those that are missing are 0), and histograms by name."""

    sums: Mapping[str, int] = field(default_factory=dict[str, int])
    histograms: Mapping[str, Histogram] = field(default_factory=dict[str, Histogram])

    def plus(self, other: Sums) -> Sums:
        """Both together; order does not matter."""
        names = {*self.sums, *other.sums}
        shapes = {*self.histograms, *other.histograms}
        return Sums(
            {name: self.sums.get(name, 0) + other.sums.get(name, 0) for name in names},
            {
                name: histogram.merge(one.histograms[name] for one in (self, other) if name in one.histograms)
                for name in shapes
            },
        )


@dataclass(frozen=True)
class Group:
    """Frames that belong to one hour, feature, model, host and side, by their place in the block.

    ``feature``, ``model`` and ``host`` are hashes of names; ``embeddings`` count apart from chat.
    """

    hour: datetime
    feature: int
    model: int
    host: int
    assigned: str
    served: str
    role: str
    source: str
    status_class: str
    rows: Integers

    def place(self, model: str) -> Place:
        """Where they are counted; the hash of the model is spelled out."""
        return Place(self.hour, self.assigned, self.served, model, self.source, self.status_class, self.role)


def group(frames: Frames) -> list[Group]:
    """Part frames by everything an hourly row and a price depend on, in order of their first frames."""
    if not len(frames):
        return []
    model = np.where(frames["model_served"] != frame.NO_NAME, frames["model_served"], frames["model_asked"])
    code, size = np.zeros(len(frames), dtype=np.int64), 1
    for column in (frames["at_ms"] // HOUR_MS, frames["feature"], model, frames["host"], _kinds(frames)):
        values, places = np.unique(column, return_inverse=True)
        if size * len(values) > _MOST_PRODUCT:
            code = np.unique(code, return_inverse=True)[1]
            size = len(frames)
        code, size = code * len(values) + places, size * len(values)
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    parts = np.split(order, starts[1:])
    return [_group(frames, int(model[rows[0]]), rows) for rows in sorted(parts, key=lambda rows: int(rows[0]))]


def costs(frames: Frames, tiers: Sequence[tuple[int, TokenPrices]]) -> Integers:
    """Price frames in nano-dollars as `cost.call_cost` does; -1 where that is unknown, which is never free of charge.

    ``tiers`` are prices by the input tokens above which they begin, 0 first; none when nobody knows. A call's own input
    reaches a tier, and then all of its tokens cost what the tier says. A try that gave no answer and no count of tokens
    bought nothing; an answer without counts has an unknown cost.
    """
    said, fed = frames["tokens_out"].astype(np.int64), frames["tokens_in"].astype(np.int64)
    answered = (frames["status"] >= 200) & (frames["status"] < 300)
    is_unknown = np.where((fed < 0) | (said < 0), answered, not tiers)
    said, fed = np.maximum(said, 0), np.maximum(fed, 0)
    cached = np.clip(frames["tokens_in_cached"].astype(np.int64), 0, fed)
    written = np.clip(frames["tokens_cache_write"].astype(np.int64), 0, fed - cached)
    bought = np.zeros(len(frames), dtype=np.int64)
    for start, price in tiers:
        dearer = fed > start if start else np.ones(len(frames), dtype=bool)
        if dearer.any():
            parts = fed[dearer], cached[dearer], written[dearer], said[dearer]
            bought[dearer] = _cost(*parts, price=price)
    is_hit = (frames["flags"] & frame.Flag.CACHE_HIT) != 0
    return np.where(is_hit, 0, np.where(is_unknown, -1, bought))


def _cost(fed: Integers, cached: Integers, written: Integers, said: Integers, *, price: TokenPrices) -> Integers:
    cached_price = price.input if price.cached_input is None else price.cached_input
    written_price = price.input if price.cache_write is None else price.cache_write
    dearest = max(price.input, cached_price, written_price, price.output, 1)
    if int(fed.max(initial=0) + said.max(initial=0)) > _MOST_PRODUCT // dearest:  # absurd counts: exact, and slower
        fed, cached, written, said = (column.astype(object) for column in (fed, cached, written, said))
    plain = (fed - cached - written) * price.input
    million_fold = plain + cached * cached_price + written * written_price + said * price.output
    return ((million_fold + _MILLION // 2) // _MILLION).astype(np.int64)


def summed(frames: Frames, groups: Sequence[Group], cost_nano: Integers) -> list[Sums]:
    """Add up the frames of each group, all groups in one go. ``cost_nano`` is each frame's cost, -1 where unknown."""
    if not groups:
        return []
    sizes = [len(one.rows) for one in groups]
    order = np.concatenate([one.rows for one in groups])
    here, starts = frames[order], np.cumsum([0, *sizes[:-1]])
    sums = {
        name: np.add.reduceat(column, starts, dtype=np.int64).tolist()
        for name, column in _columns(here, cost_nano[order]).items()
    }
    places = np.repeat(np.arange(len(groups)), sizes)
    shapes = {
        name: histogram.of_groups(values[values >= 0], places[values >= 0], len(groups))
        for name, values in _measures(here).items()
    }
    return [
        Sums(
            {name: many[place] for name, many in sums.items() if many[place]},
            {name: many[place] for name, many in shapes.items()},
        )
        for place in range(len(groups))
    ]


def _columns(frames: Frames, cost_nano: Integers) -> dict[str, NDArray[Any]]:
    """What each frame adds to its group's sums."""
    flags, why, status = frames["flags"], frames["why"], frames["status"]
    is_cancelled = (flags & frame.Flag.CANCELLED) != 0
    return {
        "n": np.ones(len(frames), dtype=np.int64),
        "errors": ((status < 100) | (status >= 400)) & ~is_cancelled,
        **{name: np.maximum(frames[name], 0) for name in _TOKENS},
        "cost_nano_usd": np.maximum(cost_nano, 0),
        "unpriced_n": cost_nano < 0,
        "cache_hit_n": (flags & frame.Flag.CACHE_HIT) != 0,
        "fallback_n": why == frame.Why.FALLBACK,
        "escalated_n": why == frame.Why.CASCADE,
        "cancelled_n": is_cancelled,
        "estimated_n": (flags & frame.Flag.ESTIMATED) != 0,
        "invalid_n": (flags & frame.Flag.INVALID) != 0,
    }


def _measures(frames: Frames) -> dict[str, NDArray[np.float64]]:
    """What is counted into each group's histograms; below 0 is unknown."""
    return {
        "latency": frames["latency_us"] / 1000.0,
        "ttft": frames["ttft_us"] / 1000.0,
        "prompt_sizes": frames["tokens_in"].astype(np.float64),
        "answer_sizes": frames["tokens_out"].astype(np.float64),
        # Nothing is decided by how sure the baseline is, and few of its answers say.
        "confidence": np.where(frames["served"] == frame.Arm.TUNED, frames["confidence"].astype(np.float64), np.nan),
    }


def merged(parts: Iterable[tuple[Any, Sums]]) -> dict[Any, Sums]:
    """Add up the sums of equal places."""
    whole: dict[Any, Sums] = {}
    for place, sums in parts:
        known = whole.get(place)
        whole[place] = sums if known is None else known.plus(sums)
    return whole


def _kinds(frames: Frames) -> Integers:
    """Side, role, source, status class and whether it is chat, as one small number."""
    kind = np.minimum(frames["status"] // 100, _CLASSES - 1).astype(np.int64)
    for column, size in (("assigned", 2), ("served", 2), ("role", len(_ROLES)), ("source", len(RECORDED))):
        kind = kind * size + np.minimum(frames[column], size - 1)
    return kind * 2 + ((frames["flags"] & frame.Flag.EMBEDDINGS) != 0)


def _group(frames: Frames, model: int, rows: Integers) -> Group:
    first = frames[rows[0]]
    is_chat = not int(first["flags"]) & frame.Flag.EMBEDDINGS
    return Group(
        hour=datetime.fromtimestamp(int(first["at_ms"]) // HOUR_MS * 3600, UTC),
        feature=int(first["feature"]),
        model=model,
        host=int(first["host"]),
        assigned=_word(_SIDES, first["assigned"]),
        served=_word(_SIDES, first["served"]),
        role=_word(_ROLES, first["role"]) if is_chat else "embedding",
        source=_word(RECORDED, first["source"]),
        status_class=f"{min(int(first['status']) // 100, _CLASSES - 1)}xx",
        rows=rows,
    )


def _word(words: tuple[str, ...], number: Any) -> str:  # noqa: ANN401 (numpy's scalar)
    return words[min(int(number), len(words) - 1)]
