"""Who may what: grants of roles, for one feature or for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from engine.models.actor import Role, RoleGrant, UserGroup, is_group


def people(tx: Session, role: Role, feature_id: int | None = None) -> list[str]:
    """Who has a role for a feature: granted for it or for all, in order of granting, each person once.

    A user group stands for whoever was in it when it was last read.
    """
    return expanded(tx, named(tx, role, feature_id))


def named(tx: Session, role: Role, feature_id: int | None = None) -> list[str]:
    """As ``people``, user groups as such."""
    query = select(RoleGrant).where(RoleGrant.role == role, _concerns(feature_id)).order_by(col(RoleGrant.id))
    return list(dict.fromkeys(grant.person for grant in tx.exec(query)))


def expanded(tx: Session, holders: list[str]) -> list[str]:
    """The persons among these and in their user groups, each once; a group that was never read has none."""
    members = {one.id: one.members for one in groups(tx, holders)}
    found = (members.get(one, ()) if is_group(one) else (one,) for one in holders)
    return list(dict.fromkeys(person for some in found for person in some))


def has(tx: Session, person: str, role: Role, feature_id: int | None = None) -> bool:
    """Whether a person has a role for a feature."""
    return person in people(tx, role, feature_id)


def granted_to(tx: Session, person: str, role: Role) -> list[int | None]:
    """The features a person has a role for, by name or in a user group; none among them stands for all."""
    holders = [person, *(one.id for one in tx.exec(select(UserGroup)) if person in one.members)]
    theirs = col(RoleGrant.person).in_(holders)
    query = select(RoleGrant).where(RoleGrant.role == role, theirs).order_by(col(RoleGrant.id))
    return list(dict.fromkeys(grant.feature_id for grant in tx.exec(query)))


def grant(tx: Session, person: str, role: Role, *, feature_id: int | None, by: str, at: datetime) -> bool:
    """Give a role; false and no change when the person has it there already."""
    same = RoleGrant.feature_id == feature_id if feature_id is not None else col(RoleGrant.feature_id).is_(None)
    known = select(RoleGrant.id).where(RoleGrant.person == person, RoleGrant.role == role, same)
    if tx.exec(known).first() is not None:
        return False
    tx.add(RoleGrant(feature_id=feature_id, person=person, role=role, granted_by=by, granted_at=at))
    return True


def revoke(tx: Session, role: Role, *, feature_id: int | None, keep: list[str]) -> list[str]:
    """Take a role from everybody who has it exactly there and is not to keep it; who lost it."""
    same = RoleGrant.feature_id == feature_id if feature_id is not None else col(RoleGrant.feature_id).is_(None)
    lost = [row for row in tx.exec(select(RoleGrant).where(RoleGrant.role == role, same)) if row.person not in keep]
    for row in lost:
        tx.delete(row)
    return [row.person for row in lost]


def granted(tx: Session, feature_id: int | None = None) -> list[RoleGrant]:
    """All grants that concern a feature, or the team's own."""
    return list(tx.exec(select(RoleGrant).where(_concerns(feature_id)).order_by(col(RoleGrant.id))))


def groups(tx: Session, holders: list[str]) -> list[UserGroup]:
    """What was last read of the user groups among these, in their order; those never read are left out."""
    ids = [one for one in holders if is_group(one)]
    found = {one.id: one for one in tx.exec(select(UserGroup).where(col(UserGroup.id).in_(ids)))} if ids else {}
    return [found[one] for one in dict.fromkeys(ids) if one in found]


def groups_named(tx: Session) -> list[str]:
    """Every user group that has a role somewhere."""
    holders = tx.exec(select(RoleGrant.person).distinct().order_by(RoleGrant.person))
    return [one for one in holders if is_group(one)]


def keep_group(tx: Session, read: UserGroup) -> list[str]:
    """Keep who is in a user group now; who was in it before and is no more."""
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    first = dialect.insert(UserGroup).values(id=read.id, handle="", members=[], read_at=read.read_at)
    tx.connection().execute(first.on_conflict_do_nothing())  # two may read the same group for the first time at once
    row = tx.exec(select(UserGroup).where(UserGroup.id == read.id).with_for_update()).one()
    tx.refresh(row)
    lost = [one for one in row.members if one not in read.members]
    row.handle, row.members, row.read_at = read.handle, list(read.members), read.read_at
    tx.add(row)
    tx.flush()
    return lost


def _concerns(feature_id: int | None):  # noqa: ANN202 (SQLAlchemy's own expression type)
    everywhere = col(RoleGrant.feature_id).is_(None)
    return everywhere if feature_id is None else everywhere | (col(RoleGrant.feature_id) == feature_id)
