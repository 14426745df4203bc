"""A bot of several workspaces behind real HTTP, two workspaces that may install it, and a browser that does.

Knows nothing of what is tested. Senders are stepped by the test, on a clock that the test moves.
"""

from __future__ import annotations

import http.client
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import uvicorn
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot import asgi
from bot.app import Bot, BotOfSeveral, assemble_several
from bot.standin.app import build_standin
from bot.standin.main import listen, server_for
from bot.standin.org import Org, build_org
from bot.standin.room import Room, Workspace
from bot.tenant import Tenant
from engine.services import Services
from engine.testing.clock import FixedClock
from tests.prepared import sqlite_in
from tests.slack.bot.wire import FORM, SECRET, Wire, signed
from tests.slack.standin.rooms import CHANNELS, PEOPLE, MovingClock, Served
from tests.waiting import eventually

ACME, BETA = "T0ACME", "T0BETA"
CLIENT = ("123.456", "client-secret-of-the-app")


@dataclass
class Slack:
    """Both workspaces at one address."""

    url: str
    org: Org
    rooms: dict[str, Served]


@contextmanager
def a_slack(clock: FixedClock, *, rotates: bool = True) -> Generator[Slack]:
    """Two workspaces, with the same people and channels by id, that an app may be installed in."""
    spaces = {team: Workspace(team_id=team, team_name=team[2:].title()) for team in (ACME, BETA)}
    rooms = {team: Room.open(":memory:", clock, work) for team, work in spaces.items()}
    for room in rooms.values():
        room.seed(PEOPLE, CHANNELS)
    apps = {team: build_standin(room) for team, room in rooms.items()}
    standins = {team: app.state.standin for team, app in apps.items()}
    org = Org(standins, clock, *CLIENT, rotates=rotates)
    server = server_for(build_org(org, apps))
    with listen(0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        eventually(lambda: server.started)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield Slack(url, org, {team: Served(f"{url}/{team}", one, MovingClock()) for team, one in standins.items()})
        server.should_exit = True
        thread.join(10)
    for room in rooms.values():
        room.close()


@dataclass
class Page:
    """What a browser was answered."""

    status: int
    body: str
    location: str
    cookie: str
    headers: dict[str, str]


@dataclass
class House:
    """A bot that listens at ``port`` for every workspace of ``slack``."""

    bot: BotOfSeveral
    services: Services
    slack: Slack
    port: int
    clock: FixedClock

    def get(self, address: str, *, cookie: str = "") -> Page:
        """A browser opens an address of the bot or of Slack; it follows nothing by itself."""
        parts = urlsplit(address)
        host = parts.netloc if parts.netloc and not parts.netloc.startswith("assay.") else f"127.0.0.1:{self.port}"
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            where = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("GET", where, headers={"Cookie": cookie} if cookie else {})
            answer = connection.getresponse()
            kept = str(answer.getheader("set-cookie") or "").partition(";")[0]
            headers = {name.lower(): value for name, value in answer.getheaders()}
            page = Page(answer.status, answer.read().decode(), headers.get("location", ""), kept, headers)
        finally:
            connection.close()
        return page

    def consented(self, team: str, *, more: str = "") -> tuple[str, str]:
        """A person begins here and says yes at Slack: the address they come back with, and their cookie."""
        begun = self.get("/slack/install")
        asked = self.get(f"{begun.location}&team={team}{more}")
        return asked.location, begun.cookie

    def install(self, team: str) -> Page:
        """The whole way."""
        back, cookie = self.consented(team)
        return self.get(back, cookie=cookie)

    def command(self, team: str, text: str) -> tuple[int, str]:
        """``/assay …`` from a workspace that may not be served: status and what is acknowledged."""
        said = {"team_id": team, "user_id": "U1", "channel_id": "C1", "command": "/assay", "text": text}
        body = urlencode({**said, "trigger_id": secrets.token_hex(4)}).encode()
        connection = http.client.HTTPConnection(f"127.0.0.1:{self.port}", timeout=60)
        try:
            connection.request("POST", "/slack/events", body, {"Content-Type": FORM, **signed(body)})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def tenant(self, team: str) -> Tenant:
        """The bot of one workspace."""
        return self.bot.workspaces.tenants()[team]

    def wire(self, team: str) -> Wire:
        """One workspace's side of the wire."""
        own = self.tenant(team)
        bot = Bot(self.bot.app, own.desk, own.slack, own.sender, own.pages)
        return Wire(bot, self.port, self.slack.rooms[team], self.clock)


def settings_of(services: Services, slack: Slack, *, keys: str = "") -> Services:
    """The same services for a bot that workspaces install."""
    made = services.settings.model_copy(
        update={
            "slack_client_id": CLIENT[0],
            "slack_client_secret": SecretStr(CLIENT[1]),
            "slack_keys": SecretStr(keys or Fernet.generate_key().decode()),
            "slack_signing_secret": SecretStr(SECRET),
            "slack_api_url": f"{slack.url}/api/",
            "public_url": "https://assay.example.com",
        }
    )
    return Services(
        settings=made,
        clock=services.clock,
        database=services.database,
        artifacts=services.artifacts,
        runner=services.runner,
        servers=services.servers,
    )


def prepared_place(services: Services, team: str) -> None:
    """A workspace's own database laid out beforehand, which is faster than to make it when it comes."""
    folder = Path(urlsplit(services.settings.of_team(team).database_url).path).parent
    folder.mkdir(parents=True)
    sqlite_in(folder)


@contextmanager
def housed(services: Services, slack: Slack) -> Generator[House]:
    """A bot over these services, listening on a free port until the end; its senders are not started."""
    clock = services.clock
    assert isinstance(clock, FixedClock)
    bot = assemble_several(services, launch=lambda _team, _tenant: None, monotonic=lambda: clock.now().timestamp())
    bot.workspaces.tend()
    web = asgi.web_of_several(bot.app, ready=lambda: [], pages=bot.workspaces.pages, install=bot.install)
    server = uvicorn.Server(uvicorn.Config(web, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    port = urlsplit(f"//127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}").port
    assert port is not None
    yield House(bot, services, slack, port, clock)
    server.should_exit = True
    thread.join(10)
    bot.app.listener_runner.listener_executor.shutdown(wait=True)
    for tenant in bot.workspaces.tenants().values():
        tenant.desk.close()


def forged(address: str) -> str:
    """The address with another state."""
    state = parse_qs(urlsplit(address).query)["state"][0]
    return address.replace(quote(state), "made-up")
