"""Count values in logarithmic buckets that add up, and answer quantiles within 1 %.

Knows nothing of hours, features or what is counted.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.rules import checks, rice

Counts = NDArray[np.int64]

ACCURACY = 0.01  # relative error of every answer (docs/operate.md)
_GAMMA = (1.0 + ACCURACY) / (1.0 - ACCURACY)
_SMALLEST = 1e-9  # whatever lies below is counted as zero
_RICE = b"\x03"  # counts side by side, packed: what nearly every hour is
_RICE_HEAD = "<h"  # the first bucket
_RICE_HEAD_SIZE = 2
_FARTHEST = 2**15 - 1  # bucket that fits the head
_CROWDED = 4  # packed when at least one bucket in four is filled; deflate makes less of long empty stretches
_DEFLATED = b"\x02"
_HEAD = "<Bi"  # bytes of one count, the first bucket
_HEAD_SIZE = 5
_CODES = {1: "u1", 2: "<u2", 4: "<u4", 8: "<u8"}  # numpy's, by bytes of one count
_SPARSE = b"\x01"  # how blobs were written once: steps between buckets and their counts, for half as many bytes again
_SPARSE_HEAD = "<QI"  # zeros, number of buckets
_SPARSE_HEAD_SIZE = 12


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of values >= 0: how many are zero, and for each bucket i the number in (gamma^(i-1), gamma^i].

    `buckets` are ascending and distinct, `counts` above 0; two are equal when all their counts are.
    """

    zeros: int
    buckets: Counts
    counts: Counts

    @property
    def total(self) -> int:
        """Number of values counted."""
        return self.zeros + int(self.counts.sum())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and to_bytes(self) == to_bytes(other)

    def __hash__(self) -> int:
        return hash(to_bytes(self))


def of(values: Iterable[float]) -> Histogram:
    """Count values >= 0 (an empty histogram for none); below 1e-9 is zero.

    Raises ValueError for a negative value, nan or infinity.
    """
    numbers = np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64)
    _refuse_bad(numbers)
    large = numbers[numbers >= _SMALLEST]
    places = _places(large)
    first = int(places.min()) if places.size else 0
    return _sparse(int(numbers.size - large.size), first, np.bincount(places - first))


def of_groups(values: NDArray[np.float64], groups: Counts, count: int) -> list[Histogram]:
    """Count values as `of` does, each for its group, of which there are `count` from 0 on.

    Raises ValueError for a negative value, nan or infinity.
    """
    _refuse_bad(values)
    is_large = values >= _SMALLEST
    zeros = np.bincount(groups[~is_large], minlength=count).tolist()
    places = _places(values[is_large])
    first, width = (int(places.min()), int(np.ptp(places)) + 1) if places.size else (0, 1)
    pairs, counts = np.unique(groups[is_large] * width + (places - first), return_counts=True)
    owners, buckets = np.divmod(pairs, width)
    edges = np.searchsorted(owners, np.arange(count + 1)).tolist()
    return [
        Histogram(zeros[group], buckets[start:end] + first, counts[start:end])
        for group, (start, end) in enumerate(itertools.pairwise(edges))
    ]


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Add histograms bucket by bucket; order and grouping do not matter. An empty one for none."""
    parts = list(histograms)
    filled = [part for part in parts if part.buckets.size]
    first = min((int(part.buckets[0]) for part in filled), default=0)
    last = max((int(part.buckets[-1]) for part in filled), default=first)
    dense = np.zeros(last - first + 1, dtype=np.int64)
    for part in filled:
        dense[part.buckets - first] += part.counts
    return _sparse(sum(part.zeros for part in parts), first, dense)


def quantile(histogram: Histogram, share: float) -> float | None:
    """Give the value of which `share` (0 to 1) lie at or below, within 1 %; None when nothing was counted.

    It is the value at rank floor(share * (n - 1)). Raises ValueError for a share outside [0, 1].
    """
    place = checks.share("share", share)
    if histogram.total == 0:
        return None
    rank = math.floor(place * (histogram.total - 1)) - histogram.zeros
    if rank < 0:
        return 0.0
    at = int(np.searchsorted(np.cumsum(histogram.counts), rank, side="right"))
    return 2.0 * _GAMMA ** int(histogram.buckets[at]) / (_GAMMA + 1.0)


def amount(histogram: Histogram) -> float:
    """Give the sum of all values counted, within 1 %."""
    middles = 2.0 * _GAMMA ** histogram.buckets.astype(np.float64) / (_GAMMA + 1.0)
    return float((middles * histogram.counts).sum())


def to_bytes(histogram: Histogram) -> bytes:
    """Write a histogram as versioned, compressed bytes; equal histograms give equal bytes."""
    # The count of zeros, then one for each bucket from the first to the last: of an hour nearly all are small.
    first, dense = _dense(histogram)
    if _is_crowded(first, dense):
        return _RICE + struct.pack(_RICE_HEAD, first) + rice.packed(dense)
    width = next(width for width in _CODES if int(dense.max()) < 256**width)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    planes = _planes(dense.astype(_CODES[width]), width)
    return _DEFLATED + struct.pack(_HEAD, width, first) + deflate.compress(planes) + deflate.flush()


def from_bytes(blob: bytes) -> Histogram:
    """Read what `to_bytes` wrote; no bytes at all are an empty histogram.

    Raises ValueError for another version or broken bytes.
    """
    first, dense = _read(blob)
    return _sparse(int(dense[0]), first, dense[1:])


def merge_bytes(blobs: Iterable[bytes]) -> Histogram:
    """Add stored histograms: the same as `merge` of `from_bytes`, for half the work. Raises as `from_bytes` does."""
    parts = [_read(blob) for blob in blobs if blob]
    first = min((begin for begin, _ in parts), default=0)
    total = np.zeros(max((begin - first + dense.size - 1 for begin, dense in parts), default=0), dtype=np.int64)
    for begin, dense in parts:
        total[begin - first : begin - first + dense.size - 1] += dense[1:]
    return _sparse(sum(int(dense[0]) for _, dense in parts), first, total)


def _read(blob: bytes) -> tuple[int, Counts]:
    """The first bucket, and the counts from the zeros' on."""
    if not blob:
        return 0, np.zeros(1, dtype=np.int64)
    read = _READERS.get(blob[:1])
    if read is None:
        raise ValueError(f"blob starts with {blob[:1]!r}; only versions {sorted(_READERS)} can be read")
    try:
        return read(blob)
    except (zlib.error, struct.error) as error:
        raise ValueError(f"blob has {len(blob)} bytes that are no histogram") from error


