"""The newest row that has begun wins; a row of the same day is a correction."""

from __future__ import annotations

from datetime import UTC, date, datetime

from engine.models.money import Price
from engine.store import prices
from engine.teachers.prices import PACKAGE, cost_nano, price_of, snapshot_id, tiers_of

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def a_price(model: str, starts_on: date, fed: int = 1, **more) -> Price:
    return Price(
        **{
            "model": model,
            "starts_on": starts_on,
            "input_nano": fed,
            "output_nano": 5,
            "source": "invoice",
            "by": "U1",
            "created_at": NOW,
            **more,
        }
    )


def test_the_newest_row_that_has_begun_is_in_force(database) -> None:
    with database.write() as tx:
        for day, fed in ((1, 10), (15, 20), (28, 30)):
            prices.add(tx, a_price("m", date(2026, 11, day), fed))
        prices.add(tx, a_price("other", date(2026, 1, 1), 99))
        found = [prices.of(tx, "m", date(2026, 11, day)) for day in (1, 14, 15, 30)]
        assert prices.of(tx, "m", date(2026, 10, 31)) is None
        assert len(prices.every(tx, date(2026, 11, 20))) == 3
    assert [row and row.input_nano for row in found] == [10, 10, 20, 30]


def test_a_row_of_the_same_day_corrects_the_first(database) -> None:
    with database.write() as tx:
        prices.add(tx, a_price("m", date(2026, 11, 1), 10))
        prices.add(tx, a_price("m", date(2026, 11, 1), 11, source="call with sales"))
        assert [(row.input_nano, row.source) for row in prices.every(tx)] == [(11, "call with sales")]


def test_the_teams_price_wins_over_the_bundled_one_from_its_day(database) -> None:
    with database.write() as tx:
        listed = price_of(tx, "gpt-4o-mini", date(2026, 10, 1))
        prices.add(tx, a_price("gpt-4o-mini", date(2026, 11, 1), 7, cached_nano=3))
        assert price_of(tx, "gpt-4o-mini", date(2026, 10, 1)) == listed
        ours = price_of(tx, "gpt-4o-mini", date(2026, 11, 1))
    assert listed is not None
    # OpenAI's list price since July 2024: $0.15 in, $0.075 cached, $0.60 out per million tokens.
    assert (listed.input, listed.cached_input, listed.output) == (150_000_000, 75_000_000, 600_000_000)
    assert ours is not None
    assert (ours.input, ours.cached_input, ours.output) == (7, 3, 5)
    assert cost_nano(listed, 1_000_000, 400_000, 1_000) == 90_000_000 + 30_000_000 + 600_000


def test_a_list_with_tiers_and_a_price_of_cache_writes_is_read_whole(database) -> None:
    """Anthropic's list of 2026: $3.75 a million tokens written to the cache, twice the price above 200,000 tokens."""
    with database.read() as tx:
        (first, usual), (start, dear) = tiers_of(tx, "claude-sonnet-4-5", date(2026, 10, 1))
    assert (first, start) == (0, 200_000)
    assert (usual.input, usual.cache_write, usual.output) == (3_000_000_000, 3_750_000_000, 15_000_000_000)
    assert (dear.input, dear.cache_write) == (6_000_000_000, 7_500_000_000)


def test_a_simulated_model_has_the_teams_price_or_none(database) -> None:
    with database.write() as tx:
        assert price_of(tx, "simulated-gpt-4o-mini", date(2026, 11, 1)) is None
        assert price_of(tx, "nobody-knows-1", date(2026, 11, 1)) is None
        prices.add(tx, a_price("simulated-gpt-4o-mini", date(2026, 11, 1)))
        assert price_of(tx, "simulated-gpt-4o-mini", date(2026, 11, 1)) is not None


def test_a_snapshot_changes_with_the_rows_in_force_and_names_its_day(database) -> None:
    day = date(2026, 11, 25)
    with database.write() as tx:
        empty = snapshot_id(tx, day)
        prices.add(tx, a_price("m", date(2026, 12, 1)))
        assert snapshot_id(tx, day) == empty
        prices.add(tx, a_price("m", date(2026, 11, 1)))
        assert snapshot_id(tx, day) != empty
    assert empty.startswith(f"{PACKAGE}-")
    assert "2026-11-25" in empty


def test_embeddings_have_a_price_though_none_of_output(database) -> None:
    with database.read() as tx:
        found = price_of(tx, "text-embedding-3-small", date(2026, 10, 1))
    assert found is not None
    assert (found.input, found.output) == (20_000_000, 0)  # OpenAI's list: $0.02 per million tokens
