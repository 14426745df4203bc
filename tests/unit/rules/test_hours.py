"""Frames add up to the hours a plain loop gives, in whatever order and in whatever pieces they come."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.rules import histogram
from engine.rules.cost import TokenPrices, Tokens, call_cost
from engine.rules.frame import Arm, Flag
from engine.rules.hours import SUMS, Sums, costs, group, merged, summed
from tests.ingest.spooled import a_frame, array_of, plainly, some_frames

PRICE = TokenPrices(2_500_000_000, 10_000_000_001, cached_input=1_250_000_000, cache_write=3_125_000_000)
FLAT = ((0, PRICE),)
FRAMES = some_frames(3000, slugs=("ticket-router", "other"))


def hours(frames) -> dict:
    block = array_of(frames)
    groups = group(block)
    sums = summed(block, groups, costs(block, FLAT))
    return merged(((one.feature, one.place(str(one.model))), each) for one, each in zip(groups, sums, strict=True))


def slow_cost(one):
    if one.flags & Flag.CACHE_HIT:
        return 0
    if 200 <= one.status < 300 and (one.tokens_in < 0 or one.tokens_out < 0):
        return None
    fed, said = max(one.tokens_in, 0), max(one.tokens_out, 0)
    cached = min(max(one.tokens_in_cached, 0), fed)
    written = min(max(one.tokens_cache_write, 0), fed - cached)
    return call_cost(Tokens(input=fed, output=said, cached_input=cached, cache_write=written), PRICE)


def test_sums_are_those_of_a_plain_loop() -> None:
    slow = {
        (key[1], (key[0], key[2], key[3], str(key[4]), *key[5:])): row
        for key, row in plainly(FRAMES, slow_cost).items()
    }
    fast = {(feature, tuple(place)): dict(sums.sums) for (feature, place), sums in hours(FRAMES).items()}
    assert fast == slow
    assert len(fast) > 50
    assert {name for row in fast.values() for name in row} <= set(SUMS)


def test_order_and_pieces_change_no_bit() -> None:
    whole = hours(FRAMES)
    shuffled = random.Random(5).sample(FRAMES, len(FRAMES))
    pieces = merged(
        part for start in range(0, len(shuffled), 700) for part in hours(shuffled[start : start + 700]).items()
    )
    assert {key: dict(one.sums) for key, one in pieces.items()} == {key: dict(one.sums) for key, one in whole.items()}
    for key, one in whole.items():
        for name, shape in one.histograms.items():
            assert histogram.to_bytes(pieces[key].histograms[name]) == histogram.to_bytes(shape)


def test_a_model_without_a_price_is_unpriced_and_what_gave_no_answer_bought_nothing() -> None:
    block = array_of(
        [
            a_frame(1),
            a_frame(2, tokens_out=-1),
            a_frame(3, status=0, tokens_in=-1, tokens_out=-1),
            a_frame(4, flags=Flag.CACHE_HIT),
        ]
    )
    assert costs(block, FLAT).tolist() == [2_600_000, -1, 0, 0]
    assert costs(block, ()).tolist() == [-1, -1, 0, 0]
    (one,) = merged((1, each) for each in summed(block, group(block), costs(block, FLAT))).values()
    sums = one.sums
    assert (sums["n"], sums["unpriced_n"], sums["cost_nano_usd"]) == (4, 1, 2_600_000)


def test_absurd_counts_are_priced_exactly() -> None:
    block = array_of([a_frame(1, tokens_in=2**31 - 1, tokens_out=2**31 - 1)])
    dear = TokenPrices(input=10**12, output=10**12)
    assert costs(block, ((0, dear),)).tolist() == [2 * (2**31 - 1) * 10**6]


def test_a_calls_own_input_reaches_a_dearer_tier() -> None:
    """As anthropic and google sell long contexts: above 200,000 tokens all tokens of the call cost the tier's price."""
    dear = TokenPrices(input=5_000_000_000, output=20_000_000_000)
    block = array_of([a_frame(1, tokens_in=fed, tokens_out=10) for fed in (200_000, 200_001)])
    found = costs(block, ((0, PRICE), (200_000, dear))).tolist()
    assert found == [call_cost(Tokens(200_000, 10), PRICE), call_cost(Tokens(200_001, 10), dear)]


def test_what_is_written_to_a_cache_costs_its_own_price() -> None:
    block = array_of([a_frame(1, tokens_in=1_000_000, tokens_in_cached=0, tokens_cache_write=400_000, tokens_out=0)])
    assert costs(block, FLAT).tolist() == [600_000 * 2_500 + 400_000 * 3_125]


@pytest.mark.parametrize("status", [0, 99, 100, 299, 400, 599, 65535])
def test_any_status_has_a_class(status: int) -> None:
    (one,) = group(array_of([a_frame(1, status=status)]))
    assert one.status_class == f"{min(status // 100, 9)}xx"


def test_nothing_adds_up_to_nothing() -> None:
    assert group(array_of([])) == []
    assert Sums().plus(Sums()) == Sums()


def test_a_tier_that_no_call_reaches_costs_nothing() -> None:
    block = array_of(FRAMES[:200])
    dear = TokenPrices(10**13, 10**13)
    assert list(costs(block, (*FLAT, (10**9, dear)))) == list(costs(block, FLAT))


def test_so_many_places_that_their_product_overflows_are_still_told_apart() -> None:
    block = np.repeat(array_of(FRAMES[:1]), 60_000)
    for column, step in (("at_ms", 3_600_000), ("feature", 1), ("model_served", 1), ("host", 1)):
        block[column] = np.arange(len(block)) * step + 1
    assert [list(one.rows) for one in group(block)] == [[row] for row in range(len(block))]


def test_how_sure_an_answer_was_is_kept_of_the_tuned_side_alone() -> None:
    frames = [a_frame(1, confidence=0.9, served=Arm.BASELINE), a_frame(2, confidence=0.9, served=Arm.TUNED)]
    block = array_of(frames)
    groups = group(block)
    kept = {
        one.served: sums.histograms["confidence"].total
        for one, sums in zip(groups, summed(block, groups, costs(block, FLAT)), strict=True)
    }
    assert kept == {"baseline": 0, "tuned": 1}
