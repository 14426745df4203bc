"""Several workspaces behind one address, and how an app is installed in them: consent, codes, tokens that run out.

Each workspace is a stand-in of its own under `/<team>`; a call finds it by its token, as at Slack's own address.
Knows nothing of what the methods do but of the two about tokens.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from bot.blockkit.shape import Json
from bot.standin import faults
from bot.standin.context import Standin
from bot.standin.faults import Faults
from bot.standin.refusals import ApiRefused
from engine.clock import Clock

CODE_SECONDS = 600
TOKEN_SECONDS = 12 * 3600


@dataclass
class _Code:
    """What a person's consent is worth until it is exchanged."""

    team: str
    person: str
    scope: str
    redirect_uri: str
    until: float
    is_used: bool = False


@dataclass
class _Token:
    """A bot's token; `dead` is what Slack says of it once it opens nothing."""

    team: str
    scope: str
    until: float
    dead: str = ""


@dataclass
class Org:
    """The workspaces by id, the app, and everything it was given. `rotates`: tokens run out after twelve hours."""

    standins: Mapping[str, Standin]
    clock: Clock
    client_id: str
    client_secret: str
    rotates: bool = True
    faults: Faults = field(default_factory=Faults)
    calls: list[Json] = field(default_factory=list[Json])
    given: list[str] = field(default_factory=list[str])  # every token there ever was, for tests that look for them
    _codes: dict[str, _Code] = field(default_factory=dict[str, _Code])
    _tokens: dict[str, _Token] = field(default_factory=dict[str, _Token])
    _refresh: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])

    def consent(self, team: str, person: str, *, scope: str, redirect_uri: str) -> str:
        """A person says yes; the code that the app may exchange once."""
        code = secrets.token_hex(12)
        self._codes[code] = _Code(team, person, scope, redirect_uri, self._now() + CODE_SECONDS)
        return code

    def opened_by(self, token: str) -> str:
        """The workspace that a token opens."""
        found = self._tokens.get(token)
        if found is None:
            raise ApiRefused("invalid_auth" if token else "not_authed")
        if found.dead or found.until <= self._now():
            raise ApiRefused(found.dead or "token_expired")
        return found.team

    def take_away(self, team: str, said: str = "account_inactive") -> None:
        """A workspace uninstalls the app: no token of it opens anything any more."""
        for found in self._tokens.values():
            if found.team == team:
                found.dead = said
        self._refresh = {token: held for token, held in self._refresh.items() if held[0] != team}

    def revoke(self, token: str) -> None:
        """auth.revoke: this token opens nothing any more."""
        self.opened_by(token)
        self._tokens[token].dead = "token_revoked"

    def exchange(self, asked: Mapping[str, str]) -> Json:
        """oauth.v2.access: tokens for a code, or for a refresh token."""
        if asked.get("grant_type") == "refresh_token":
            held = self._refresh.pop(asked.get("refresh_token", ""), None)
            if held is None:
                raise ApiRefused("invalid_refresh_token")
            return self._given(*held)
        code = self._codes.get(asked.get("code", ""))
        if code is None or code.until <= self._now():
            raise ApiRefused("invalid_code")
        if code.is_used:
            raise ApiRefused("code_already_used")
        if code.redirect_uri != asked.get("redirect_uri", ""):
            raise ApiRefused("bad_redirect_uri")
        code.is_used = True
        return {**self._given(code.team, code.scope), "authed_user": {"id": code.person}}

    def _given(self, team: str, scope: str) -> Json:
        work = self.standins[team].room.workspace
        token = f"{'xoxe.xoxb' if self.rotates else 'xoxb'}-{team}-{secrets.token_hex(12)}"
        self._tokens[token] = _Token(team, scope, self._now() + TOKEN_SECONDS if self.rotates else float("inf"))
        self.given.append(token)
        told: Json = {
            "app_id": work.app_id,
            "scope": scope,
            "token_type": "bot",
            "access_token": token,
            "bot_user_id": work.bot_user_id,
            "team": {"id": team, "name": work.team_name},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if self.rotates:
            refresh = f"xoxe-1-{secrets.token_hex(12)}"
            self._refresh[refresh] = (team, scope)
            self.given.append(refresh)
            told |= {"refresh_token": refresh, "expires_in": TOKEN_SECONDS}
        return told

    def _now(self) -> float:
        return self.clock.now().timestamp()


def build_org(org: Org, apps: Mapping[str, Starlette]) -> Starlette:
    """One address for all of them; `apps` are the stand-ins by workspace, as `build_standin` makes them."""

    @asynccontextmanager
    async def ends(_app: Starlette) -> AsyncGenerator[None]:
        yield
        for standin in org.standins.values():
            await standin.delivery.close()
            await standin.sockets.close()

    made = Starlette(
        routes=[
            Route("/oauth/v2/authorize", _authorize),
            Route("/api/oauth.v2.access", _access, methods=["POST"]),
            Route("/api/auth.revoke", _revoke, methods=["GET", "POST"]),
            Route("/api/{method}", _ByToken(org, apps)),
            *(Mount(f"/{team}", app) for team, app in apps.items()),
        ],
        lifespan=ends,
    )
    made.state.org = org
    return made


async def _authorize(request: Request) -> Response:
    """Slack's page that asks for consent. Here whoever comes says yes, in the workspace of `team`; or no: `deny`."""
    org: Org = request.app.state.org
    asked = request.query_params
    if asked.get("client_id") != org.client_id:
        return JSONResponse({"ok": False, "error": "invalid_client_id"}, 400)
    back = {"state": asked.get("state", "")}
    if asked.get("deny"):
        back["error"] = "access_denied"
    else:
        team, redirect = asked.get("team") or next(iter(org.standins)), asked.get("redirect_uri", "")
        back["code"] = org.consent(team, asked.get("user", "U1"), scope=asked.get("scope", ""), redirect_uri=redirect)
    return RedirectResponse(f"{asked.get('redirect_uri', '')}?{urlencode(back)}", 302)


async def _access(request: Request) -> Response:
    org: Org = request.app.state.org
    asked = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    fault = org.faults.take("oauth.v2.access")
    broken = await faults.answer(fault, request) if fault and not fault.after else None
    if broken is not None:
        return broken
    org.calls.append({"method": "oauth.v2.access", "grant_type": asked.get("grant_type", "code")})
    if _basic(request) != (org.client_id, org.client_secret):
        return JSONResponse({"ok": False, "error": "bad_client_secret"})
    try:
        return JSONResponse({"ok": True, **org.exchange(asked)})
    except ApiRefused as refused:
        return JSONResponse({"ok": False, "error": refused.code})


async def _revoke(request: Request) -> Response:
    org: Org = request.app.state.org
    try:
        org.revoke(request.headers.get("authorization", "").removeprefix("Bearer "))
    except ApiRefused as refused:
        return JSONResponse({"ok": False, "error": refused.code})
    return JSONResponse({"ok": True, "revoked": True})


class _ByToken:
    """Hands a call to the workspace its token opens, with the token that workspace's stand-in knows."""

    def __init__(self, org: Org, apps: Mapping[str, Starlette]) -> None:
        self._org = org
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        token = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ").strip()
        first = next(iter(self._org.standins))
        is_app = token == self._org.standins[first].room.workspace.app_token
        try:
            team = first if is_app else self._org.opened_by(token)
        except ApiRefused as refused:
            await JSONResponse({"ok": False, "error": refused.code})(scope, receive, send)
            return
        known = token if is_app else self._org.standins[team].room.workspace.bot_token
        headers[b"authorization"] = f"Bearer {known}".encode()
        path = f"/{team}{scope['path']}"
        moved = {"path": path, "raw_path": path.encode(), "root_path": f"/{team}", "headers": list(headers.items())}
        await self._apps[team]({**scope, **moved}, receive, send)


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(told, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, secret) if scheme.lower() == "basic" else ("", "")
