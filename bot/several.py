"""The bots of all workspaces that installed Assay, each over a database of its own; their tokens, kept fresh.

A workspace that takes Assay away is shut at once, its records stay. What goes wrong with one stops that one alone.
Knows nothing of how threads are started: ``launch`` is told of a bot that shall send.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import SecretStr
from slack_bolt import BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.authorize import Authorize
from slack_sdk import WebClient
from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.token_rotation import TokenRotator
from typing_extensions import override

from bot import asgi, payloads
from bot.doors import Door, Shut
from bot.manifest import INSTALL_PATH, missing_scopes
from bot.socket import TOKEN_SECONDS
from bot.surface import CALL_SECONDS, DEAD_TOKEN, SlackRefused
from bot.tenant import Broken, Foreseen, Tenant
from engine.desk import mail, operate, workspaces
from engine.desk.workspaces import Grant, Known, Tokens
from engine.errors import NotFound, Refused, Unavailable, Upstream
from engine.services import Services

log = logging.getLogger(__name__)

UNINSTALLED = "app_uninstalled"
ENDS = (UNINSTALLED, "tokens_revoked")
REVOKED = "token_revoked"

Furnish = Callable[[Services, WebClient, str], Tenant]
Launch = Callable[[str, Tenant], None]


@dataclass
class _Open:
    """A workspace's bot in this process, the version of its tokens, and when its dead token was last tried."""

    tenant: Tenant
    version: int
    is_live: bool = True
    revoked_at: datetime | None = None
    asked_at: float | None = None


