"""Pack whole numbers that are mostly small into few bits: Rice's code, which needs no table of its own.

Knows nothing of histograms. A number is its upper part, as so many ones and a zero, and its ``low`` last bits. The
upper parts come first, then each of the last bits of all numbers: so each is read in one go (Rice & Plaunt 1971).
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

MOST = 2**16 - 1  # numbers in one pack
_HEAD = "<BH"  # last bits of each number, how many numbers
_HEAD_SIZE = 3
_BITS = 63


def packed(numbers: Numbers) -> bytes:
    """Write numbers >= 0, at most ``MOST`` of them; equal numbers give equal bytes."""
    low = _best(numbers)
    ends = np.cumsum((numbers >> low) + 1)
    start = int(ends[-1]) if numbers.size else 0
    bits = np.ones(start + low * numbers.size, dtype=np.uint8)
    bits[ends - 1] = 0
    for plane in range(low):
        bits[start + plane * numbers.size : start + (plane + 1) * numbers.size] = (numbers >> plane) & 1
    return struct.pack(_HEAD, low, numbers.size) + np.packbits(bits).tobytes()


def unpacked(raw: bytes, start: int = 0) -> Numbers:
    """Read what `packed` wrote, from a place in bytes on. Raises ValueError for broken bytes."""
    low, size = struct.unpack_from(_HEAD, raw, start) if len(raw) >= start + _HEAD_SIZE else (_BITS, 0)
    bits = np.unpackbits(np.frombuffer(raw, np.uint8)[start + _HEAD_SIZE :])
    ends = (bits == 0).nonzero()[0][:size]
    at = int(ends[-1]) + 1 if ends.size else 0
    if low >= _BITS or ends.size < size or bits.size < at + low * size:
        raise ValueError(f"{len(raw)} bytes do not hold {size} numbers")
    numbers = ends.copy()  # how many ones stand before each zero
    numbers[1:] -= ends[:-1]
    numbers[1:] -= 1
    if low:
        numbers <<= low
        numbers += bits[at : at + size]
    for plane in range(1, low):
        numbers += bits[at + plane * size : at + (plane + 1) * size].astype(np.int64) << plane
    return numbers


def _best(numbers: Numbers) -> int:
    """How many last bits make the shortest pack: with more of them its size falls, then rises."""
    low, size = 0, _size(numbers, 0)
    while (next_size := _size(numbers, low + 1)) < size:
        low, size = low + 1, next_size
    return low


def _size(numbers: Numbers, low: int) -> int:
    return int((numbers >> low).sum()) + numbers.size * (low + 1)
