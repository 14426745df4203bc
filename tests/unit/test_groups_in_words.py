"""User groups among the words a person types."""

from __future__ import annotations

import pytest

from bot.grammar import parse
from engine.errors import Invalid


def test_user_groups_are_named_as_slack_mentions_them_or_by_id() -> None:
    asked = parse("roles a1 approver=<!subteam^S12AB|@support leads>, <@U3|cy> admin=S9")
    assert asked.people("approver") == ("S12AB", "U3")
    assert asked.people("admin") == ("S9",)
    assert parse(asked.line()) == asked


@pytest.mark.parametrize("word", ["<!subteam^S12AB|@leads>", "S12AB"])
def test_where_one_person_is_asked_for_a_user_group_is_refused(word: str) -> None:
    with pytest.raises(Invalid, match="takes one person"):
        parse(f"register a1 model=m prompt=x owner={word}")


def test_a_person_whose_name_begins_like_a_group_stays_a_person() -> None:
    assert parse("register a1 model=m prompt=x owner=@SAM").options["owner"] == "SAM"
