"""A month's bill: each call at the price of its day, to the cent; what nobody knows is said, and never zero."""

from __future__ import annotations

import io
import json
from datetime import date

import pytest

from bot import commands
from bot.blockkit.render import render
from bot.grammar import parse
from bot.messages import bill
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, bills, prices, traffic
from engine.desk.prices import DatedPrice
from engine.errors import Invalid, NotFound
from tests.builders import ASKER, SLUG, a_feature

MODEL = "acme-frontier-1"


def price(desk: Desk, day: date, fed: float, said: float, *, model: str = MODEL) -> None:
    prices.set_price(
        desk, ASKER, DatedPrice(model=model, input_usd=fed, output_usd=said, starts_on=day, source="contract")
    )


def log(desk: Desk, *rows: dict[str, object], slug: str = SLUG) -> traffic.Imported:
    whole = [
        {"id": f"{slug}-{number}", "model": MODEL, "input_tokens": 1_000_000, "output_tokens": 100_000, **row}
        for number, row in enumerate(rows)
    ]
    content = "\n".join(json.dumps(row) for row in whole).encode()
    return traffic.import_calls(desk, ASKER, slug, io.BytesIO(content))


def said(desk: Desk, words: str) -> str:
    commands.load()
    asked = parse(words)
    answer = REGISTRY.commands[asked.verb].handle(Words(desk=desk, actor=ASKER, asked=asked))
    assert isinstance(answer, Answer)
    return render(answer.view).said


def test_a_price_change_in_the_middle_of_a_month_splits_the_bill_to_the_cent(desk) -> None:
    a_feature(desk)
    price(desk, date(2026, 9, 1), 2.5, 10)
    price(desk, date(2026, 10, 15), 1.25, 5)
    log(
        desk,
        {"ts": "2026-10-01T00:00:00Z"},
        {"ts": "2026-10-14T23:59:59.999Z"},
        {"ts": "2026-10-15T00:00:00Z"},
        {"ts": "2026-10-31T23:30:00-00:30"},
    )
    found = bills.month(desk, SLUG, "2026-10")
    assert [(line.first, line.last, line.calls, line.cost_nano) for line in found.lines] == [
        ("2026-10-01", "2026-10-14", 2, 7_000_000_000),
        ("2026-10-15", "2026-10-31", 1, 1_750_000_000),
    ]
    assert [(line.input_nano, line.output_nano) for line in found.lines] == [
        (2_500_000_000, 10_000_000_000),
        (1_250_000_000, 5_000_000_000),
    ]
    assert found.cost_nano == 8_750_000_000
    assert "ticket-router cost $8.75 in 2026-10." in render(bill.month(found)).said
    november = bills.month(desk, SLUG, "2026-11")
    assert november.cost_nano == 1_750_000_000, "half an hour to midnight in the west is November"
    assert sum(prompted for _, prompted, _ in found.weeks) == found.cost_nano


def test_calls_without_a_price_are_unknown_and_never_zero(desk) -> None:
    a_feature(desk)
    price(desk, date(2026, 9, 1), 2, 10)
    log(desk, {"ts": "2026-10-01T00:00:00Z"}, {"ts": "2026-10-02T00:00:00Z", "model": "nobody-knows-1"})
    text = said(desk, f"cost {SLUG} month=2026-10")
    assert "cost at least $3 in 2026-10" in text
    assert "1 call has no price and is in no sum: nobody-knows-1" in text
    assert "nobody-knows-1: 1 call, cost unknown" in text


@pytest.mark.parametrize(("billed", "told"), [(3.05, False), (3.10, True), (2.90, True), (0, False)])
def test_what_the_source_billed_is_told_when_it_differs_by_over_two_percent(desk, billed, told) -> None:
    a_feature(desk)
    price(desk, date(2026, 9, 1), 2, 10)
    log(desk, {"ts": "2026-10-01T00:00:00Z", "billed_usd": billed}, {"ts": "2026-10-02T00:00:00Z"})
    found = bills.month(desk, SLUG, "2026-10")
    assert (found.billed_nano is not None) is told
    assert found.cost_nano == 6_000_000_000, "ours is what counts"
    assert ("The sources billed" in render(bill.month(found)).said) is told


def test_all_features_are_one_bill_with_a_line_for_each_component(desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="refund-reason")
    price(desk, date(2026, 9, 1), 2, 10)
    log(desk, {"ts": "2026-10-01T00:00:00Z"}, {"ts": "2026-10-01T01:00:00Z", "assigned": "tuned"})
    log(desk, {"ts": "2026-10-01T00:00:00Z", "role": "failed"}, slug="refund-reason")
    found = bills.month(desk, period="2026-10")
    assert [(line.slug, line.component) for line in found.lines] == [
        ("refund-reason", "prompted, failed tries"),
        (SLUG, "prompted"),
        (SLUG, "tuned"),
    ]
    assert found.cost_nano == 9_000_000_000
    view = bill.month(found)
    assert (view.categories, view.prompted, view.tuned) == ((SLUG, "refund-reason"), (3.0, 3.0), (3.0, 0.0))


def test_without_a_month_the_newest_with_calls_is_told_and_the_running_one_as_such(desk) -> None:
    a_feature(desk)
    assert "No call of 2026-11 is known of ticket-router, so what it cost is unknown." in said(desk, f"cost {SLUG}")
    log(desk, {"ts": "2026-09-01T00:00:00Z"})
    assert bills.month(desk, SLUG).period == "2026-09"
    log(desk, {"ts": "2026-11-20T00:00:00Z", "id": "later"})
    found = bills.month(desk)
    assert (found.period, found.is_running, found.until) == ("2026-11", True, "2026-11-20")
    assert "so far (calls to 2026-11-20)" in said(desk, "cost")


def test_a_month_that_is_none_and_a_feature_that_is_none_are_refused(desk) -> None:
    with pytest.raises(Invalid) as told:
        bills.month(desk, period="october")
    assert "month=2026-10" in told.value.hint
    with pytest.raises(NotFound):
        bills.month(desk, "nowhere")


def test_an_old_price_list_is_flagged(desk, clock) -> None:
    a_feature(desk)
    assert not bills.month(desk).list_is_old
    clock.move(days=400)
    found = bills.month(desk)
    assert found.list_is_old
    assert f"knows no price newer than {found.list_day}" in render(bill.month(found)).said
