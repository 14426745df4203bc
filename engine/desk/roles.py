"""Who may what: show, name owners, approvers and admins, and say what a person's standing is."""

from __future__ import annotations

from engine.desk import Desk
from engine.models.actor import Actor, Role, UserGroup, is_group
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.mail import Once
from engine.store import deeds, features, mail, roles, rollouts, work
from engine.store.database import Tx

NAMED = (Role.OWNER, Role.APPROVER, Role.ADMIN)


class GroupView(Value):
    """A user group that has a role, and who of it may act here; no ``handle``: it was not read yet."""

    id: str
    handle: str = ""
    members: tuple[str, ...] = ()


class RolesView(Value):
    """Who has which role, for one feature (``slug``) or for the team (""): persons and user groups, by their ids."""

    slug: str = ""
    owners: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    groups: tuple[GroupView, ...] = ()


class Standing(Value):
    """What one person may do for one feature: every role they have, and who has each for the refusal to name."""

    roles: tuple[Role, ...]
    holders: dict[str, tuple[str, ...]]


def show(desk: Desk, slug: str = "") -> RolesView:
    """Who may what. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _view(tx, slug)


def name(
    desk: Desk, actor: Actor, slug: str, named: dict[Role, tuple[str, ...]], *, once: Once | None = None
) -> RolesView:
    """Set who has a role: the persons and user groups given replace those of before; admins are the whole team's."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug) if slug else None
        work.deployment_alone(tx)
        if feature is not None:
            features.alone(tx, feature.id or 0)
            tx.refresh(feature)
        before, voted = _view(tx, slug), _voters(tx, feature)
        for role, people in named.items():
            where = None if role is Role.ADMIN or feature is None else feature.id
            roles.revoke(tx, role, feature_id=where, keep=list(people))
            for person in people:
                roles.grant(tx, person, role, feature_id=where, by=actor.id, at=desk.services.clock.now())
        owners = roles.expanded(tx, list(named.get(Role.OWNER, ())))
        if feature is not None and owners:
            feature.owner = owners[0]
            feature.version += 1
            tx.add(feature)
            mail.enqueue_projection(
                tx, desk.services.clock, "feature", feature.slug, kind="card", channel=feature.channel
            )
        tx.flush()
        after = _view(tx, slug)
        _void(desk, tx, voted - _voters(tx, feature), feature)
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "name roles",
            entity="roles",
            entity_id=slug or "team",
            feature_id=feature.id if feature else None,
            before=before.model_dump(mode="json"),
            after=after.model_dump(mode="json"),
        )
        return after


def left(desk: Desk, person: str) -> None:
    """Somebody is gone from the workspace: their waiting votes go, their roles stay until others are named."""
    with desk.services.database.write() as tx:
        features.all_alone(tx)
        for feature in features.every(tx):
            _void_of(desk, tx, person, feature.id or 0)


def groups(desk: Desk) -> tuple[str, ...]:
    """The user groups that have a role somewhere."""
    with desk.services.database.read() as tx:
        return tuple(roles.groups_named(tx))


def voting_groups(desk: Desk, slug: str) -> tuple[str, ...]:
    """The user groups whose members vote on a feature; a slug nobody registered counts as the team."""
    with desk.services.database.read() as tx:
        feature = features.find(tx, slug) if slug else None
        named = roles.named(tx, Role.APPROVER, feature.id if feature else None)
        return tuple(one for one in named if is_group(one))


def group(desk: Desk, group_id: str) -> GroupView:
    """What was last read of a user group."""
    with desk.services.database.read() as tx:
        return _group(group_id, roles.groups(tx, [group_id]))


def keep_group(desk: Desk, read: GroupView) -> None:
    """Keep who is in a user group now. The waiting votes of those who left it go, as of any who lost the role."""
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        row = UserGroup(id=read.id, handle=read.handle, members=list(read.members), read_at=now)
        _void(desk, tx, set(roles.keep_group(tx, row)))


def _voters(tx: Tx, feature: Feature | None) -> set[str]:
    return set(roles.people(tx, Role.APPROVER, feature.id if feature else None))


def _void(desk: Desk, tx: Tx, lost: set[str], feature: Feature | None = None) -> None:
    """A vote counts while who gave it may vote: drop the waiting ones of persons who may no longer.

    Of one feature, which the caller holds, or of all: a vote under way comes first, and is dropped too.
    """
    if lost and feature is None:
        features.all_alone(tx)
    for one in features.every(tx) if feature is None else [feature]:
        for person in sorted(lost - set(roles.people(tx, Role.APPROVER, one.id))):
            _void_of(desk, tx, person, one.id or 0)


def _void_of(desk: Desk, tx: Tx, person: str, feature_id: int) -> None:
    for approval in rollouts.void_votes(tx, person, feature_id):
        mail.enqueue_projection(
            tx, desk.services.clock, "approval", approval.token, kind="card", channel=approval.channel
        )


def standing(desk: Desk, person: str, slug: str = "") -> Standing:
    """What a person may do, for a feature or for the team; a slug nobody registered counts as the team."""
    with desk.services.database.read() as tx:
        feature = features.find(tx, slug) if slug else None
        holders = {role: tuple(roles.people(tx, role, feature.id if feature else None)) for role in NAMED}
        have = tuple(role for role in NAMED if person in holders[role])
        return Standing(roles=have, holders={role.value: people for role, people in holders.items()})


def slug_of_run(desk: Desk, run_id: str) -> str:
    """The feature a run is about, "" when there is no such run: who may cancel it depends on that."""
    with desk.services.database.read() as tx:
        return features.slug_of_run(tx, run_id)


def slug_of_request(desk: Desk, token: str) -> str:
    """The feature a request for approval is about, "" when there is none."""
    with desk.services.database.read() as tx:
        return features.slug_of_request(tx, token)


def _view(tx: Tx, slug: str) -> RolesView:
    feature = features.by_slug(tx, slug) if slug else None
    found = {role: tuple(roles.named(tx, role, feature.id if feature else None)) for role in NAMED}
    named = list(dict.fromkeys(one for holders in found.values() for one in holders if is_group(one)))
    read = roles.groups(tx, named)
    return RolesView(
        slug=slug,
        owners=found[Role.OWNER],
        approvers=found[Role.APPROVER],
        admins=found[Role.ADMIN],
        groups=tuple(_group(one, read) for one in named),
    )


def _group(group_id: str, read: list[UserGroup]) -> GroupView:
    row = next((one for one in read if one.id == group_id), None)
    return GroupView(id=group_id, handle=row.handle, members=tuple(row.members)) if row else GroupView(id=group_id)
