"""Who may: a person's standing against what a verb needs. Every refusal names the role and who has it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.grammar import Asked, parse, role_of
from bot.surface import GONE_PERSON, Slack, SlackRefused
from engine.desk import Desk, approvals, features, roles
from engine.errors import NotAllowed
from engine.models.actor import Actor, Role

KEPT_SECONDS = 300.0  # how long what Slack says of a person is believed (docs/slack.md)
APPROVE, APPROVE_BUTTON = "approve", "approval.approve"
RUNS = ("inv-", "lab-")
BY_REQUEST = (APPROVE, "reject")  # their desk functions refuse with the exact list of who may
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

    def count_votes_anew(self, desk: Desk, token: str) -> None:
        """Before another vote: those of people who left, or are guests now, no longer count. Raises ``Upstream``."""
        for person in approvals.voters(desk, token):
            if self.ask(person).reads_only:
                roles.left(desk, person)


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
    if slug and not slug.startswith(RUNS):
        features.show(desk, slug)  # a feature there is not is told as such, and not as a role that is lacking
    standing = roles.standing(desk, actor.id, slug)
    if any(role in standing.roles for role in SUFFICES[needed]):
        return
    if needed is Role.ADMIN and not standing.holders[Role.ADMIN] and is_workspace_admin:
        return  # the first admin is named by somebody who runs the workspace (docs/slack.md)
    who = tuple(dict.fromkeys(person for role in SUFFICES[needed] for person in standing.holders[role]))
    named = ", ".join(f"<@{person}>" for person in who) or "nobody yet"
    where = f" for {slug}" if slug else ""
    first = " A workspace admin names the first: /assay roles admin=@…" if not who else ""
    raise NotAllowed(f"{asked.verb} needs the role {needed}{where}.", hint=f"Who has it: {named}.{first}", people=who)


def _slug(desk: Desk, asked: Asked) -> str:
    word = asked.word()
    return roles.slug_of_run(desk, word) if word.startswith(RUNS) else word
