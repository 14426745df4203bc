"""Known places are docs/decisions/0006-gateway-on-bare-asgi.md's vectors, computed there with hashlib alone."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.bucket import bucket, variant

VECTORS = [
    ("rollout-7", "user-1", 0.400547646140),
    ("rollout-7", "user-2", 0.948659263419),
    ("rollout-7", "req-1", 0.202640654929),
    ("rollout-7", "acme/42", 0.507264304484),
    ("rollout-7", "Zoë", 0.744326607065),
    ("rollout-8", "user-1", 0.398229068053),
]


@pytest.mark.parametrize(("salt", "unit", "place"), VECTORS)
def test_a_unit_lies_where_every_other_implementation_puts_it(salt: str, unit: str, place: float) -> None:
    assert bucket(salt, unit) == pytest.approx(place, abs=1e-12)


def test_shares_of_many_units_come_out_as_counted_elsewhere() -> None:
    places = [bucket("rollout-7", f"user-{number}") for number in range(100_000)]
    assert [sum(place < share for place in places) for share in (0.01, 0.05, 0.25, 0.5)] == [1062, 5124, 25154, 50094]


def test_the_side_follows_the_share() -> None:
    assert variant("rollout-7", "user-1", 0.41) == "tuned"
    assert variant("rollout-7", "user-1", 0.4) == "baseline"


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_raising_the_share_moves_nobody_back(unit: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    if variant("salt", unit, low) == "tuned":
        assert variant("salt", unit, high) == "tuned"
    assert variant("salt", unit, 1) == "tuned"


@pytest.mark.parametrize("share", [1.5, -0.1, math.nan, math.inf, True])
def test_a_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        variant("s", "u", share)


@pytest.mark.parametrize(("salt", "unit"), [("", "user-1"), ("s", "")])
def test_an_empty_salt_or_unit_is_refused(salt: str, unit: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        bucket(salt, unit)
    with pytest.raises(ValueError, match="empty"):
        variant(salt, unit, 0.5)


def test_the_gateway_gets_it_without_numpy() -> None:
    code = "import sys, engine.rules.bucket, engine.rules.redact; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
