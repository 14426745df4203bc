"""The verb that docs/extend.md shows: its words, its answer and its message are held to what ours are held to."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bot.blockkit.render import render
from bot.blockkit.validate import validate
from bot.grammar import VERBS, NotUnderstood, parse, usage
from bot.router import REGISTRY, Words
from engine.desk import Desk, roles
from engine.errors import NotFound
from engine.models.actor import Role
from tests.builders import ASKER, SHELL, SLUG, a_feature
from tests.shown import blocks, loaded

TEMPLATES = "templates/slack/"
ATTACK = "<!channel> & <@U9> *x*"


@pytest.fixture(scope="module")
def verb() -> Generator[Any]:
    """The example; it stands among the commands while it is tested, and no longer."""
    module = loaded("bot/commands/who.py")
    yield module
    REGISTRY.commands.pop("who", None)


@pytest.fixture
def beside(tmp_path: Path) -> str:
    """A folder with the example's templates."""
    for path in (path for path in blocks() if path.startswith(TEMPLATES)):
        file = tmp_path / "templates" / path.removeprefix(TEMPLATES)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(blocks()[path], encoding="utf-8")
    return str(tmp_path / "templates")


def test_the_row_is_a_new_verb_whose_examples_are_understood(verb: Any) -> None:
    assert verb.WHO.name not in {row.name for row in VERBS}
    for words in verb.WHO.examples:
        assert parse(words, (*VERBS, verb.WHO)).line() == words
    assert usage(verb.WHO) == "who SLUG"
    with pytest.raises(NotUnderstood, match="SLUG"):
        parse("who", (*VERBS, verb.WHO))
    with pytest.raises(NotUnderstood, match="I don't know `who`"):
        parse("who ticket-router")


def test_the_command_answers_as_the_desk_knows(verb: Any, desk: Desk) -> None:
    a_feature(desk)
    roles.name(desk, SHELL, SLUG, {Role.OWNER: ("U7",)})
    handle = REGISTRY.commands["who"].handle
    asked = parse(f"who {SLUG}", (*VERBS, verb.WHO))
    assert handle(Words(desk=desk, actor=ASKER, asked=asked)).view.owner == "U7"
    with pytest.raises(NotFound):
        handle(Words(desk=desk, actor=ASKER, asked=parse("who nothing", (*VERBS, verb.WHO))))


@pytest.mark.parametrize("channel", ["C1", ""])
def test_the_message_fits_says_all_in_its_twin_and_nothing_in_it_comes_alive(
    verb: Any, beside: str, channel: str
) -> None:
    for view in (verb.Whom.example(), verb.Whom(ATTACK, ATTACK, channel), verb.Whom("x" * 10_000, "U1", channel)):
        told = render(view, beside=beside)
        assert told.blocks
        assert validate(told.blocks, "message") == []
        assert told.text.startswith("Ask ")
        assert "<!channel>" not in told.text + str(told.blocks)
    assert render(verb.Whom.example(), beside=beside).said == "Ask @U1 about ticket-router.\nIt is talked about in C1."
