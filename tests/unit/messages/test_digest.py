"""The month: a total first, then one line a feature, worst first."""

from __future__ import annotations

from bot.blockkit.render import render
from bot.messages import digest, examples
from tests.unit.messages.reading import kinds


def test_the_worst_comes_first() -> None:
    advice = ["KEEP", "RETIRE", "WATCH", "RETRAIN"]
    lines = tuple(examples.look(slug=f"f-{word.lower()}", advice=word) for word in advice)
    found = digest.month(examples.digest(lines=lines))

    assert [line.advice for line in found.lines] == ["RETIRE", "RETRAIN", "WATCH", "KEEP"]


def test_twelve_features_are_told_and_the_rest_counted() -> None:
    lines = tuple(examples.look(slug=f"feature-{number}") for number in range(21))
    text = render(digest.month(examples.digest(lines=lines))).said

    assert text.startswith("Assay, 2026-10: 21 features, 21 on a tuned model.")
    assert "and 9 more: /assay features" in text
    assert text.count("\n") == 14


def test_a_feature_without_a_verdict_stays_with_prompting() -> None:
    line = examples.look(
        outcome="", advice=None, quality=None, stage="", verdict_days=None, spend_nano=None, calls=None
    )
    text = render(digest.month(examples.digest(lines=(line,)))).said

    assert "ticket-router: stay with prompting; no verdict yet, spend unknown, quality not measured" in text


def test_unknown_sums_are_unknown() -> None:
    line = examples.look(calls=None, spend_nano=None, stage="", advice=None)
    found = digest.month(examples.digest(lines=(line,)))

    assert "No traffic is known yet." in render(found).said
    assert "data_visualization" not in kinds(render(found).blocks)


def test_traffic_without_prices_has_an_unknown_spend() -> None:
    line = examples.look(calls=1200, spend_nano=None, unpriced=1200)

    assert (
        "1,200 calls, spend unknown (1,200 calls have no price)."
        in render(digest.month(examples.digest(lines=(line,)))).said
    )


def test_calls_without_a_price_are_counted() -> None:
    assert (
        "(120 calls have no price)" in render(digest.month(examples.digest(lines=(examples.look(unpriced=120),)))).said
    )


def test_a_quiet_month_says_that_nothing_is_to_be_decided() -> None:
    assert "Nothing is to be decided" in render(digest.month(examples.digest(lines=(examples.look(),)))).said


def test_a_month_still_running_says_so() -> None:
    assert "2026-10 (so far)" in render(digest.month(examples.digest(posted=False))).said


def test_a_team_without_features_is_told_how_to_begin() -> None:
    found = render(digest.month(examples.digest(lines=())))

    assert "/assay register" in found.said
    assert found.blocks
