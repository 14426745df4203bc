"""Grants: for one feature or for all, each person once, and taken away only where they stand."""

from __future__ import annotations

from engine.desk import Desk
from engine.models.actor import Role
from engine.store import features, roles
from tests.builders import SLUG, a_feature


def test_grants_of_a_feature_and_of_the_team(desk: Desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="other")
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        here, other = (features.by_slug(tx, slug).id for slug in (SLUG, "other"))
        assert roles.grant(tx, "U2", Role.APPROVER, feature_id=here, by="U1", at=now)
        assert not roles.grant(tx, "U2", Role.APPROVER, feature_id=here, by="U1", at=now)
        assert roles.grant(tx, "U2", Role.APPROVER, feature_id=None, by="U1", at=now)
        assert not roles.grant(tx, "U2", Role.APPROVER, feature_id=None, by="U1", at=now)
        assert roles.grant(tx, "U3", Role.APPROVER, feature_id=None, by="U1", at=now)
        assert roles.people(tx, Role.APPROVER, here) == ["U2", "U3"]
        assert roles.people(tx, Role.APPROVER, other) == ["U2", "U3"]
        assert roles.revoke(tx, Role.APPROVER, feature_id=None, keep=["U3"]) == ["U2"]
        assert roles.people(tx, Role.APPROVER, here) == ["U2", "U3"], "the grant for the feature alone stays"
        assert roles.people(tx, Role.APPROVER, other) == ["U3"]
        assert roles.has(tx, "U2", Role.APPROVER, here)
        assert not roles.has(tx, "U2", Role.APPROVER, other)
        assert roles.people(tx, Role.OWNER, here) == ["U1"]
        assert roles.people(tx, Role.OWNER) == []
        assert {grant.person for grant in roles.granted(tx, here)} == {"U1", "U2", "U3"}
        assert {grant.person for grant in roles.granted(tx)} == {"U3"}
