"""Roles: named by replacing, shown whole, and standing that fits one feature."""

from __future__ import annotations

import pytest

from engine.desk import Desk, features, roles
from engine.errors import NotFound, Repeated
from engine.models.actor import Role
from engine.models.mail import Once
from engine.store import deeds
from engine.store import features as feature_rows
from tests.builders import ASKER, SHELL, SLUG, a_feature


def test_persons_named_replace_those_of_before(desk: Desk) -> None:
    a_feature(desk)
    roles.name(desk, SHELL, SLUG, {Role.APPROVER: ("U2", "U3")})
    seen = roles.name(desk, SHELL, SLUG, {Role.APPROVER: ("U3", "U4")})
    assert seen.approvers == ("U3", "U4")
    assert seen.owners == ("U1",)
    with desk.services.database.read() as tx:
        newest = deeds.of_feature(tx, feature_rows.by_slug(tx, SLUG).id or 0)[0]
    assert newest.before["approvers"] == ["U2", "U3"]
    assert newest.after["approvers"] == ["U3", "U4"]


def test_admins_are_the_whole_teams_and_a_features_roles_its_own(desk: Desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="other")
    roles.name(desk, SHELL, SLUG, {Role.ADMIN: ("U4",), Role.APPROVER: ("U2",)})
    roles.name(desk, SHELL, "", {Role.APPROVER: ("U3",)})
    assert roles.show(desk, "other").admins == ("U4",)
    assert roles.show(desk, "other").approvers == ("U3",)
    assert set(roles.show(desk, SLUG).approvers) == {"U2", "U3"}
    assert roles.standing(desk, "U2", SLUG).roles == (Role.APPROVER,)
    assert roles.standing(desk, "U2", "other").roles == ()
    assert roles.standing(desk, "U4", "nobody-registered-it").roles == (Role.ADMIN,)
    assert roles.standing(desk, "U9", SLUG).holders["owner"] == ("U1",)


def test_a_new_owner_is_on_the_card(desk: Desk) -> None:
    a_feature(desk)
    before = features.show(desk, SLUG)
    roles.name(desk, SHELL, SLUG, {Role.OWNER: ("U7", "U8")})
    after = features.show(desk, SLUG)
    assert after.owner == "U7"
    assert after.version == before.version + 1


def test_naming_is_done_once_and_for_features_there_are(desk: Desk) -> None:
    once = Once(team="T", key="k", kind="command")
    roles.name(desk, ASKER, "", {Role.ADMIN: ("U4",)}, once=once)
    with pytest.raises(Repeated):
        roles.name(desk, ASKER, "", {Role.ADMIN: ("U5",)}, once=once)
    with pytest.raises(NotFound):
        roles.name(desk, ASKER, "nowhere", {Role.OWNER: ("U5",)})
    assert roles.show(desk).admins == ("U4",)
