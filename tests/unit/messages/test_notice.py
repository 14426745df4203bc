"""Answers to one person: refusals ping nobody by quoting, help is the table, receipts say where to look."""

from __future__ import annotations

from typing import get_args

import pytest

from bot.blockkit.render import render
from bot.grammar import VERBS, NotUnderstood, parse
from bot.messages import examples, notice
from engine.errors import NotAllowed
from tests.unit.messages.reading import buttons


def test_only_named_people_are_mentioned() -> None:
    error = NotAllowed("Quoted <@U0EVE> is nobody.", hint="Who may: <@U0BO>.", people=("U0BO",))
    found = render(notice.refused(error))
    leaves = [leaf for block in found.blocks for part in block["elements"] for leaf in part["elements"]]

    assert [leaf["user_id"] for leaf in leaves if leaf["type"] == "user"] == ["U0BO"]
    assert "Quoted <@U0EVE> is nobody." in found.said
    assert "Who may: @U0BO." in found.said
    assert "<@" not in found.text


def test_a_mistyped_verb_can_be_run_put_right() -> None:
    with pytest.raises(NotUnderstood) as error:
        parse("shwo ticket-router")

    assert buttons(render(notice.refused(error.value)).blocks) == {"Run show": ("verb.run", "show ticket-router")}


def test_help_has_one_line_for_each_verb() -> None:
    text = render(notice.help_all()).said

    assert all(f"{verb.name}: {verb.summary}" in text for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_help_of_a_verb_shows_usage_and_examples(verb: notice.Verb) -> None:
    text = render(notice.help_one(verb)).said

    assert all(example in text for example in verb.examples)
    assert ("Anyone may." in text) == (verb.role == "guest")


@pytest.mark.parametrize("deed", get_args(notice.Deed))
def test_every_deed_has_a_receipt(deed: notice.Deed) -> None:
    found = render(notice.Receipt(deed, "ticket-router", "C0AI", "inv-7k3mq9ab", 1))

    assert "ticket-router" in found.said
    assert found.blocks


def test_a_menu_without_anything_tells_where_to_begin() -> None:
    found = render(notice.menu((), ()))

    assert "Nothing waits for your vote." in found.said
    assert "/assay register" in found.said
    assert len(buttons(found.blocks)) == 3


def test_a_menu_counts_the_features_it_leaves_out() -> None:
    features = tuple(examples.feature(slug=f"f{number}") for number in range(8))

    assert "and 3 more: /assay features" in render(notice.menu((), features)).said
