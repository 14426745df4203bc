"""Installing the app from a workspace: slack_bolt's own OAuth flow, its states and tokens kept by the desk.

Knows nothing of what runs once a workspace is in; `admit` is told of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from pydantic import SecretStr
from slack_bolt import BoltRequest, BoltResponse
from slack_bolt.error import BoltError
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.callback_options import CallbackOptions, FailureArgs, SuccessArgs
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from slack_sdk.oauth import InstallationStore, OAuthStateStore
from slack_sdk.oauth.installation_store import Installation
from typing_extensions import override

from bot.manifest import INSTALL_PATH, REDIRECT_PATH, SCOPES
from bot.pages import paper
from engine.desk import workspaces
from engine.desk.workspaces import Grant, Tokens
from engine.errors import Invalid, Refused, Upstream, WorkFailed
from engine.services import Services

log = logging.getLogger(__name__)

NOT_NOW = "Assay cannot take this workspace in at the moment. Nothing was changed; its log says why."
Admit = Callable[[Grant], None]


@dataclass(frozen=True)
class Installed:
    """It worked."""

    team_name: str


@dataclass(frozen=True)
class NotInstalled:
    """It did not. ``reason`` is Slack's or slack_bolt's word, ``says`` our own sentence where we refused."""

    reason: str
    says: str
    again: str


class Install:
    """The two addresses a person's browser comes to: before Slack asks whether to install, and after."""

    def __init__(self, services: Services, web: WebClient, admit: Admit) -> None:
        settings = services.settings
        base = settings.public_url.rstrip("/")
        quiet = logging.getLogger("slack_bolt.oauth")
        quiet.setLevel(logging.CRITICAL)  # it writes the code a browser brought into the log
        self._again = f"{base}{INSTALL_PATH}"
        self.flow = OAuthFlow(
            client=web,
            logger=quiet,
            settings=OAuthSettings(
                client_id=settings.slack_client_id,
                client_secret=settings.slack_client_secret.get_secret_value(),
                scopes=SCOPES,
                user_scopes=(),
                redirect_uri=f"{base}{REDIRECT_PATH}",
                install_path=INSTALL_PATH,
                install_page_rendering_enabled=False,
                redirect_uri_path=REDIRECT_PATH,
                callback_options=CallbackOptions(success=self._installed, failure=self._failed),
                authorization_url=urljoin(settings.slack_api_url, "../oauth/v2/authorize"),
                installation_store=_Store(services, admit),
                installation_store_bot_only=True,
                state_store=_States(services),
                state_expiration_seconds=int(workspaces.STATE_LASTS.total_seconds()),
                logger=quiet,
            ),
        )

    def begin(self, request: BoltRequest) -> BoltResponse:
        """Send a person to Slack, with a word that must come back in the same browser.

        What else the address says is left out: slack_bolt would put it into the one it sends them to, as it is.
        """
        return self.flow.handle_installation(BoltRequest(body="", headers=request.headers))

    def finish(self, request: BoltRequest) -> BoltResponse:
        """A person comes back: fetch the tokens, keep them, say how it went."""
        try:
            return self.flow.handle_callback(request)
        except OSError as error:
            log.warning("install.let_down", extra={"why": type(error).__name__})
            return _page(503, NotInstalled("unreachable", "", self._again))

    def _installed(self, args: SuccessArgs) -> BoltResponse:
        told = _page(200, Installed(str(args.installation.team_name or args.installation.team_id)))
        told.headers["set-cookie"] = [args.settings.state_utils.build_set_cookie_for_deletion()]
        return told

    def _failed(self, args: FailureArgs) -> BoltResponse:
        log.warning("install.refused", extra={"why": args.reason[:40]})
        says = str(args.error) if isinstance(args.error, BoltError) else ""
        status = args.suggested_status_code if not says else 503 if says == NOT_NOW else 400
        return _page(status, NotInstalled(args.reason, says, self._again))


class _States(OAuthStateStore):
    """Words that come back from Slack: sealed, so that nothing is stored before one comes back."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @override
    def issue(self, *args: Any, **kwargs: Any) -> str:
        del args, kwargs
        return workspaces.state(self._services)

    @override
    def consume(self, state: str) -> bool:
        return workspaces.take_state(self._services, state)


class _Store(InstallationStore):
    """Where slack_bolt leaves an installation; nothing of it asks for one."""

    def __init__(self, services: Services, admit: Admit) -> None:
        self._services = services
        self._admit = admit

    @override
    def save(self, installation: Installation) -> None:
        """Admit the workspace. Raises ``BoltError`` with a sentence for the person who installs."""
        org_wide = bool(installation.is_enterprise_install)
        try:
            self._admit(
                Grant(
                    team="" if org_wide else str(installation.team_id or ""),
                    team_name=str(installation.team_name or installation.team_id or ""),
                    enterprise=str(installation.enterprise_id or ""),
                    bot_user=str(installation.bot_user_id or ""),
                    scopes=",".join(installation.bot_scopes or ()),
                    installed_by=str(installation.user_id or ""),
                    tokens=Tokens(
                        bot=SecretStr(str(installation.bot_token or "")),
                        refresh=SecretStr(str(installation.bot_refresh_token or "")),
                    ),
                    expires_at=self._expires_at(installation.bot_token_expires_at),
                )
            )
        except Invalid as error:
            raise BoltError(str(error)) from error
        except (Refused, Upstream, WorkFailed) as error:  # it may name files and hosts, which are no stranger's
            log.error("install.failed", extra={"why": str(error)})  # noqa: TRY400 (no trace: the reason says it)
            raise BoltError(NOT_NOW) from error

    def _expires_at(self, stamp: int | None) -> datetime | None:
        return None if stamp is None else self._services.clock.now() + timedelta(seconds=stamp - time.time())


def _page(status: int, view: Installed | NotInstalled) -> BoltResponse:
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": paper.policy()}
    name = "installed" if isinstance(view, Installed) else "not_installed"
    return BoltResponse(status=status, body=paper.page(f"install/{name}", view), headers={**headers})
