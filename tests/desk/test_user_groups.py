"""User groups that have a role, as the counter sees them: what was last read of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.desk import Desk, approvals, features, health, roles
from engine.desk.roles import GroupView
from engine.errors import NotAllowed
from engine.models.actor import Actor, Role
from engine.store import rollouts as rollout_rows
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, a_feature, a_verdict, asked

LEADS = GroupView(id="S0LEADS", handle="leads", members=(ANN.id, BO.id))


@pytest.fixture
def led(desk: Desk) -> Desk:
    """A feature on which a user group votes, beside one person."""
    a_feature(desk)
    roles.keep_group(desk, LEADS)
    roles.name(desk, SHELL, SLUG, {Role.APPROVER: (LEADS.id, CY.id)})
    a_verdict(desk)
    return desk


def test_members_vote_and_find_what_waits_for_them(led: Desk) -> None:
    token = asked(led)
    assert approvals.show(led, token).approvers == (ANN.id, BO.id, CY.id)
    assert approvals.for_voter(led, BO.id, 5).total == 1
    assert approvals.for_voter(led, "U9", 5).total == 0
    by_shell = Actor(id=BO.id, role=Role.OPERATOR)
    assert approvals.approve(led, by_shell, token).voters == (BO.id,)


def test_a_waiting_vote_goes_with_the_membership_unless_the_person_is_named_too(led: Desk) -> None:
    token = asked(led)
    with led.services.database.write() as tx:
        approval = rollout_rows.approval_by_token(tx, token)
        approval.needed = 3
        tx.add(approval)
    roles.keep_group(led, GroupView(id=LEADS.id, handle="leads", members=(ANN.id, BO.id, CY.id)))
    for person in (ANN, CY):
        approvals.approve(led, person, token)
    roles.keep_group(led, GroupView(id=LEADS.id, handle="leads", members=(BO.id,)))
    assert approvals.show(led, token).voters == (CY.id,)
    roles.name(led, SHELL, SLUG, {Role.APPROVER: (LEADS.id,)})
    assert approvals.show(led, token).voters == ()


def test_a_group_that_owns_a_feature_has_its_first_member_on_the_card(led: Desk) -> None:
    roles.name(led, SHELL, SLUG, {Role.OWNER: (LEADS.id,)})
    assert features.show(led, SLUG).owner == ANN.id
    assert roles.show(led, SLUG).owners == (LEADS.id,)
    roles.name(led, SHELL, SLUG, {Role.OWNER: ("S0EMPTY",)})
    assert features.show(led, SLUG).owner == ANN.id, "of a group that was not read nobody is known"


def test_the_doctor_counts_members_and_not_groups(led: Desk) -> None:
    def told() -> str:
        return " ".join(one.says for one in health.findings(led))

    roles.name(led, SHELL, SLUG, {Role.APPROVER: ("S0EMPTY",)})
    assert "has 0 of 1 people who may approve" in told()
    roles.keep_group(led, GroupView(id="S0EMPTY", handle="empty", members=(ASKER.id,)))
    assert "people who may approve" not in told()


def test_of_a_large_group_a_refusal_names_ten_and_how_many_more(led: Desk) -> None:
    many = tuple(f"U1{number:02}" for number in range(25))
    roles.name(led, SHELL, SLUG, {Role.APPROVER: (LEADS.id,)})
    roles.keep_group(led, GroupView(id=LEADS.id, handle="leads", members=many))
    with pytest.raises(NotAllowed) as refused:
        approvals.approve(led, CY, asked(led))
    assert refused.value.hint.endswith("<@U109> and 15 more.")


def test_two_that_read_a_group_for_the_first_time_at_once_both_go_on(led: Desk) -> None:
    new = GroupView(id="S0NEW", handle="new", members=(ANN.id,))
    with ThreadPoolExecutor(4) as pool:
        told = [pool.submit(roles.keep_group, led, new) for _ in range(4)]
    assert [one.exception() for one in told] == [None] * 4
    assert roles.group(led, "S0NEW") == new
