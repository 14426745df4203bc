"""Words in, ``Asked`` out: what is understood, what is refused, and with which help."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.grammar import MENU, VERBS, Asked, NotUnderstood, help_for, parse, role_of, suggest, usage, usage_hint
from bot.verbs import REGISTER_KEYS
from bot.words import clean
from engine.errors import Invalid, Refused
from engine.models.actor import Role

PIECES = st.sampled_from(
    [
        *(verb.name for verb in VERBS),
        *(f"{key.name}=" for verb in VERBS for key in verb.keys),
        *(
            '"',
            "'",
            "“",
            "”",
            "’",
            "\\",
            "=",
            " ",
            "\n",
            "\u00a0",
            "\u200b",
            "\x00",
            "&lt;",
            "&amp;",
            "&amp;lt;",
            "\ud800",
        ),
        *(
            "<@U1|ann>",
            "<#C1|general>",
            "<https://a.b/c|a.b/c>",
            ",",
            "ticket-router",
            "0.02",
            "2%",
            "$50",
            "é",
            "\u0301",
        ),
    ]
)
LINES = st.one_of(
    st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES, max_size=8).map(" ".join)
)


@given(LINES)
def test_any_words_are_understood_or_refused(words: str) -> None:
    try:
        said = parse(words).verb
    except Refused as refused:
        said = refused.message and refused.hint
    assert said


@given(LINES)
def test_what_was_asked_can_be_asked_again(words: str) -> None:
    try:
        asked = parse(words)
    except Refused:
        return
    assert parse(asked.line()) == asked


VALUES = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1, max_size=40).filter(
    lambda text: clean(text) == text and text.strip() == text and "&" not in text and "<" not in text and text
)


@given(VALUES, VALUES)
def test_any_prompt_and_rights_survive_being_typed(prompt: str, rights: str) -> None:
    asked = Asked("register", ("ticket-router",), {"prompt": prompt, "rights": rights})

    assert parse(asked.line()) == asked


def test_no_words_ask_for_the_menu() -> None:
    assert parse(" \u00a0 ") == Asked(MENU)


def test_verbs_and_keys_come_in_any_case() -> None:
    assert parse("INVESTIGATE Ticket-Router Budget=50 EFFORT=Quick") == Asked(
        "investigate", ("ticket-router",), {"budget": "50", "effort": "quick"}
    )


def test_smart_quotes_non_breaking_spaces_and_zero_width_letters_are_forgiven() -> None:
    asked = parse("register\u00a0ticket-router prompt=“Sort this\u200b ticket” owner=<@U1|ann> channel=<#C9|ai>")

    assert asked.options == {"prompt": "Sort this ticket", "owner": "U1", "channel": "C9"}


def test_slack_escapes_are_undone_once() -> None:
    assert parse('register a1 prompt="&lt;b&gt; &amp;lt; &amp; c"').text("prompt") == "<b> &lt; & c"


def test_quotes_inside_a_quoted_prompt_stay() -> None:
    asked = parse('register a1 prompt="Answer {"label": "billing"} and nothing else"')

    assert asked.text("prompt") == 'Answer {"label": "billing"} and nothing else'


def test_a_prompt_keeps_its_lines() -> None:
    assert parse('register a1 prompt="one\r\ntwo"').text("prompt") == "one\ntwo"


def test_an_apostrophe_opens_no_quote() -> None:
    assert parse("reject T1 reason=don't").text("reason") == "don't"


def test_addresses_lose_slack_marks() -> None:
    asked = parse("register a1 base_url=<https://api.openai.com/v1|api.openai.com/v1>")

    assert asked.text("base_url") == "https://api.openai.com/v1"


def test_lists_of_persons_may_hold_a_space() -> None:
    asked = parse("roles a1 approver=<@U2|bo>, <@U3|cy> owner=U1,@dan")

    assert asked.people("approver") == ("U2", "U3")
    assert asked.people("owner") == ("U1", "dan")


def test_approval_ids_keep_their_case() -> None:
    assert parse("approve 9f2KqTzv0aXh4Wc1").word() == "9f2KqTzv0aXh4Wc1"


@pytest.mark.parametrize("word", ["50", "$50", "50 USD", "50usd", "$ 50", "50.00", "usd 50"])
def test_money_is_read(word: str) -> None:
    assert parse(f'investigate a1 budget="{word}"').money("budget", 0) == 50


def test_grouped_thousands_are_read() -> None:
    assert parse("investigate a1 budget=1,000.50").money("budget", 0) == 1000.5


@pytest.mark.parametrize(
    ("word", "readings"),
    [("1.000,5", ("1000.5", "1.0005")), ("1,000", ("1000", "1")), ("1.000", ("1000", "1")), ("1,5", ("1.5", "15"))],
)
def test_a_sum_with_two_readings_is_refused_with_both(word: str, readings: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        parse(f"investigate a1 budget={word}").money("budget", 0)

    assert all(f"budget={reading}" in refused.value.hint for reading in readings)


@pytest.mark.parametrize("word", ["lots", "-5", "1e9", "1.2.3", "5,", "9" * 400, "٣"])
def test_what_is_no_money_is_refused(word: str) -> None:
    with pytest.raises(Invalid):
        parse(f"investigate a1 budget={word}").money("budget", 0)


@pytest.mark.parametrize("word", ["0.02", "2%", "2 %", ".02"])
def test_shares_are_read(word: str) -> None:
    assert parse(f'register a1 margin="{word}"').share("margin") == pytest.approx(0.02)


@pytest.mark.parametrize("word", ["2", "101%", "two", "1.000,5"])
def test_what_is_no_share_is_refused(word: str) -> None:
    with pytest.raises(Invalid):
        parse(f"register a1 margin={word}").share("margin")


def test_days_are_read() -> None:
    assert parse("register a1 live_since=2026-03-02").day("live_since") == date(2026, 3, 2)


@pytest.mark.parametrize("word", ["02/11/2026", "2026-02-30", "yesterday", "2026-3-2"])
def test_an_unreadable_day_is_refused_with_the_form(word: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(f"register a1 live_since={word}").day("live_since")

    assert "live_since=2026-11-02" in refused.value.hint


def test_a_label_list_is_read() -> None:
    assert parse('register a1 labels="billing, bug,how to"').names("labels") == ("billing", "bug", "how to")


@pytest.mark.parametrize(
    ("word", "verb"),
    [("regster", "register"), ("hlep", "help"), ("digst", "digest"), ("upload", "labels"), ("train", "investigate")],
)
def test_an_unknown_verb_names_the_nearest(word: str, verb: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse(f"{word} ticket-router")

    assert refused.value.suggestion == verb
    assert refused.value.words == f"{verb} ticket-router"
    assert verb in refused.value.hint


def test_help_on_a_mistyped_verb_offers_help_on_the_nearest() -> None:
    with pytest.raises(NotUnderstood) as refused:
        help_for("shwo")

    assert (refused.value.suggestion, refused.value.words) == ("show", "help show")


def test_a_line_put_right_says_what_was_typed_and_no_more() -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse('regster a1 prompt="a &amp;lt; b"')

    assert parse(refused.value.words).text("prompt") == "a &lt; b"


def test_a_word_near_to_nothing_gets_help() -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse("xyzzyplugh")

    assert refused.value.suggestion == "help"
    assert suggest("xyzzyplugh") == ""


def test_a_long_unknown_verb_is_cut() -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse("z" * 2_000)
    assert len(refused.value.message) < 120


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('register a1 prompt="never closed', "character 20"),
        ("register a1 aproach=classify", "approach"),
        ("register a1 margin=2% MARGIN=3%", "twice"),
        ("show", "SLUG"),
        ("register approach=classify", "SLUG"),
        ("features now", "now"),
        ("register a1 prompt=two words", "quotes"),
        ("reject T1", "reason"),
        ("show a1 x=1", "takes no key"),
    ],
)
def test_words_that_make_no_command_are_not_understood(words: str, says: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse(words)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("investigate a1 effort=quik", "quick"),
        ("register a1 approach=clasify", "classify"),
        ("rollout a1 nxt", "next"),
        ("register a1 model=", "empty"),
        ("roles a1 owner=,", "names nothing"),
        ("x" * 3_001, "3,000"),
    ],
)
def test_values_that_cannot_be_are_refused_as_invalid(words: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(words)
    assert not isinstance(refused.value, NotUnderstood)
    assert says in str(refused.value)


def test_looking_needs_no_role_and_acting_does() -> None:
    assert role_of(parse("")) is Role.GUEST
    assert role_of(parse("rollout a1")) is Role.GUEST
    assert role_of(parse("rollout a1 next")) is Role.OWNER
    assert role_of(parse("rollout a1 rollback")) is Role.APPROVER
    assert role_of(parse("roles a1")) is Role.GUEST
    assert role_of(parse("roles a1 owner=U1")) is Role.ADMIN
    assert role_of(parse("register")) is Role.MEMBER


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_a_summary_a_usage_and_examples_that_parse(verb: object) -> None:
    row = help_for(str(getattr(verb, "name", "")))
    assert row.summary.endswith(".")
    assert usage(row).startswith(row.name)
    for example in row.examples:
        assert parse(example).verb == row.name


def test_register_knows_the_keys_of_the_contract() -> None:
    contract = (
        "approach, model, prompt, base_url, live_since, owner, channel, margin, quality_bar, labels, schema, rights"
    )

    assert ", ".join(key.name for key in REGISTER_KEYS) == contract


def test_the_hint_names_every_verb() -> None:
    assert all(verb.name in usage_hint() for verb in VERBS)
    assert len(usage_hint()) < 1_000
