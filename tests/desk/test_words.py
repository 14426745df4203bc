"""Readiness and settings by words, as ``assay say`` and Slack hand them on: who may, what is refused, what is told."""

from __future__ import annotations

import pytest

from bot import access, commands, grammar
from bot.blockkit.render import render
from bot.grammar import NotUnderstood
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, roles
from engine.errors import Invalid, NotAllowed, NotFound
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f"labels {SLUG} show answer=billing", "answer does not go with show."),
        (f"labels {SLUG} file=labels.csv queue=50", "queue does not go with file."),
        (f"labels {SLUG} next sample=50", "sample does not go with next."),
        (f"labels {SLUG} history version=5c1f", "version does not go with history."),
        (f"labels {SLUG} version=5c1f", "version says nothing by itself."),
        (f"labels {SLUG} teacher=gpt-4o", "teacher says nothing by itself."),
    ],
)
def test_nothing_that_is_said_of_labels_is_passed_over(desk: Desk, words: str, said: str) -> None:
    a_feature(desk)
    with pytest.raises(NotUnderstood) as refused:
        say(desk, words)
    assert refused.value.message == f"{said} Nothing was done."


@pytest.mark.parametrize("slug", ["lab-results", "inv-parser"])
def test_a_feature_may_be_called_as_runs_are(desk: Desk, slug: str) -> None:
    a_feature(desk, slug=slug)
    assert f"No investigation of {slug} yet." in say(desk, f"status {slug}", ASKER)
    access.check(desk, ASKER, grammar.parse(f"investigate {slug}"))
    with pytest.raises(NotAllowed, match=f"investigate needs the role owner for {slug}"):
        access.check(desk, BO, grammar.parse(f"investigate {slug}"))


@pytest.mark.parametrize("run", ["inv-7k3mq9ab", "lab-7k3mq9ab", SLUG])
def test_a_run_there_is_not_is_told_as_such_and_not_as_a_role_that_is_lacking(desk: Desk, run: str) -> None:
    a_feature(desk)
    with pytest.raises(NotFound, match=f"There is no run '{run}'"):
        access.check(desk, BO, grammar.parse(f"cancel {run}"))


@pytest.mark.parametrize("word", ["prices", "gateway-key", "team", "verify"])
def test_a_feature_is_not_called_by_a_word_that_means_something_else(desk: Desk, word: str) -> None:
    with pytest.raises(Invalid, match="is a word of Assay's own"):
        a_feature(desk, slug=word)


@pytest.mark.parametrize("given", ["prompt=@prompt.txt labels=a,b", "prompt=Sort approach=extract schema=@schema.json"])
def test_a_file_of_the_shells_machine_is_no_prompt_and_no_field(desk: Desk, given: str) -> None:
    with pytest.raises(Invalid, match="names a file of the shell's machine"):
        say(desk, f"register {SLUG} model=gpt-4o-mini {given}", ASKER)


@pytest.mark.parametrize("words", ["settings gateway-key ticket-router", "settings prices model=m input=1 output=2"])
def test_what_the_team_sets_is_refused_without_naming_a_feature_there_is_not(desk: Desk, words: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        access.check(desk, ASKER, grammar.parse(words))
    assert refused.value.message == "settings needs the role admin."


def test_the_next_step_with_labels_names_a_file_in_a_shell_and_a_form_in_slack(desk: Desk) -> None:
    a_feature(desk)
    assert say(desk, f"labels {SLUG}").endswith(f"Next: /assay labels {SLUG} file=labels.csv")
    asked = Words(desk=desk, actor=ASKER, asked=grammar.parse(f"labels {SLUG} show"), forms=True)
    answer = REGISTRY.commands["labels"].handle(asked)
    assert isinstance(answer, Answer)
    assert render(answer.view).said.endswith(f"Next: /assay labels {SLUG}")
