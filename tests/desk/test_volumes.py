"""What traffic looks like is measured where it can be, and said to be unknown where it cannot."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from bot import commands
from bot.blockkit.render import render
from bot.grammar import parse
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, prices, traffic, volumes
from engine.desk.prices import DatedPrice
from engine.errors import NotFound
from tests.builders import ASKER, SLUG, a_feature

END = datetime(2026, 11, 25, 11, tzinfo=UTC)


def log(desk: Desk, rows: list[dict[str, object]], *, slug: str = SLUG) -> None:
    whole = [
        {"id": f"{slug}-{number}", "model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 10, **row}
        for number, row in enumerate(rows)
    ]
    content = "\n".join(json.dumps(row) for row in whole).encode()
    traffic.import_calls(desk, ASKER, slug, io.BytesIO(content))


def daily(days: int, **more: object) -> list[dict[str, object]]:
    """Ten calls a day that end now."""
    return [
        {"ts": (END - timedelta(days=day, minutes=call)).isoformat(), **more}
        for day in range(days)
        for call in range(10)
    ]


def said(desk: Desk, words: str) -> str:
    commands.load()
    asked = parse(words)
    answer = REGISTRY.commands[asked.verb].handle(Words(desk=desk, actor=ASKER, asked=asked))
    assert isinstance(answer, Answer)
    return render(answer.view).said


def test_a_feature_without_calls_says_how_to_get_them(desk) -> None:
    a_feature(desk)
    text = said(desk, f"traffic {SLUG}")
    assert text.startswith("No call of ticket-router is known yet.")
    assert "assay import-traffic ticket-router FILE --format F" in text
    assert "ticket-router, gpt-4o-mini: no call known" in said(desk, "traffic")
    with pytest.raises(NotFound):
        volumes.show(desk, "nowhere")


def test_volume_cost_speed_and_errors_are_of_the_newest_thirty_days(desk) -> None:
    a_feature(desk)
    rows = daily(100, latency_ms=500, ttft_ms=100, cached_tokens=250)
    rows += [{"ts": END.isoformat(), "status": 500, "latency_ms": 2000, "input_tokens": 0, "output_tokens": 0}] * 1
    log(desk, rows)
    found = volumes.show(desk, SLUG)
    assert (found.calls, found.days, found.until) == (301, 30, "2026-11-25")
    assert found.error_share == pytest.approx(1 / 301)
    assert found.cached_share == pytest.approx(0.25)
    assert found.p50_ms == pytest.approx(500, rel=0.01)
    assert found.ttft_ms == pytest.approx(100, rel=0.01)
    assert found.prompt_tokens == pytest.approx(1000, rel=0.01)
    assert found.cost_nano == 300 * (750 * 150 + 250 * 75 + 10 * 600)
    assert [one.period for one in found.months] == ["2026-08", "2026-09", "2026-10", "2026-11"]
    assert [one.calls for one in found.months[1:3]] == [300, 310]
    assert [round(one.error_share or 0, 4) for one in found.months] == [0, 0, 0, round(1 / 251, 4)]
    assert all(one.p95_ms == pytest.approx(500, rel=0.01) for one in found.months)
    assert "2026-10: 310 calls, $0.04, 95 % up to 500 ms, failed 0 %" in said(desk, f"traffic {SLUG}")
    assert len(found.weeks) == volumes.WEEKS
    assert {calls for _, calls in found.weeks[:-1]} == {70}
    assert found.missing == ("texts",)


def test_what_is_not_known_is_named(desk, clock) -> None:
    a_feature(desk)
    log(desk, daily(20, model="nobody-knows-1"))
    clock.move(days=9)
    found = volumes.show(desk, SLUG)
    assert found.missing == ("recent", "history", "price", "latency", "texts")
    assert (found.cost_nano, found.unpriced, found.p50_ms) == (None, 200, None)
    text = said(desk, f"traffic {SLUG}")
    assert "cost an unknown sum" in text
    assert text.count("Not known: ") == 5


def test_prompts_of_a_log_are_told_apart_and_a_mixed_one_is_named(desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="quiet")
    rows = daily(20)
    for number, row in enumerate(rows):
        prompt = "Rewrite this answer in our tone: " if number < 100 and number % 2 else "Sort this ticket now: "
        row["input"] = f"{prompt}{number}a {number}b"
    log(desk, rows)
    found = volumes.show(desk, SLUG)
    assert [(one.text, one.share) for one in found.openings] == [
        ("Sort this ticket now: #a #b", 0.75),
        ("Rewrite this answer in our tone: #a #b", 0.25),
    ]
    assert found.moved == pytest.approx(0.5), "half of the newer texts begin in a way the older ones never did"
    text = said(desk, "traffic")
    assert text.index("ticket-router, gpt-4o-mini") < text.index("quiet, gpt-4o-mini"), "the dearest first"
    (one,) = volumes.proposals(volumes.every(desk))
    assert (one.inside, one.name, one.begins) == (SLUG, "rewrite-this-answer", "Rewrite this answer in our tone:")
    assert (one.calls, one.cost_nano) == (
        round(found.calls * 0.25),
        round((found.cost_nano or 0) * found.openings[1].size),
    )
    assert "/assay register, then assay import-traffic rewrite-this-answer FILE" in text


def test_the_prompt_a_feature_was_registered_for_is_never_proposed(desk) -> None:
    a_feature(desk, prompt="Rewrite this answer in our tone: {{ input }}")
    rows = daily(10)
    for number, row in enumerate(rows):
        row["input"] = f"{'Rewrite this answer in our tone:' if number % 3 == 0 else 'Sort this ticket now:'} {number}"
    log(desk, rows)
    assert [one.begins for one in volumes.proposals(volumes.every(desk))] == ["Sort this ticket now:"]


def test_failed_tries_and_embeddings_cost_and_are_no_calls(desk) -> None:
    a_feature(desk)
    log(desk, [{"ts": END.isoformat(), "role": role} for role in ("answer", "failed", "embedding", "shadow")])
    found = volumes.show(desk, SLUG)
    assert found.calls == 1
    assert found.cost_nano == 4 * (1000 * 150 + 10 * 600)


def test_the_teams_own_price_is_what_calls_cost(desk) -> None:
    a_feature(desk)
    price = DatedPrice(model="gpt-4o-mini", input_usd=1, output_usd=1, starts_on=END.date(), source="contract")
    prices.set_price(desk, ASKER, price)
    log(desk, [{"ts": END.isoformat()}])
    assert volumes.show(desk, SLUG).cost_nano == 1_010_000
