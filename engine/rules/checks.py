"""Refuse arguments that no rule can judge: nan, infinities, broken counts, shares outside their range.

Knows nothing of what the numbers mean; each check names the argument and the value it refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Sized
from numbers import Real

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def number(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """Return `value` as a finite float within [low, high]; ValueError otherwise (a bool is no number)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} is {value!r}; it must be a number")  # noqa: TRY004 rules refuse with ValueError alone
    plain = float(value)
    if not math.isfinite(plain):
        raise ValueError(f"{name} is {value!r}; it must be finite")
    if not low <= plain <= high:
        raise ValueError(f"{name} is {value!r}; it must lie in [{low:g}, {high:g}]")
    return plain


def above(name: str, value: object, floor: float = 0.0) -> float:
    """Return `value` as a finite float strictly above `floor`; ValueError otherwise."""
    plain = number(name, value)
    if plain <= floor:
        raise ValueError(f"{name} is {value!r}; it must be above {floor:g}")
    return plain


def share(name: str, value: object) -> float:
    """Return a fraction in [0, 1]; ValueError otherwise."""
    return number(name, value, 0.0, 1.0)


def open_share(name: str, value: object) -> float:
    """Return a fraction strictly between 0 and 1; ValueError otherwise."""
    plain = number(name, value)
    if not 0.0 < plain < 1.0:
        raise ValueError(f"{name} is {value!r}; it must lie strictly between 0 and 1")
    return plain


def margin(name: str, value: object) -> float:
    """Return a margin in [0, 1); ValueError otherwise."""
    plain = number(name, value)
    if not 0.0 <= plain < 1.0:
        raise ValueError(f"{name} is {value!r}; it must lie in [0, 1)")
    return plain


def count(name: str, value: object, least: int = 0) -> int:
    """Return a whole number of at least `least`; ValueError otherwise."""
    plain = number(name, value)
    if plain != math.floor(plain) or plain < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    return int(plain)


def choice(name: str, value: str, words: Iterable[str]) -> str:
    """Return `value` when it is one of `words`; ValueError naming them otherwise."""
    allowed = [str(word) for word in words]
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
    return value


def same_length(first: str, one: Sized, second: str, other: Sized) -> None:
    """Refuse two sequences of different length with a ValueError naming both."""
    if len(one) != len(other):
        raise ValueError(f"{first} has {len(one)} rows and {second} has {len(other)}; the lengths must agree")


def vector(name: str, values: Iterable[object], low: float = -math.inf, high: float = math.inf) -> Vector:
    """Return a non-empty one-dimensional float array within [low, high]; ValueError names the first bad value."""
    rows = list(values)
    if not rows:
        raise ValueError(f"{name} is empty; at least one value is needed")
    array = _floats(name, rows)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; a flat list is needed")
    bad = np.flatnonzero(~((array >= low) & (array <= high) & np.isfinite(array)))
    if bad.size:
        place = int(bad[0])
        raise ValueError(f"{name}[{place}] is {rows[place]!r}; it must be a finite number in [{low:g}, {high:g}]")
    return array


def matrix(name: str, rows: Iterable[object]) -> Vector:
    """Return rows of numbers or of equally long vectors as a two-dimensional float array; ValueError otherwise."""
    listed = list(rows)
    if not listed:
        raise ValueError(f"{name} is empty; at least one row is needed")
    array = _floats(name, listed)
    table = array.reshape(-1, 1) if array.ndim == 1 else array
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(f"{name} has shape {table.shape}; rows of numbers or of vectors are needed")
    bad = np.argwhere(~np.isfinite(table))
    if bad.size:
        place = int(bad[0][0])
        raise ValueError(f"{name}[{place}] is {listed[place]!r}; every number must be finite")
    return table


def outcomes(name: str, values: Iterable[object]) -> Vector:
    """Return a non-empty array of 0 and 1 (right or wrong); ValueError for anything else."""
    array = vector(name, values, 0.0, 1.0)
    between = array[(array != 0.0) & (array != 1.0)]
    if between.size:
        raise ValueError(f"{name} holds {float(between[0])!r}; each value must be 0 or 1")
    return array


def counts(name: str, values: Iterable[object]) -> list[int]:
    """Return a non-empty list of whole numbers >= 0; ValueError names the first that is not."""
    checked = [count(f"{name}[{place}]", value) for place, value in enumerate(values)]
    if not checked:
        raise ValueError(f"{name} is empty; at least one count is needed")
    return checked


def square_table(name: str, table: Sequence[Sequence[object]]) -> list[list[int]]:
    """Return a square table of counts with 2 or more categories and at least one rating; ValueError otherwise."""
    rows = [counts(f"{name}[{place}]", row) for place, row in enumerate(table)]
    if len(rows) < 2 or any(len(row) != len(rows) for row in rows):
        raise ValueError(f"{name} has rows of length {[len(row) for row in rows]}; a square of 2 or more is needed")
    if not any(map(any, rows)):
        raise ValueError(f"{name} is {rows!r}; at least one rating is needed")
    return rows


def _floats(name: str, rows: list[object]) -> Vector:
    try:
        array = np.asarray(rows)
    except ValueError as error:
        raise ValueError(f"{name} has rows of different lengths; they must agree") from error
    if array.dtype.kind not in "biuf":
        odd = next((row for row in rows if not isinstance(row, Real | np.bool_)), rows[0])
        raise ValueError(f"{name} holds {odd!r}; only numbers are allowed")
    return array.astype(np.float64)
