"""OpenAI's usage API has sums only: they make cost and volume, never p95 or texts, and never stand beside calls."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.blockkit.render import render
from bot.messages.traffic import shown
from engine.desk import bills, price_book, traffic, volumes
from engine.desk.traffic import Asked
from engine.errors import Conflict
from engine.importers.calls import Where, best_fit, importer_of
from engine.models.call import BadRow, UsageBucket
from engine.models.money import NANO
from engine.store import evidence, features, usage
from tests.builders import ASKER, SLUG, a_feature
from tests.contract.test_traffic_fixtures import FIXTURES, UNTIL

USAGE = (FIXTURES / "openai_usage.json").read_bytes()
COSTS = (FIXTURES / "openai_costs.json").read_bytes()
CALLS = (FIXTURES / "openai.jsonl").read_bytes()
DAY = datetime(2026, 10, 3, tzinfo=UTC)
MINI = 600_000 * 150 + 300_000 * 75 + 20_000 * 600 + 100_000 * 150 + 5_000 * 600  # of the first day, in nano-dollars
BATCHED = 500_000 * 150 + 10_000 * 600  # the bundled list knows no other price of batches of this model


def count(desk, content: bytes, **more) -> traffic.Imported:
    return traffic.import_calls(desk, ASKER, SLUG, io.BytesIO(content), asked=Asked(format_name="openai", **more))


def read(content: bytes) -> list[object]:
    return list(importer_of("openai")(io.BytesIO(content), until=UNTIL))


def month(desk) -> usage.Month | None:
    with desk.services.database.read() as tx:
        return usage.month(tx, features.by_slug(tx, SLUG).id or 0, "2026-10")


def a_bucket(start: datetime = DAY, *, hours: int = 24, **results) -> dict:
    told = {"object": "organization.usage.completions.result", "input_tokens": 1_000, "output_tokens": 10,
            "num_model_requests": 5, "project_id": "proj_a", "model": "gpt-4o-mini"} | results  # fmt: skip
    end = start + timedelta(hours=hours)
    return {"object": "bucket", "start_time": int(start.timestamp()), "end_time": int(end.timestamp()),
            "results": [told]}  # fmt: skip


def a_page(*buckets: dict) -> bytes:
    return json.dumps({"object": "page", "data": buckets, "has_more": False}).encode()


def test_a_page_is_known_by_its_buckets_and_a_bad_bucket_sinks_no_page() -> None:
    assert best_fit(io.BytesIO(USAGE)) == best_fit(io.BytesIO(COSTS)) == "openai"
    first, second, empty, bad = read(USAGE)
    assert isinstance(first, UsageBucket)
    assert isinstance(second, UsageBucket)
    assert [(one.project, one.model, one.calls, one.input_tokens) for one in first.sums] == [
        ("proj_a", "gpt-4o-mini-2024-07-18", 1_200, 1_000_000), ("proj_b", "nobody-knows-1", 10, 1_000),
    ]  # fmt: skip
    assert second.sums[0].is_batch
    assert not isinstance(empty, BadRow), "a day without use is no fault"
    assert isinstance(bad, BadRow)
    assert bad.sentence() == "row 4: input_cached_tokens is 11 and input_tokens is 10"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (a_bucket(hours=48), "the bucket is not of one UTC day: ask for bucket_width=1d, 1h or 1m"),
        (a_bucket(UNTIL - timedelta(hours=12), hours=12) | {"end_time": int(UNTIL.timestamp()) + 1},
         "the bucket is not of one UTC day: ask for bucket_width=1d, 1h or 1m"),
        (a_bucket(UNTIL - timedelta(hours=1), hours=1) | {"results": [{"object": "organization.costs.result"}]},
         "amount.value is missing"),
        (a_bucket(num_model_requests=None), "num_model_requests is missing"),
    ],
)  # fmt: skip
def test_a_bucket_that_cannot_be_is_refused_in_words(row, said) -> None:
    (found,) = read(a_page(row))
    assert isinstance(found, BadRow)
    assert found.reason == said


def test_a_day_that_is_not_over_waits_for_its_end() -> None:
    content = a_page(a_bucket())
    (found,) = importer_of("openai")(io.BytesIO(content), until=DAY + timedelta(hours=23))
    assert isinstance(found, BadRow)
    assert found.reason == "the bucket of 2026-10-03 is not over yet: import it when it is"


def test_volume_and_cost_by_month_are_known_and_the_rest_is_said_to_be_unknown(desk) -> None:
    a_feature(desk)
    done = count(desk, USAGE)
    assert (done.added, done.known, done.skipped, done.bad_count) == (2, 0, 1, 1)
    assert (done.buckets, done.summed) == (2, 1_810)
    seen = volumes.show(desk, SLUG)
    assert (seen.calls, seen.cost_nano, seen.unpriced) == (1_810, MINI + BATCHED, 10)
    assert (seen.p50_ms, seen.p95_ms, seen.error_share, seen.texts) == (None, None, None, 0)
    assert [(row.period, row.calls, row.cost_nano) for row in seen.months] == [("2026-10", 1_810, MINI + BATCHED)]
    assert seen.missing[0] == "sums"
    assert not {"latency", "texts"} & set(seen.missing)
    assert seen.prompt_tokens == pytest.approx(1_501_000 / 1_810)
    said = render(shown(seen)).said
    assert "Sums only: no p50 or p95, no share of failures, no examples. A call has 830 tokens in" in said
    assert "Not known: p50, p95, failures and examples of the days that OpenAI's usage API tells" in said
    bill = bills.month(desk, SLUG, "2026-10")
    assert bill.cost_nano == MINI + BATCHED
    assert {line.model for line in bill.lines} == {"gpt-4o-mini-2024-07-18", "nobody-knows-1"}


def test_pages_count_once_read_twice_in_any_order_and_in_any_pieces(desk) -> None:
    a_feature(desk)
    count(desk, USAGE)
    count(desk, COSTS)
    before = month(desk)
    assert before is not None
    assert count(desk, USAGE).added == count(desk, COSTS).added == 0
    buckets = json.loads(USAGE)["data"]
    assert count(desk, a_page(*reversed(buckets))).known == 2
    assert count(desk, b"\n".join(a_page(one) for one in buckets)).known == 2
    assert month(desk) == before


def test_what_was_billed_stands_beside_tokens_and_is_the_cost_where_they_have_no_price(desk) -> None:
    a_feature(desk)
    for content in (COSTS, USAGE):
        count(desk, content)
    seen = month(desk)
    assert seen is not None
    assert seen.cost_nano == MINI + BATCHED + round(0.03 * NANO) + round(0.5 * NANO)
    assert (seen.calls, seen.unpriced) == (1_810, 0)
    bill = bills.month(desk, SLUG, "2026-10")
    assert (bill.billed_nano, bill.compared_nano) == (round(0.71 * NANO), MINI + round(0.53 * NANO))
    assert price_book.recompute(desk, ASKER, "2026-10").changed == 0


def test_costs_alone_are_a_bill(desk) -> None:
    a_feature(desk)
    result = {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"}, "line_item": None}
    count(desk, a_page({**a_bucket(), "results": [result]}))
    said = render(shown(volumes.show(desk, SLUG))).said
    assert "ticket-router had 0 calls" in said
    assert "Only the bill is known, and no calls." in said
    assert "Models:" not in said
    result["line_item"] = "gpt-4o-mini, input"
    count(desk, a_page({**a_bucket(DAY - timedelta(days=1)), "results": [result]}))
    assert price_book.recompute(desk, ASKER, "2026-10").changed == 0, "a bill without tokens is not priced by them"
    assert volumes.show(desk, SLUG).cost_nano == bills.month(desk, SLUG).cost_nano == round(0.12 * NANO)


def test_a_bucket_that_says_more_takes_the_place_of_one_that_says_less_in_either_order(desk) -> None:
    a_feature(desk)
    early, late = a_page(a_bucket(num_model_requests=5)), a_page(a_bucket(num_model_requests=8))
    for content in (early, late, early):
        count(desk, content)
    seen = month(desk)
    assert seen is not None
    assert seen.calls == 8


def test_a_day_holds_its_hours_and_hours_that_are_all_of_it_may_stand_for_it(desk) -> None:
    a_feature(desk)
    hours = [a_bucket(DAY + timedelta(hours=hour), hours=1, num_model_requests=1) for hour in range(24)]
    count(desk, a_page(*hours[:12]))
    count(desk, a_page(a_bucket(num_model_requests=24)))
    assert count(desk, a_page(*hours)).known == 24
    seen = month(desk)
    assert seen is not None
    assert seen.calls == 24
    with pytest.raises(Conflict, match="overlaps another"):
        count(desk, a_page(a_bucket(DAY + timedelta(days=1), hours=12), a_bucket(DAY + timedelta(hours=30), hours=12)))


def test_sums_and_calls_of_the_same_days_are_refused_in_words_whichever_came_first(desk) -> None:
    a_feature(desk)
    count(desk, CALLS)
    before = month(desk)
    with pytest.raises(Conflict, match="Calls of 2026-10-03 are counted already, from openai") as told:
        count(desk, a_page(a_bucket()))
    assert "a feature of its own" in told.value.hint
    assert month(desk) == before
    count(desk, a_page(a_bucket(DAY + timedelta(days=20))))
    row = json.loads(CALLS.splitlines()[0])
    row["response"] |= {"id": "later", "created": int((DAY + timedelta(days=20, hours=5)).timestamp())}
    with pytest.raises(Conflict, match="known as a sum of OpenAI's usage API"):
        count(desk, json.dumps(row).encode())


def test_one_project_is_taken_out_of_a_page_and_groupings_that_hold_each_other_are_refused(desk) -> None:
    a_feature(desk)
    assert count(desk, USAGE, where=Where("project_id", "proj_b")).summed == 10
    count(desk, USAGE, where=Where("project_id", "proj_a"))
    seen = month(desk)
    assert seen is not None
    assert seen.calls == 1_810
    with pytest.raises(Conflict, match="by project in one file and of all projects in another"):
        count(desk, a_page(a_bucket(project_id=None)))
    costs = {"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"}}
    with pytest.raises(Conflict, match="by model in one page and of all models in the other"):
        count(desk, a_page({**a_bucket(), "results": [costs]}))


def test_sums_are_no_evidence_of_how_often_the_prompted_model_fails(desk) -> None:
    a_feature(desk)
    count(desk, USAGE)
    with desk.services.database.read() as tx:
        feature_id = features.by_slug(tx, SLUG).id or 0
        assert evidence.baseline_of(tx, feature_id, DAY).p95_ms is None
        assert usage.sides_since(tx, feature_id, DAY) is None


def test_a_dry_run_keeps_no_sum(desk) -> None:
    a_feature(desk)
    assert count(desk, USAGE, dry=True).added == 2
    assert month(desk) is None
    assert date(2026, 10, 3).isoformat() not in volumes.show(desk, SLUG).since
