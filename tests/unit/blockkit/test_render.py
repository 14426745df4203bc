"""Text stays text, live things come from helpers alone, and what is too long fits in the end."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from bot.blockkit import degrade, figures, parts
from bot.blockkit import escape as live
from bot.blockkit.render import Message, render, twin
from bot.blockkit.validate import validate
from bot.messages.notice import Refusal

ENDING = {"type": "context", "elements": [{"type": "mrkdwn", "text": "The rest is left out."}]}


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize("person", ["U1", "W0ABC123"])
def test_a_slack_id_becomes_a_mention(person: str) -> None:
    assert str(live.user(person)) == f"<@{person}>"


@pytest.mark.parametrize("person", ["ann", "U1> <!channel", "", "u1", "U1|x", "!channel"])
def test_nothing_else_becomes_a_mention(person: str) -> None:
    assert "<" not in str(live.user(person))


def test_a_moment_is_shown_in_the_readers_zone_with_utc_beside() -> None:
    moment = datetime(2026, 11, 3, 14, 2, tzinfo=UTC)

    assert str(live.date(moment)) == "<!date^1793714520^{date_short_pretty} at {time}|2026-11-03 14:02 UTC>"


def test_only_http_addresses_become_links() -> None:
    assert str(live.link("https://a.example/x?y=1&z=2", "a|b")) == "<https://a.example/x?y=1&amp;z=2|a/b>"
    assert "<" not in str(live.link("javascript:alert(1)", "x"))
    assert "<" not in str(live.link("https://a.example/> <!channel", "x"))


@given(st.text())
def test_plain_gives_back_what_was_typed(text: str) -> None:
    assert live.plain(escape(text)) == text


@given(st.text(), st.integers(min_value=2, max_value=40))
def test_a_cut_never_halves_an_entity(text: str, most: int) -> None:
    short = live.cut_escaped(live.mrkdwn(escape(text)), most)

    assert len(short) <= most
    assert live.mrkdwn(escape(live.plain(Markup(short)))) == short


def test_a_code_span_cannot_be_left() -> None:
    assert str(live.code("a`b\nc")) == "`a&#39;b c`"


def test_a_long_section_is_split_at_line_breaks() -> None:
    lines = "\n".join(f"line {number} " + "x" * 90 for number in range(60))
    blocks = degrade.fit([section(lines)], ENDING)

    assert len(blocks) > 1
    assert "\n".join(block["text"]["text"] for block in blocks) == lines
    assert validate(blocks, "message") == []


def test_too_many_blocks_end_with_a_word_about_it_and_keep_the_buttons() -> None:
    press = {"type": "actions", "elements": [parts.button("Go", "verb.run", "help")]}
    blocks = degrade.fit([*(section(f"part {number}") for number in range(80)), press], ENDING)

    assert len(blocks) == 50
    assert blocks[-2:] == [ENDING, press]
    assert validate(blocks, "message") == []


def test_too_many_letters_end_with_a_word_about_it() -> None:
    blocks = degrade.fit([section("x" * 2_900) for _ in range(9)], ENDING)

    assert blocks[-1] == ENDING
    assert validate(blocks, "message") == []


def test_what_fits_is_left_as_it_is() -> None:
    blocks = [section("one"), section("two")]

    assert degrade.fit(blocks, ENDING) == blocks


def test_without_data_blocks_the_rest_stays() -> None:
    chart = {"type": "data_visualization", "title": "x"}

    assert degrade.plainer([section("one"), chart]) == [section("one")]


def test_a_twin_is_cut_at_a_line() -> None:
    view = Refusal("First.", "x" * 5_000)

    assert twin(view).startswith("First.\nxxx")
    assert twin(view).endswith("…\nThis is more than one message can hold; the rest is left out here.")
    assert len(twin(view)) <= 3_000


def test_a_terminal_reads_the_twin_without_escapes() -> None:
    assert Message([], "a &lt; b &amp; c").said == "a < b & c"


def test_a_template_that_says_nothing_for_an_unknown_value_says_unknown() -> None:
    assert figures.percent(None) == figures.usd(None) == figures.ms(None) == figures.count(None) == "unknown"


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0, "$0"),
        (812, "$810"),
        (1234.5, "$1,200"),
        (12.3, "$12"),
        (1.25, "$1.20"),
        (0.00031, "$0.00031"),
        (-620, "-$620"),
        (99.6, "$100"),
    ],
)
def test_money_has_two_figures(amount: float, told: str) -> None:
    assert figures.usd(amount) == told


def test_other_figures_have_a_unit_and_a_direction() -> None:
    assert figures.points(0.031) == "+3.1 points"
    assert figures.points(-0.0301) == "-3 points"
    assert figures.percent(0.9123) == "91.2 %"
    assert figures.ms(1430) == "1.4 s"
    assert figures.ms(4.14) == "4.1 ms"
    assert figures.ms(0.00006) == "under 0.1 ms"
    assert figures.lasting(200) == "3 min"
    assert figures.loss(0.01) == "1 point"
    assert figures.several(1, "row", "rows") == "1 row"
    assert figures.exactly(1000.5) == "$1,000.50"
    assert [figures.bill(spent) for spent in (1000.5, 0.00036123, 0, None)] == [
        "$1,000.50",
        "$0.00036",
        "$0",
        "unknown",
    ]
    assert [figures.rate(price) for price in (2.5, 0.075, 10, 0.00015, None)] == [
        "$2.50", "$0.075", "$10", "$0.00015", "unknown",
    ]  # fmt: skip


def test_categories_that_look_alike_when_cut_stay_apart() -> None:
    names = [f"a-very-long-feature-name-{number}" for number in range(3)]
    chart = parts.bars("Cost", names, (("spent", (1.0, 2.0, 3.0)),), "USD")

    assert validate([json.loads(chart)], "message") == []


def test_a_refusal_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        render(Refusal("No.", "Try again."))

    assert caplog.records == []


def test_a_person_in_a_cell_is_named_by_slack_and_what_somebody_wrote_beside_it_is_not() -> None:
    told = live.user("U0BO") + " wrote " + escape("<@U1> & <!channel>")
    head, body = json.loads(parts.table(("Who", "Did"), [(told, "vote")]))["rows"]
    assert [cell["type"] for cell in (*head, *body)] == ["raw_text", "raw_text", "rich_text", "raw_text"]
    (section,) = body[0]["elements"]
    assert section["elements"] == [
        {"type": "user", "user_id": "U0BO"},
        {"type": "text", "text": " wrote <@U1> & <!channel>"},
    ]
