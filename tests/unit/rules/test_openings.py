"""Prompts are found by how texts begin; a text of its own is no prompt; a mix that moves is measured."""

from __future__ import annotations

import pytest

from engine.rules.openings import Text, begins, moved, openings, plain

SORT = "Sort this ticket into one of: billing, bug. Ticket: "
TONE = "system: You are a careful editor.\n\nuser: "


def texts(prompt: str, count: int, *, start: int = 0) -> list[Text]:
    words = ("refund", "crash", "login", "invoice", "slow", "angry", "late")
    return [
        Text(f"2026-10-{1 + (start + number) % 20:02d}", f"{prompt}{words[number % 7]} {words[number % 5]} {number}")
        for number in range(count)
    ]


def test_prompts_are_found_with_what_all_of_them_begin_with() -> None:
    found = openings(
        [*texts(SORT, 60), *texts(TONE, 30), *[Text("2026-10-01", f"{chr(97 + n)} b c d") for n in range(10)]]
    )
    assert [(one.text, one.count, round(one.share, 2)) for one in found] == [
        ("Sort this ticket into one of: billing, bug. Ticket:", 60, 0.6),
        ("system: You are a careful editor. user:", 30, 0.3),
    ]


def test_numbers_and_marks_do_not_make_another_prompt() -> None:
    found = openings([Text("2026-10-01", f"Order {n} of [EMAIL_{n}] came 2026-10-{n:02d}: why?") for n in range(1, 9)])
    assert [one.text for one in found] == ["Order # of # came #: why?"]


def test_texts_that_begin_each_in_their_own_way_have_no_prompt() -> None:
    assert openings([Text("2026-10-01", f"w{n}x is what I want") for n in range(200)]) != []  # masked: the same text
    assert openings([Text("2026-10-01", f"{chr(97 + n % 26)}{chr(97 + n // 26)} is what I") for n in range(200)]) == []
    assert openings([]) == []
    assert openings([Text("2026-10-01", "short")] * 50) == [], "fewer words than tell prompts apart"


def test_four_texts_or_under_two_percent_are_no_prompt() -> None:
    assert openings(texts(SORT, 4)) == []
    assert len(openings(texts(SORT, 5))) == 1
    assert [one.count for one in openings([*texts(SORT, 500), *texts(TONE, 9)])] == [500]


def test_a_mix_that_stays_moves_little_and_one_that_changes_by_its_share() -> None:
    assert moved(texts(SORT, 100)) == 0
    old = [Text("2026-10-01", one.text) for one in texts(SORT, 50)]
    new = [Text("2026-10-09", one.text) for one in [*texts(SORT, 30), *texts(TONE, 20)]]
    assert moved([*old, *new]) == pytest.approx(0.4)
    assert moved(old) is None


def test_a_text_begins_with_an_opening_whatever_its_numbers_and_spaces() -> None:
    assert begins("Order 7 of\n 8 came late", "Order # of 9")
    assert not begins("Order of 8", "Order # of")
    assert not begins("Ord", "Order")
    assert plain("Sort ticket # into") == "Sort ticket"


def test_a_long_prompt_takes_more_than_its_share_of_texts() -> None:
    long = [Text("2026-10-01", f"{TONE}{'word ' * 40}{number}") for number in range(10)]
    found = {one.text[:4]: one for one in openings([*texts(SORT, 30), *long])}
    assert found["syst"].share == pytest.approx(0.25)
    assert found["syst"].size > 0.4
    assert sum(one.size for one in found.values()) == pytest.approx(1.0)
