"""Workspaces that install the Slack app by themselves: their tokens, sealed, and each one's own place.

A workspace's features, people, policy and money lie in a database of its own, so that no question of one can reach
what is another's (docs/decisions/0033-a-database-for-each-workspace.md). This deployment's own database holds no more
than who installed, and the tokens.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime, timedelta

from pydantic import SecretStr

from engine.errors import Invalid, NotFound, NotReady, Repeated
from engine.models.base import Value
from engine.models.mail import Once
from engine.models.workspace import Workspace
from engine.services import Services, build
from engine.store import mail, workspaces
from engine.store.database import make_beside
from engine.vault import Vault

STATE_LASTS = timedelta(minutes=10)  # between "Add to Slack" and coming back
RENEWING_LASTS = timedelta(seconds=60)  # then another process may ask; a call takes ten seconds at most
RENEW_BEFORE = timedelta(hours=2)  # Slack's tokens last twelve
_STATE = "state "
_TEAM = re.compile(r"T[A-Z0-9]{1,30}")


class Tokens(Value):
    """What opens a workspace: the bot's token, and the one that renews it ("" where tokens do not run out)."""

    bot: SecretStr
    refresh: SecretStr = SecretStr("")


class Grant(Value):
    """What Slack gave when somebody installed the app."""

    team: str
    team_name: str
    enterprise: str = ""
    bot_user: str
    scopes: str
    installed_by: str
    tokens: Tokens
    expires_at: datetime | None = None


class Known(Value):
    """A workspace as this deployment knows it. ``version`` grows with its tokens."""

    team: str
    team_name: str
    bot_user: str
    scopes: str
    version: int
    expires_at: datetime | None
    ended_at: datetime | None
    said: str


def state(services: Services) -> str:
    """A word that comes back from Slack with whoever installs; nobody else can make one."""
    return _vault(services).seal(_STATE + secrets.token_urlsafe(16), services.clock.now())


def take_state(services: Services, given: str) -> bool:
    """Whether a word that came back is one of ours, young enough, and here for the first time."""
    now = services.clock.now()
    known = _vault(services).open_within(given, now, STATE_LASTS)
    if not known.startswith(_STATE):
        return False
    with services.database.write() as tx:
        mail.forget_taken(tx, now)
        try:
            mail.take(tx, services.clock, Once(team="", key=known, kind="install"))
        except Repeated:
            tx.rollback()
            return False
    return True


def keep(services: Services, grant: Grant) -> Known:
    """Store an installation; one of a workspace that is known replaces what was known of it."""
    now = services.clock.now()
    row = Workspace(
        **grant.model_dump(exclude={"tokens"}), installed_at=now, sealed=_sealed(services, grant.tokens), version=1
    )
    with services.database.write() as tx:
        return _known(workspaces.keep(tx, row))


def place(services: Services, team: str) -> Services:
    """The services of one workspace over its own database, which has no tables yet where it is new.

    Raises ``Invalid`` for what is no workspace, ``NotReady`` for a PostgreSQL database that cannot be made.
    """
    if not _TEAM.fullmatch(team):
        raise Invalid(
            "Assay is installed into one workspace at a time, not into a whole organisation.",
            hint="Choose a workspace where Slack asks for one.",
        )
    settings = services.settings.of_team(team)
    make_beside(services.database, settings.database)
    return build(settings, clock=services.clock)


def every(services: Services) -> list[Known]:
    """All workspaces, those that took Assay away too."""
    with services.database.read() as tx:
        return [_known(row) for row in workspaces.every(tx)]


def known(services: Services, team: str) -> Known | None:
    """One workspace."""
    with services.database.read() as tx:
        row = workspaces.by_team(tx, team)
    return _known(row) if row else None


def tokens(services: Services, team: str) -> Tokens:
    """A workspace's tokens. Raises ``NotFound`` where it has none, ``NotReady`` where no key of ours opens them."""
    with services.database.read() as tx:
        row = workspaces.by_team(tx, team)
    if row is None or not row.sealed:
        raise NotFound(f"{team} has not installed Assay.", hint="Have it installed: /slack/install")
    found = json.loads(_vault(services).open(row.sealed))
    return Tokens(bot=SecretStr(found["bot"]), refresh=SecretStr(found["refresh"]))


def begin_renewal(services: Services, one: Known) -> Tokens | None:
    """The tokens to renew, if it is time and nobody else does it; then ``renew`` or ``not_renewed`` must follow.

    Of all processes one gets them: Slack takes a refresh token once. Raises as ``tokens``.
    """
    now = services.clock.now()
    if one.expires_at is None or one.expires_at > now + RENEW_BEFORE:
        return None
    found = tokens(services, one.team)
    with services.database.write() as tx:
        is_ours = workspaces.claim_renewal(tx, one.team, one.version, now=now, until=now + RENEWING_LASTS)
    return found if is_ours else None


def renew(services: Services, one: Known, tokens: Tokens, *, lasts: timedelta) -> bool:
    """Store the tokens that follow; false where the workspace was installed anew or took Assay away meanwhile."""
    until = services.clock.now() + lasts
    with services.database.write() as tx:
        return workspaces.renew(tx, one.team, one.version, sealed=_sealed(services, tokens), expires_at=until)


def note(services: Services, one: Known, said: str) -> None:
    """Keep what Slack said against a workspace's tokens, for doctor; "" where all is well again."""
    with services.database.write() as tx:
        row = workspaces.by_team(tx, one.team)
        if row is not None and row.version == one.version:
            row.said = said
            tx.add(row)


def end(services: Services, team: str, at: datetime) -> bool:
    """Delete the tokens of a workspace that took Assay away at a moment; its records stay.

    False for an end from before it was installed: Slack may deliver one late, after it was installed again.
    """
    with services.database.write() as tx:
        return workspaces.end(tx, team, at)


def reseal(services: Services) -> int:
    """Seal with the newest key what an older one sealed, so that the older one can go; how many were sealed anew."""
    vault, now = _vault(services), services.clock.now()
    done = 0
    with services.database.write() as tx:
        for row in workspaces.held(tx):  # what is sealed anew must not take the place of tokens that come meanwhile
            if not row.sealed or vault.is_newest(row.sealed):
                continue
            try:
                row.sealed = vault.seal(vault.open(row.sealed), now)
            except NotReady:  # doctor names it
                continue
            tx.add(row)
            done += 1
    return done


def _vault(services: Services) -> Vault:
    return Vault(services.settings.slack_keys.get_secret_value())


def _sealed(services: Services, tokens: Tokens) -> str:
    text = json.dumps({"bot": tokens.bot.get_secret_value(), "refresh": tokens.refresh.get_secret_value()})
    return _vault(services).seal(text, services.clock.now())


def _known(row: Workspace) -> Known:
    return Known(**row.model_dump(include=set(Known.model_fields)))
