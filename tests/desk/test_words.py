"""Readiness and settings by words, as ``assay say`` and Slack hand them on: who may, what is refused, what is told."""

from __future__ import annotations

import pytest

from bot import access, commands, grammar
from bot.blockkit.render import render
from bot.grammar import NotUnderstood
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, roles
from engine.errors import NotAllowed
from engine.models.actor import Actor, Role
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, a_feature


def say(desk: Desk, words: str, by: Actor = SHELL) -> str:
    """The text of the answer."""
    commands.load()
    asked = grammar.parse(words)
    access.check(desk, by, asked)
    answer = REGISTRY.commands[asked.verb].handle(Words(desk=desk, actor=by, asked=asked))
    assert isinstance(answer, Answer)
    return render(answer.view).said


def test_a_reading_is_open_to_all_and_signing_is_the_owners(desk: Desk) -> None:
    a_feature(desk)
    sign = f'ready {SLUG} sign fact=on_call value=yes reason="the team has a rota"'
    assert "Stay with prompting" in say(desk, f"ready {SLUG}", BO)
    with pytest.raises(NotAllowed, match="ready needs the role owner"):
        say(desk, sign, BO)
    assert "Signed by @U1 on 2026-11-25: on_call." in say(desk, sign, ASKER)


def test_an_override_goes_through_two_people(desk: Desk) -> None:
    a_feature(desk)
    roles.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id,)})
    asked = say(desk, f'ready {SLUG} override condition=Tenure days=30 reason="the launch is fixed"', ASKER)
    assert f"An approver says: /assay ready {SLUG} approve condition=tenure" in asked
    with pytest.raises(NotAllowed, match="You asked for this"):
        say(desk, f"ready {SLUG} approve condition=tenure", ASKER)
    with pytest.raises(NotAllowed, match="needs the role approver"):
        say(desk, f"ready {SLUG} approve condition=tenure", BO)
    told = say(desk, f"ready {SLUG} approve condition=tenure", ANN)
    assert "overridden: tenure" in told
    assert "tenure: overridden until 2026-12-25: asked by @U1, approved by @U2: the launch is fixed" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f"ready {SLUG} fact=on_call value=yes", "ready takes keys after a step alone"),
        (f"ready {SLUG} sign fact=on_call value=yes", f"ready {SLUG} sign needs reason."),
        (f"ready {SLUG} override condition=tenure", f"ready {SLUG} override needs reason."),
        (f"ready {SLUG} approve", f"ready {SLUG} approve needs condition."),
        ("ready", "ready needs SLUG."),
    ],
)
def test_half_a_sentence_is_answered_with_a_whole_one(desk: Desk, words: str, said: str) -> None:
    a_feature(desk)
    with pytest.raises(NotUnderstood) as refused:
        say(desk, words)
    assert refused.value.message.startswith(said)
    assert "For example: /assay ready" in refused.value.hint
