"""What every test of the rules uses: one way to compare a result with a known answer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

Agrees = Callable[..., bool]


def _fields(result: object) -> tuple[object, ...]:
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return tuple(getattr(result, field.name) for field in dataclasses.fields(result))
    return tuple(result) if isinstance(result, tuple) else (result,)


def _same(got: object, known: object, tolerance: float) -> bool:
    if isinstance(known, bool) or known is None or isinstance(known, str):
        return got is known or (isinstance(known, str) and got == known)
    assert type(got) in (int, float), f"{got!r} is no plain Python number"
    return math.isclose(got, known, rel_tol=tolerance, abs_tol=tolerance)


@pytest.fixture
def agrees() -> Agrees:
    """Say whether a result's first fields equal a known answer within 1e-6, as docs/rules.md 11 compares them."""

    def compare(result: object, known: object, tolerance: float = 1e-6) -> bool:
        wanted = known if isinstance(known, tuple) else (known,)
        got = _fields(result)[: len(wanted)]
        return len(got) == len(wanted) and all(_same(g, k, tolerance) for g, k in zip(got, wanted, strict=True))

    return compare