def _read_packed(blob: bytes) -> tuple[int, Counts]:
    (first,) = struct.unpack_from(_RICE_HEAD, blob, 1)
    dense = rice.unpacked(blob, 1 + _RICE_HEAD_SIZE)
    if not dense.size:
        raise ValueError(f"blob has {len(blob)} bytes that are no histogram")
    return first, dense


def _read_dense(blob: bytes) -> tuple[int, Counts]:
    width, first = struct.unpack_from(_HEAD, blob, 1)
    planes = zlib.decompress(blob[1 + _HEAD_SIZE :], wbits=-zlib.MAX_WBITS)
    if width not in _CODES or not planes or len(planes) % width:
        raise ValueError(f"blob holds {len(planes)} bytes, which are no counts of {width} bytes each")
    dense = np.frombuffer(planes if width == 1 else _rows(planes, width), dtype=_CODES[width])
    return first, dense


def _read_sparse(blob: bytes) -> tuple[int, Counts]:
    raw = zlib.decompress(blob[1:])
    zeros, size = struct.unpack_from(_SPARSE_HEAD, raw)
    if len(raw) != _SPARSE_HEAD_SIZE + 12 * size:
        raise ValueError(f"blob holds {len(raw)} bytes; {size} buckets need {_SPARSE_HEAD_SIZE + 12 * size}")
    middle = _SPARSE_HEAD_SIZE + 4 * size
    steps = np.frombuffer(_rows(raw[_SPARSE_HEAD_SIZE:middle], 4), dtype="<i4")
    counts = np.frombuffer(_rows(raw[middle:], 8), dtype="<i8")
    return _dense(Histogram(zeros, np.cumsum(steps, dtype=np.int64), counts.astype(np.int64)))


_READERS = {_SPARSE: _read_sparse, _DEFLATED: _read_dense, _RICE: _read_packed}


def _refuse_bad(values: NDArray[np.float64]) -> None:
    bad = values[~(np.isfinite(values) & (values >= 0.0))]
    if bad.size:
        raise ValueError(f"values holds {float(bad[0])!r}; every value must be finite and at least 0")


def _places(values: NDArray[np.float64]) -> Counts:
    return np.ceil(np.log(values) / math.log(_GAMMA)).astype(np.int64)


def _planes(numbers: NDArray[Any], width: int) -> bytes:
    """Put the first bytes of all numbers first, then the second: high bytes are zeros and vanish in compression."""
    return numbers.view(np.uint8).reshape(-1, width).T.tobytes()


def _rows(planes: bytes, width: int) -> bytes:
    return np.frombuffer(planes, dtype=np.uint8).reshape(width, -1).T.tobytes()


def _is_crowded(first: int, dense: Counts) -> bool:
    is_far = abs(first) > _FARTHEST or dense.size > rice.MOST
    return not is_far and bool(np.count_nonzero(dense) * _CROWDED >= dense.size)


def _dense(histogram: Histogram) -> tuple[int, Counts]:
    """The first bucket; the count of zeros, then one for each bucket from the first to the last."""
    first, last = (int(histogram.buckets[place]) for place in (0, -1)) if histogram.buckets.size else (0, -1)
    dense = np.zeros(last - first + 2, dtype=np.int64)
    dense[0] = histogram.zeros
    dense[histogram.buckets - (first - 1)] = histogram.counts
    return first, dense


def _sparse(zeros: int, first: int, dense: Counts) -> Histogram:
    places = np.flatnonzero(dense)
    return Histogram(zeros, places + first, dense[places].astype(np.int64))
