"""User groups of Slack that have a role: whoever is in one at the press may, and nobody else."""

from __future__ import annotations

import dataclasses
import json

import pytest
from sqlalchemy import text

from engine.desk import Desk, approvals, roles
from engine.models.actor import Role
from engine.models.rollout import ApprovalState
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, a_feature, a_verdict, asked
from tests.slack.bot.parsed import parsed_by_slack
from tests.slack.bot.post import Post
from tests.slack.bot.wire import Wire

GROUP = "S1"
MEMBERS = "usergroups.users.list"


@pytest.fixture
def led(wire: Wire) -> Wire:
    """A feature on which a user group of Ann and Bo votes, named as Slack hands over a mention of it."""
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, "", {Role.ADMIN: (ASKER.id,)})
    wire.answer(wire.command(f"roles {SLUG} approver=<!subteam^{GROUP}|@s1>"))
    return wire


def hold(wire: Wire, *members: str) -> None:
    """Have these be in the group from now on."""
    room = wire.room.standin.room
    room.workspace = dataclasses.replace(room.workspace, groups={GROUP: list(members)})


def two_needed(desk: Desk) -> str:
    """The name of a request that two people must approve."""
    a_verdict(desk)
    token = asked(desk)
    with desk.services.database.write() as tx:
        tx.connection().execute(text("UPDATE approval SET needed = 2"))
    return token


def vote(wire: Wire, token: str, person: str, version: int = 1) -> str:
    """What a person is told who presses Approve."""
    return wire.answer(wire.press("1.0", "approval.approve", f"{token}.{version}", person), person)


def test_a_group_is_named_with_its_people_counted_and_never_called(led: Wire) -> None:
    told = led.answer(led.command(f"roles {SLUG}"))
    assert "Approvers vote: @s1 (2 people)" in told
    assert roles.show(led.desk, SLUG).groups[0].members == (ANN.id, BO.id)
    assert roles.standing(led.desk, ANN.id, SLUG).roles == (Role.APPROVER,)
    led.settle()
    for line in parsed_by_slack(led.blocks()):
        assert "subteam" not in line
    assert "subteam" not in json.dumps(led.blocks())


def test_two_of_a_group_decide_and_a_second_press_of_one_counts_once(led: Wire) -> None:
    token = two_needed(led.desk)
    assert "needs the role approver" in vote(led, token, "U4")
    assert "1 more person" in vote(led, token, ANN.id)
    assert "You approved this at" in vote(led, token, ANN.id)
    vote(led, token, BO.id)
    assert approvals.show(led.desk, token).state is ApprovalState.APPROVED


def test_who_asked_never_counts_though_they_are_in_the_group(led: Wire) -> None:
    hold(led, ASKER.id, ANN.id)
    token = two_needed(led.desk)
    assert "You asked for this" in vote(led, token, ASKER.id)
    assert approvals.show(led.desk, token).approvers == (ANN.id,)


def test_who_is_in_the_group_at_the_press_votes_and_a_vote_of_who_left_it_goes(led: Wire) -> None:
    token = two_needed(led.desk)
    vote(led, token, ANN.id)
    hold(led, BO.id, "U4")
    vote(led, token, BO.id)
    seen = approvals.show(led.desk, token)
    assert (seen.state, seen.voters) == (ApprovalState.PENDING, (BO.id,))
    assert "needs the role approver" in vote(led, token, ANN.id)
    vote(led, token, "U4")
    assert approvals.show(led.desk, token).state is ApprovalState.APPROVED


def test_guests_people_who_left_and_bots_of_a_group_do_not_count(led: Wire) -> None:
    led.room.standin.room.seed([dataclasses.replace(led.person("U4"), is_deleted=True)], [])
    token = two_needed(led.desk)
    hold(led, ANN.id, "U4", "U5", "U0ASSAY")
    vote(led, token, ANN.id)
    assert approvals.show(led.desk, token).approvers == (ANN.id,)
    assert "uests" in vote(led, token, "U5")
    assert f"{SLUG} has 1 of 2 people who may approve" in led.answer(led.command("doctor"))


def test_while_slack_does_not_say_who_is_in_it_looks_go_on_and_votes_are_refused(led: Wire, post: Post) -> None:
    token = two_needed(led.desk)
    post.fault("500", MEMBERS)
    told = vote(led, token, ANN.id)
    assert "Slack does not say who is in @s1 now" in told
    assert "Nothing was changed" in told
    assert approvals.show(led.desk, token).voters == ()
    assert "@s1 (2 people)" in led.answer(led.command(f"roles {SLUG}"))
    vote(led, token, ANN.id)
    assert approvals.show(led.desk, token).voters == (ANN.id,)


def test_a_no_by_words_and_the_approval_of_an_override_ask_slack_anew_too(led: Wire, post: Post) -> None:
    token = two_needed(led.desk)
    hold(led, "U4")
    assert "needs the role approver" in led.answer(
        led.command(f"ready {SLUG} approve condition=tenure", ANN.id), ANN.id
    )
    hold(led, BO.id)
    said = f'reject {token} reason="it is not proven yet"'
    assert "needs the role approver" in led.answer(led.command(said, "U4"), "U4")
    post.fault("500", MEMBERS)
    assert "Slack does not say" in led.answer(led.command(said, BO.id), BO.id)
    led.answer(led.command(said, BO.id), BO.id)
    assert approvals.show(led.desk, token).state is ApprovalState.REJECTED


def test_a_group_slack_does_not_know_is_refused_and_one_that_is_gone_is_empty(led: Wire) -> None:
    assert "Slack knows no user group S99" in led.answer(led.command(f"roles {SLUG} approver=S99,U2"))
    assert roles.show(led.desk, SLUG).approvers == (GROUP,)
    token = two_needed(led.desk)
    room = led.room.standin.room
    room.workspace = dataclasses.replace(room.workspace, groups={})
    assert "No approvers are named" in vote(led, token, ANN.id)
    assert "@s1 (0 people)" in led.answer(led.command(f"roles {SLUG}"))


def test_a_group_named_in_a_shell_is_read_when_somebody_next_speaks(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.OWNER: (GROUP,)})
    assert roles.standing(wire.desk, ANN.id, SLUG).roles == ()
    assert "@s1 (2 people)" in wire.answer(wire.command(f"roles {SLUG}"))
    assert roles.standing(wire.desk, ANN.id, SLUG).roles == (Role.OWNER,)


def test_a_card_names_ten_of_a_large_group_and_how_many_more(led: Wire) -> None:
    hold(led, *(f"U1{number:02}" for number in range(25)))
    people = [dataclasses.replace(led.person(ANN.id), id=f"U1{number:02}") for number in range(25)]
    led.room.standin.room.seed(people, [])
    token = two_needed(led.desk)
    vote(led, token, "U100")
    led.settle()
    (card,) = [one for one in led.posted() if "Still needed" in one["text"]]
    assert "@U109 and 15 more." in card["text"]
