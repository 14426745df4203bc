"""Who may: a person's standing against what a verb needs. Every refusal names the role and who has it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.grammar import Asked, parse, role_of
from bot.surface import GONE_GROUP, GONE_PERSON, Slack, SlackRefused
from engine.desk import Desk, approvals, features, roles
from engine.desk.roles import NAMED, GroupView
from engine.errors import Invalid, NotAllowed, NotFound, Unavailable, Upstream
from engine.models.actor import Actor, Role, is_group, mentions

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0  # how long what Slack says of a person is believed (docs/slack.md)
APPROVE, REJECT, APPROVE_BUTTON = "approve", "reject", "approval.approve"
SCREENED_SECONDS = 24 * 3600.0  # so long a member of a user group counts as what they were; who presses is asked anew
OF_THE_TEAM = ("prices", "gateway-key")  # what settings takes in a feature's place
BY_REQUEST = (APPROVE, REJECT)  # their desk functions refuse with the exact list of who may
SUFFICES = {
    Role.MEMBER: (),
    Role.OWNER: (Role.OWNER, Role.ADMIN),
    Role.APPROVER: (Role.APPROVER, Role.OWNER, Role.ADMIN),
    Role.ADMIN: (Role.ADMIN,),
}


@dataclass(frozen=True)
class Person:
    """What Slack says of somebody. ``reads_only``: a guest, a bot, somebody deactivated or of another team."""

    id: str
    reads_only: bool
    is_workspace_admin: bool = False


class People:
    """What Slack says of persons, remembered for five minutes. Asking takes a call: never before an acknowledgement."""

    def __init__(self, slack: Slack, team: Callable[[], str]) -> None:
        self._slack = slack
        self._team = team
        self._known: dict[str, tuple[float, Person]] = {}

    def known(self, person: str, *, within: float = KEPT_SECONDS) -> Person | None:
        """What was learned within so many seconds, without a call."""
        found = self._known.get(person)
        return found[1] if found and time.monotonic() - found[0] < within else None

    def ask(self, person: str) -> Person:
        """What Slack says now or said lately; somebody Slack does not know only reads. Raises ``Upstream``."""
        remembered = self.known(person)
        if remembered is not None:
            return remembered
        try:
            said = self._slack.person(person)
        except SlackRefused as error:
            if error.code not in GONE_PERSON:
                raise
            said = {"deleted": True}
        barred = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
        team = self._team()
        other_team = bool(team and said.get("team_id") and said["team_id"] != team)
        found = Person(
            person,
            reads_only=other_team or any(said.get(mark) for mark in barred),
            is_workspace_admin=bool(said.get("is_admin") or said.get("is_owner")),
        )
        self._known[person] = (time.monotonic(), found)
        return found

    def check_named(self, asked: Asked) -> None:
        """Raises ``Invalid`` for a named person who could never act here, and ``Upstream``."""
        for person in (one for role in NAMED for one in asked.people(role) if not is_group(one)):
            if self.ask(person).reads_only:
                raise Invalid(
                    f"<@{person}> can have no role: that is nobody of this workspace, or a guest, a bot or somebody "
                    "who left. Nothing was changed.",
                    hint="Type @ and choose a member from the list. Who has one: /assay roles",
                    people=(person,),
                )

    def count_votes_anew(self, desk: Desk, token: str) -> None:
        """Before another vote: those of people who left, or are guests now, no longer count. Raises ``Upstream``."""
        for person in approvals.voters(desk, token):
            if self.ask(person).reads_only:
                roles.left(desk, person)


class Groups:
    """Who is in the user groups that have a role: asked of Slack, kept in the database, read from there by all."""

    def __init__(self, slack: Slack, people: People) -> None:
        self._slack = slack
        self._people = people
        self._asked: dict[str, float] = {}

    def learn(self, desk: Desk) -> None:
        """Read anew whichever was not read for five minutes; while Slack is away what is known goes on."""
        for group in roles.groups(desk):
            if time.monotonic() - self._asked.get(group, float("-inf")) < KEPT_SECONDS:
                continue
            self._asked[group] = time.monotonic()
            try:
                self._read(desk, group)
            except Upstream as error:
                log.warning("group.unread", extra={"group": group, "why": type(error).__name__})

    def count_anew(self, desk: Desk, slug: str) -> None:
        """Before a vote on a feature: who may vote is who is in its groups now. Raises ``Unavailable``."""
        for group in roles.voting_groups(desk, slug):
            try:
                self._read(desk, group)
            except Upstream as error:
                name = roles.group(desk, group).handle or group
                raise Unavailable(f"Slack does not say who is in @{name} now, so nobody can vote.") from error

    def check_named(self, desk: Desk, asked: Asked) -> None:
        """Before groups are named: read who is in them. Raises ``Invalid`` for one there is not, ``Upstream``."""
        for group in (one for role in NAMED for one in asked.people(role) if is_group(one)):
            if not self._read(desk, group):
                hint = "Mention it: /assay roles SLUG approver=@group"
                raise Invalid(f"Slack knows no user group {group}.", hint=hint)

    def _read(self, desk: Desk, group: str) -> bool:
        """Read one, leaving out who may only read; false where Slack no longer knows it: then nobody is in it."""
        handle = roles.group(desk, group).handle or self._slack.groups().get(group, "")
        try:
            told = self._slack.group_members(group)
        except SlackRefused as error:
            if error.code not in GONE_GROUP:
                raise
            told = None
        able = tuple(person for person in told or () if not self._reads_only(person))
        roles.keep_group(desk, GroupView(id=group, handle=handle, members=able))
        self._asked[group] = time.monotonic()
        return told is not None

    def _reads_only(self, person: str) -> bool:
        return (self._people.known(person, within=SCREENED_SECONDS) or self._people.ask(person)).reads_only


def check(desk: Desk, actor: Actor, asked: Asked, *, is_workspace_admin: bool = False) -> None:
    """Raises ``NotAllowed`` when this person may not ask this. Operators (``assay say``) may ask everything."""
    needed = role_of(asked)
    if actor.role is Role.OPERATOR or needed is Role.GUEST:
        return
    refuse_guest(actor, asked.verb)
    if asked.verb in BY_REQUEST or needed is Role.MEMBER:
        return
    _check_roles(desk, actor, asked, needed, is_workspace_admin=is_workspace_admin)


def refuse_guest(actor: Actor, act: str) -> None:
    """Raises ``NotAllowed`` for somebody who only reads, whatever roles they were given here."""
    if actor.role is Role.GUEST:
        raise NotAllowed(
            f"Guests, bots and people of other workspaces only read; {act} needs a member of this workspace.",
            hint="Ask somebody of the team to do it.",
        )


def check_words(desk: Desk, actor: Actor, words: str) -> None:
    """The same for a button or form that does what these words do."""
    check(desk, actor, parse(words))


def _check_roles(desk: Desk, actor: Actor, asked: Asked, needed: Role, *, is_workspace_admin: bool) -> None:
    slug = _slug(desk, asked)
    if slug and needed is not Role.ADMIN:
        features.show(desk, slug)  # a feature there is not is told as such, and not as a role that is lacking
    standing = roles.standing(desk, actor.id, slug)
    if any(role in standing.roles for role in SUFFICES[needed]):
        return
    if needed is Role.ADMIN and not standing.holders[Role.ADMIN] and is_workspace_admin:
        return  # the first admin is named by somebody who runs the workspace (docs/slack.md)
    who = tuple(dict.fromkeys(person for role in SUFFICES[needed] for person in standing.holders[role]))
    named = mentions(who)
    where = f" for {slug}" if slug else ""
    first = " A workspace admin names the first: /assay roles admin=@…" if not who else ""
    raise NotAllowed(f"{asked.verb} needs the role {needed}{where}.", hint=f"Who has it: {named}.{first}", people=who)


def _slug(desk: Desk, asked: Asked) -> str:
    word = asked.word()
    if asked.verb == "cancel":  # takes a run, and who may end it depends on its feature
        found = roles.slug_of_run(desk, word)
        if not found:
            raise NotFound(f"There is no run {word[:40]!r}.", hint="List them with: /assay status")
        return found
    return "" if asked.verb == "settings" and word in OF_THE_TEAM else word
