"""Quantiles within 1 % of the sorted values (docs/operate.md); sums that do not care for order."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules import histogram, rice
from engine.rules.histogram import Histogram, from_bytes, merge, merge_bytes, of, quantile, to_bytes

values = st.lists(st.floats(0, 1e9), max_size=50)


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_value_at_its_rank(numbers: list[float], share: float) -> None:
    exact = sorted(numbers)[math.floor(share * (len(numbers) - 1))]
    assert quantile(of(numbers), share) == pytest.approx(exact, rel=0.01 + 1e-9)


def test_percentiles_of_a_lognormal_latency_are_within_one_percent() -> None:
    drawn = np.random.default_rng(1).lognormal(5, 1, 100_000)
    counted = of(drawn)
    for share in (0.5, 0.95, 0.99):
        assert quantile(counted, share) == pytest.approx(float(np.quantile(drawn, share, method="lower")), rel=0.01)


@given(values, values, values)
def test_adding_does_not_care_for_order_or_grouping(one: list[float], two: list[float], three: list[float]) -> None:
    whole = of([*one, *two, *three])
    assert merge([of(three), merge([of(one), of(two)])]) == whole
    assert merge([of(one), of(two), of(three)]).total == len(one) + len(two) + len(three)


@given(values)
def test_bytes_come_back_as_the_same_histogram(numbers: list[float]) -> None:
    counted = of(numbers)
    assert from_bytes(to_bytes(counted)) == counted
    assert hash(from_bytes(to_bytes(counted))) == hash(counted)
    assert to_bytes(of(numbers[::-1])) == to_bytes(counted)


@given(st.lists(values, max_size=6))
def test_stored_histograms_add_up_as_they_would_unpacked(parts: list[list[float]]) -> None:
    assert merge_bytes(to_bytes(of(part)) for part in parts) == merge(of(part) for part in parts)


def test_counts_of_any_size_come_back() -> None:
    for most in (255, 256, 65_536, 2**40):
        counted = Histogram(3, np.array([-7, 0, 900]), np.array([1, most, 2]))
        assert from_bytes(to_bytes(counted)) == counted


def test_what_an_earlier_assay_stored_is_read_and_added() -> None:
    # of([0.0, 5.0, 5.0, 5.2]) as versions 1 and 2 wrote it: zeros, steps between buckets, their counts, in byte planes;
    # bytes of a count, the first bucket, the count of zeros and of each bucket, deflated without a head
    planes = bytes((81, 2)) + bytes(6) + bytes((2, 1)) + bytes(14)
    first = broken((1).to_bytes(8, "little") + (2).to_bytes(4, "little") + planes)
    second = b"\x02\x01" + (81).to_bytes(4, "little") + zlib.compress(bytes((1, 2, 0, 1)), wbits=-15)
    newer = of([0.0, 5.0, 5.0, 5.2])
    assert to_bytes(newer)[:1] == b"\x03"
    assert from_bytes(first) == from_bytes(second) == newer
    assert merge_bytes([first, second, to_bytes(newer)]) == merge([newer, newer, newer])


@given(st.lists(st.integers(0, 2**40) | st.integers(0, 9), max_size=80))
def test_numbers_of_any_size_come_out_of_a_pack_as_they_went_in(numbers: list[int]) -> None:
    assert rice.unpacked(rice.packed(np.array(numbers, dtype=np.int64))).tolist() == numbers


def test_a_pack_of_numbers_that_halve_again_and_again_is_near_the_least_that_can_be() -> None:
    drawn = np.random.default_rng(4).geometric(0.2, 10_000) - 1
    shares = np.bincount(drawn) / len(drawn)
    least = -float((shares[shares > 0] * np.log2(shares[shares > 0])).sum()) * len(drawn) / 8  # their entropy, bytes
    assert least < len(rice.packed(drawn)) < 1.05 * least


def test_two_calls_far_apart_are_stored_in_few_bytes() -> None:
    assert len(to_bytes(of([0.001, 1e9]))) < 30
    assert from_bytes(to_bytes(of([1e300]))) == of([1e300])


def test_nothing_counted_has_no_quantile() -> None:
    assert quantile(of([]), 0.5) is None
    assert merge([]) == merge_bytes([b""]) == of([]) == from_bytes(b"")
    assert of([]) != "nothing"


def test_zeros_and_dust_are_zero() -> None:
    counted = of([0.0, 1e-12, 5.0])
    assert (counted.zeros, counted.total) == (2, 3)
    assert quantile(counted, 0.0) == 0.0
    assert quantile(counted, 1.0) == pytest.approx(5.0, rel=0.01)


def test_an_hour_of_latencies_is_small() -> None:
    drawn = np.random.default_rng(2).lognormal(6, 0.7, 5_000)
    assert len(to_bytes(of(drawn))) < 1000


def test_a_longer_hour_costs_no_more_than_its_buckets() -> None:
    many = of(np.random.default_rng(3).lognormal(6, 0.7, 200_000))
    assert len(many.buckets) < 500
    assert isinstance(many, Histogram)


def broken(raw: bytes) -> bytes:
    return b"\x01" + zlib.compress(raw)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("values holds -1", lambda: of([1.0, -1.0])),
    ("values holds nan", lambda: of([math.nan])),
    ("values holds inf", lambda: of([math.inf])),
    ("share", lambda: quantile(of([1.0]), 1.1)),
    ("only versions", lambda: from_bytes(b"\x04abc")),
    ("no histogram", lambda: from_bytes(b"\x03")),
    ("no histogram", lambda: from_bytes(b"\x03" + bytes(5))),
    ("do not hold", lambda: from_bytes(b"\x03abc")),
    ("do not hold", lambda: from_bytes(to_bytes(of([1.0] * 9))[:-1])),
    ("no histogram", lambda: from_bytes(b"\x02abc")),
    ("no histogram", lambda: from_bytes(b"\x02\x01\x00\x00\x00\x00not deflate")),
    ("no counts of 3 bytes", lambda: from_bytes(b"\x02\x03" + to_bytes(of([1.0, 1e9]))[2:])),
    ("no histogram", lambda: from_bytes(b"\x01not zlib")),
    ("no histogram", lambda: from_bytes(broken(b"short"))),
    ("need 36", lambda: from_bytes(broken(bytes(8) + b"\x02\x00\x00\x00" + bytes(3)))),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_values_and_bytes_are_refused(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def test_the_promised_accuracy_is_one_percent() -> None:
    assert histogram.ACCURACY == 0.01


def test_values_counted_by_group_are_those_counted_one_group_at_a_time() -> None:
    draw = np.random.default_rng(3)
    values, groups = draw.lognormal(3.0, 2.0, 2_000), draw.integers(0, 40, 2_000)
    values[::50] = 0.0
    found = histogram.of_groups(values, groups, 41)
    assert found == [histogram.of(values[groups == group]) for group in range(41)]
    assert found[40].total == 0
    with pytest.raises(ValueError, match="nan"):
        histogram.of_groups(np.array([math.nan]), np.array([0]), 1)
