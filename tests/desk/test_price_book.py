"""Every model's price with its dates and source; a month priced again; tiers by each call's own size."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date

import pytest

from engine.desk import Desk, bills, price_book, prices, traffic
from engine.desk.prices import DatedPrice
from engine.errors import Invalid
from tests.builders import ASKER, SLUG, a_feature
from tests.listing import listing


def price(desk: Desk, day: date, fed: float, said: float, *, model: str = "acme-1") -> None:
    prices.set_price(
        desk, ASKER, DatedPrice(model=model, input_usd=fed, output_usd=said, starts_on=day, source="contract")
    )


def log(desk: Desk, *rows: dict[str, object], format_name: str = "assay") -> None:
    whole = [
        {
            "id": f"c{number}",
            "ts": "2026-10-03T10:00:00Z",
            "model": "acme-1",
            "input_tokens": 1000,
            "output_tokens": 100,
            **row,
        }
        for number, row in enumerate(rows)
    ]
    content = "\n".join(json.dumps(row) for row in whole).encode()
    traffic.import_calls(desk, ASKER, SLUG, io.BytesIO(content), format_name=format_name)


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An endpoint whose list of models announces a shutdown."""
    with listing({"gpt-4o-mini": "2027-03-31", "other": None}) as url:
        yield url


def test_every_model_in_use_is_listed_with_dates_source_and_what_comes(desk: Desk) -> None:
    a_feature(desk)
    price(desk, date(2026, 10, 1), 2.5, 10)
    price(desk, date(2026, 12, 24), 1.25, 5)
    log(desk, {}, {"model": "nobody-knows-1"})
    found = {one.model: one for one in price_book.book(desk).models}
    assert set(found) == {"acme-1", "gpt-4o-mini", "nobody-knows-1"}
    acme = found["acme-1"]
    assert (acme.now.since, acme.now.input_nano, acme.now.source, acme.now.by) == (
        "2026-10-01", 2_500_000_000, "contract", ASKER.id,
    )  # fmt: skip
    assert [(one.since, one.input_nano) for one in acme.later] == [("2026-12-24", 1_250_000_000)]
    assert found["gpt-4o-mini"].features == (SLUG,)
    assert found["gpt-4o-mini"].now.source.startswith("genai-prices ")
    assert found["nobody-knows-1"].now.input_nano is None


def test_announced_shutdowns_are_asked_for_and_a_silent_endpoint_is_named(desk: Desk, endpoint: str) -> None:
    a_feature(desk, base_url=endpoint)
    a_feature(desk, slug="deaf", base_url="http://127.0.0.1:9/v1")
    found = price_book.book(desk, ask=True)
    assert found.silent == ("http://127.0.0.1:9/v1",)
    assert [one.shutdown for one in found.models if one.model == "gpt-4o-mini"] == ["2027-03-31"]
    assert price_book.book(desk).silent == ()


def test_a_month_is_priced_again_from_its_tokens_and_twice_is_once(desk: Desk) -> None:
    a_feature(desk)
    log(desk, {}, {"cache_hit": True}, {"model": "gpt-4o-mini"})
    assert bills.month(desk, SLUG, "2026-10").unpriced == 1
    assert price_book.recompute(desk, ASKER, "2026-10").changed == 0
    price(desk, date(2026, 10, 1), 2.5, 10)
    done = price_book.recompute(desk, ASKER, "2026-10")
    assert (done.calls, done.changed, done.unpriced) == (3, 2, 0)
    assert done.after_nano - done.before_nano == 2_500_000 + 1_000_000, "the hit bought nothing"
    again = price_book.recompute(desk, ASKER, "2026-10")
    assert (again.changed, again.after_nano) == (0, done.after_nano)
    with pytest.raises(Invalid):
        price_book.recompute(desk, ASKER, "October")


def test_a_tier_is_reached_by_a_calls_own_input_and_never_by_the_month(desk: Desk) -> None:
    a_feature(desk)
    # Google's list: gemini-2.5-pro costs $1.25 in and $10 out per million to 200,000 input tokens, $2.50 and $15 above.
    short = {"model": "gemini-2.5-pro", "input_tokens": 150_000, "output_tokens": 1000}
    log(desk, {**short}, {**short}, {**short, "input_tokens": 250_000})
    found = bills.month(desk, SLUG, "2026-10")
    assert found.cost_nano == 2 * (150_000 * 1250 + 1000 * 10_000) + 250_000 * 2500 + 1000 * 15_000
    done = price_book.recompute(desk, ASKER, "2026-10")
    assert (done.changed, done.left, done.after_nano) == (0, 3, found.cost_nano)


def test_a_batch_costs_what_the_list_says_of_batches_again_too(desk: Desk) -> None:
    a_feature(desk)
    response = {
        "status_code": 200,
        "body": {
            "id": "chatcmpl-9",
            "created": "2026-10-20T10:00:00Z",
            "model": "gpt-4o-mini",
            "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0},
        },
    }
    row = {"id": "batch_req_1", "custom_id": "t-1", "response": response, "error": None}
    traffic.import_calls(desk, ASKER, SLUG, io.BytesIO(json.dumps(row).encode()), format_name="openai")
    assert bills.month(desk, SLUG, "2026-10").cost_nano == 75_000_000, (
        "half of $0.15 a million, listed since 2026-10-14"
    )
    assert price_book.recompute(desk, ASKER, "2026-10").changed == 0