class Workspaces:
    """Every bot there is. ``tend`` must be called every few seconds; all else is asked by deliveries and browsers."""

    def __init__(
        self,
        services: Services,
        *,
        furnish: Furnish,
        launch: Launch,
        foreseen: Foreseen,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = services.settings
        self._services = services
        self._furnish = furnish
        self._launch = launch
        self._foreseen = foreseen
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._why: dict[str, str] = {}
        self._rotator = TokenRotator(
            client_id=settings.slack_client_id,
            client_secret=settings.slack_client_secret.get_secret_value(),
            client=self._client(),
        )

    def door(self, team: str) -> Door:
        """Where deliveries of a workspace go in; a shut one for a workspace that is not ours (any more)."""
        found = self._open.get(team)
        if found is not None and found.is_live:
            return found.tenant.listener
        try:
            one = workspaces.known(self._services, team)
            if one is not None and one.ended_at is None:
                return self._opened(one).tenant.listener
        except Upstream as error:
            return Shut(str(error), comes_again=True)
        except Refused as error:
            self._told(team, error)
            return Shut("Assay cannot serve this workspace at the moment. Whoever runs it sees why: assay doctor")
        where = f"{self._services.settings.public_url.rstrip('/')}{INSTALL_PATH}"
        return Shut(f"Assay is not installed in this workspace. To install it: {where}")

    def pages(self, team: str) -> asgi.Pages:
        """The pages of a workspace. Raises ``NotFound`` for one that is not served."""
        found = self._open.get(team)
        if found is None or not found.is_live:
            raise NotFound("There is no such page, or its address has run out.", hint="Ask Assay for a new one.")
        return found.tenant.pages

    def tenants(self) -> dict[str, Tenant]:
        """The bots that serve a workspace now, by its id."""
        return {team: found.tenant for team, found in self._open.items() if found.is_live}

    def admit(self, grant: Grant) -> None:
        """A workspace was installed, or installed anew: keep its tokens, and serve it at once. Raises ``Refused``."""
        own = workspaces.place(self._services, grant.team)  # before anything is kept: it may not be possible
        operate.prepare(own)
        own.database.close()
        one = workspaces.keep(self._services, grant)
        log.info("workspace.installed", extra={"team": grant.team})
        self._opened(one)

    def tend(self) -> None:
        """Serve who came, shut who left, renew tokens in time, say that the bot is alive. Raises ``Unavailable``."""
        for one in workspaces.every(self._services):
            try:
                self._foreseen("workspace.broke", partial(self._look_after, one))
            except (Refused, Upstream, Broken) as error:
                self._told(one.team, error)
            else:
                self._why.pop(one.team, None)

    def hear(self, body: dict[str, Any], context: BoltContext, next_: Callable[[], Any]) -> Any:  # noqa: ANN401 (Bolt's)
        """Bolt's middleware: the event that a workspace took Assay away takes effect before it is acknowledged."""
        event = payloads.part(body, "event")
        if event.get("type") not in ENDS:
            return next_()
        team, at = str(context.team_id or ""), datetime.fromtimestamp(int(body["event_time"]), UTC)
        try:
            if event["type"] == UNINSTALLED:
                self._end(team, at)
            elif payloads.part(event, "tokens").get("bot"):  # those of people are none of ours
                self._revoked(team, at)
        except Unavailable:
            return BoltResponse(status=503)
        return next_()

    def _look_after(self, one: Known) -> None:
        if one.ended_at is not None:
            self._shut(one.team)
            return
        one = self._renewed(one)
        found = self._opened(one)
        facts = {"why_not": found.tenant.sender.dead_token, "missing_scopes": missing_scopes(one.scopes)}
        operate.beat(found.tenant.desk.services, "bot", facts)
        self._hear_out(found, one)

    def _opened(self, one: Known) -> _Open:
        """The workspace's bot with its newest token, made where this process has none yet."""
        with self._lock:
            found = self._open.get(one.team)
            if found is not None and found.is_live and found.version >= one.version:
                return found
            token = workspaces.tokens(self._services, one.team).bot.get_secret_value()
            if found is None:
                found = self._open[one.team] = self._made(one, token)
                self._launch(one.team, found.tenant)
            found.tenant.slack.client.token = token
            found.tenant.sender.dead_token = ""
            found.version, found.is_live, found.revoked_at = one.version, True, None
        log.info("workspace.served", extra={"team": one.team})
        return found

    def _made(self, one: Known, token: str) -> _Open:
        own = workspaces.place(self._services, one.team)
        operate.prepare(own)
        operate.meet_slack(own, team=one.team, team_name=one.team_name, bot_user=one.bot_user)
        tenant = self._furnish(own, self._client(token), one.team)
        mail.recover(tenant.desk)
        return _Open(tenant, one.version)

    def _client(self, token: str | None = None) -> WebClient:
        base = self._services.settings.slack_api_url
        return WebClient(token, base_url=base, timeout=CALL_SECONDS, retry_handlers=[])

    def _shut(self, team: str) -> None:
        found = self._open.get(team)
        if found is not None and found.is_live:
            found.is_live, found.tenant.sender.dead_token = False, UNINSTALLED
            found.tenant.slack.client.token = None
            log.warning("workspace.left", extra={"team": team})

    def _end(self, team: str, at: datetime) -> None:
        if workspaces.end(self._services, team, at):
            self._shut(team)

    def _revoked(self, team: str, at: datetime) -> None:
        """Send nothing until Slack was asked: it may have been an older token than the one we hold."""
        found = self._open.get(team)
        if found is not None and found.is_live:
            found.revoked_at, found.asked_at, found.tenant.sender.dead_token = at, None, REVOKED

    def _hear_out(self, found: _Open, one: Known) -> None:
        """A token that Slack refused is tried again every half minute; what was revoked for good has ended."""
        sender, now = found.tenant.sender, self._monotonic()
        if not sender.dead_token:
            if one.said and (one.expires_at is None or not self._is_due(one)):
                workspaces.note(self._services, one, "")
            return
        if found.asked_at is not None and now - found.asked_at < TOKEN_SECONDS:
            return
        found.asked_at = now
        try:
            found.tenant.slack.who_am_i()
        except SlackRefused as error:
            if error.code in DEAD_TOKEN and found.revoked_at is not None:
                self._end(one.team, found.revoked_at)
            elif error.code != one.said:
                workspaces.note(self._services, one, error.code)
        else:
            sender.dead_token, found.revoked_at = "", None

    def _is_due(self, one: Known) -> bool:
        until = one.expires_at
        return until is not None and until <= self._services.clock.now() + workspaces.RENEW_BEFORE

    def _renewed(self, one: Known) -> Known:
        """The workspace with new tokens, where its old ones run out soon and no other process is at it."""
        old = workspaces.begin_renewal(self._services, one)
        if old is None:
            return one
        try:
            fresh = self._rotator.perform_bot_token_rotation(bot=_as_bot(one, old))
        except SlackTokenRotationError as error:
            said: Any = error.api_error.response
            workspaces.note(self._services, one, str(said.get("error", "")) or "nothing")
            log.error("workspace.not_renewed", extra={"team": one.team})  # noqa: TRY400 (the trace holds what was sent)
            return one
        except OSError as error:
            log.warning("workspace.not_renewed", extra={"team": one.team, "why": type(error).__name__})
            return one
        if fresh is None or fresh.bot_token_expires_at is None:
            workspaces.note(self._services, one, "not_a_bot_token")
            return one
        tokens = Tokens(bot=SecretStr(fresh.bot_token), refresh=SecretStr(fresh.bot_refresh_token or ""))
        lasts = timedelta(seconds=fresh.bot_token_expires_at - time.time())
        workspaces.renew(self._services, one, tokens, lasts=lasts)
        log.info("workspace.renewed", extra={"team": one.team})
        return workspaces.known(self._services, one.team) or one

    def _told(self, team: str, error: Exception) -> None:
        if self._why.get(team) != str(error):
            self._why[team] = str(error)
            log.error("workspace.not_served", extra={"team": team, "why": str(error)})


class Anybody(Authorize):
    """Lets every signed delivery in without asking Slack: the door of its workspace says whether it may."""

    @override
    def __call__(self, **facts: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=facts.get("enterprise_id"), team_id=facts.get("team_id"), bot_token="")


def _as_bot(one: Known, tokens: Tokens) -> Bot:
    """As slack_sdk wants it; its day of expiry is passed, so that it is renewed whatever slack_sdk's clock says."""
    return Bot(
        team_id=one.team,
        bot_token=tokens.bot.get_secret_value(),
        bot_refresh_token=tokens.refresh.get_secret_value(),
        bot_token_expires_at=0,
        bot_id="",
        bot_user_id=one.bot_user,
        installed_at=0.0,
    )
