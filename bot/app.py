"""The bot: one Bolt app for HTTP and Socket Mode, the sender beside it, and the one place where errors end."""

from __future__ import annotations

import argparse
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvicorn
from slack_bolt import App, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.oauth import OAuthFlow
from slack_sdk import WebClient
from starlette.applications import Starlette

from bot import asgi, commands
from bot.doors import attach
from bot.install import Install
from bot.manifest import missing_scopes
from bot.outbox import Sender
from bot.several import Anybody, Launch, Workspaces
from bot.socket import LINK_FIX, TOKEN_SECONDS, Wire, pauses
from bot.start import listen, refuse_without_slack
from bot.surface import CALL_SECONDS, DEAD_TOKEN, Slack, SlackRefused
from bot.tenant import Broken, Tenant, furnish
from engine import stop
from engine.desk import Desk, mail, operate, workspaces
from engine.errors import Refused, Upstream
from engine.log import set_up
from engine.services import Services, build
from engine.settings import Settings, load_settings

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
T = TypeVar("T")
STUCK_SECONDS = 600.0
UNUSABLE = 78  # EX_CONFIG of sysexits.h: starting again is useless until a person has changed a setting


@dataclass(frozen=True)
class Bot:
    """The parts of a running bot; ``facts`` are what it learned of Slack, for ``doctor``."""

    app: App
    desk: Desk
    slack: Slack
    sender: Sender
    pages: asgi.Pages
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


def main(argv: list[str]) -> int:
    """Run until stopped: Socket Mode with ``SLACK_APP_TOKEN``, else HTTP on ``PORT``; health pages in both.

    78 where Socket Mode is switched off for the app.
    """
    parser = argparse.ArgumentParser(
        prog="assay bot",
        description="The Slack bot: Socket Mode when SLACK_APP_TOKEN is set, else HTTP on /slack/events.",
        epilog="Example: SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… assay bot",
    )
    parser.parse_args(argv)
    settings = load_settings()
    set_up(settings.log_level)
    refuse_without_slack(settings)
    services = build(settings)
    operate.prepare(services)
    return serve(services, stop.on_signal())


def build_app(services: Services, *, client: WebClient | None = None) -> App:
    """The Bolt app alone: no network, no thread, nothing read from the environment."""
    return assemble(services, client=client).app


def assemble(
    services: Services, *, client: WebClient | None = None, monotonic: Callable[[], float] = time.monotonic
) -> Bot:
    """All parts of a bot, none of them started. ``monotonic`` paces what is sent."""
    settings = services.settings
    token = settings.slack_bot_token.get_secret_value()
    web = client or WebClient(token, base_url=settings.slack_api_url, timeout=CALL_SECONDS, retry_handlers=[])
    tenant = furnish(services, web, foreseen=_foreseen, monotonic=monotonic)
    app = _app(settings, web, authorize=_authorization(token))
    attach(app, lambda _team: tenant.listener)
    return Bot(app, tenant.desk, tenant.slack, tenant.sender, tenant.pages)


@dataclass(frozen=True)
class BotOfSeveral:
    """The parts of a bot that several workspaces installed."""

    app: App
    workspaces: Workspaces
    install: Install
    web: WebClient


def assemble_several(
    services: Services, *, launch: Launch, monotonic: Callable[[], float] = time.monotonic
) -> BotOfSeveral:
    """The same where workspaces install the app by themselves; ``launch`` starts the sender of one that came."""

    def make(own: Services, web: WebClient, team: str) -> Tenant:
        return furnish(own, web, foreseen=_foreseen, monotonic=monotonic, team=team)

    several = Workspaces(services, furnish=make, launch=launch, foreseen=_foreseen, monotonic=monotonic)
    web = WebClient(base_url=services.settings.slack_api_url, timeout=CALL_SECONDS, retry_handlers=[])
    install = Install(services, web, lambda grant: _foreseen("install.broke", lambda: several.admit(grant)))
    app = _app(services.settings, web, authorize=Anybody(), oauth_flow=install.flow)
    app.use(several.hear)
    attach(app, several.door)
    return BotOfSeveral(app, several, install, web)


def _app(
    settings: Settings,
    web: WebClient,
    *,
    authorize: Callable[..., AuthorizeResult],
    oauth_flow: OAuthFlow | None = None,
) -> App:
    commands.load()
    app = App(
        logger=logging.getLogger("slack_bolt"),  # kept at warning: at info it writes bodies
        client=web,
        signing_secret=settings.slack_signing_secret.get_secret_value() or secrets.token_hex(),
        authorize=authorize,
        oauth_flow=oauth_flow,
        listener_executor=ThreadPoolExecutor(asgi.THREADS, thread_name_prefix="listener"),
        request_verification_enabled=True,
    )
    app.error(_garbage)
    return app


@dataclass(frozen=True)
class _Program:
    """What is to be served and what runs beside it."""

    app: App
    client: WebClient
    threads: list[threading.Thread]
    web: Callable[[asgi.Ready], Starlette]
    why_not: asgi.Ready


def serve(services: Services, stopping: threading.Event) -> int:
    """Start everything and wait until told to stop; the exit code, ``UNUSABLE`` where Slack takes no connection."""
    listening = listen(services.settings)  # before any thread: a refusal ends the program
    program = _for_several(services, stopping) if services.settings.serves_several else _for_one(services, stopping)
    for thread in program.threads:
        thread.start()
    app_token = services.settings.slack_app_token.get_secret_value()
    wire = Wire(program.app, program.client, app_token) if app_token else None
    web = program.web(lambda: [*(wire.unconnected() if wire else []), *program.why_not()])
    server = uvicorn.Server(
        uvicorn.Config(web, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    )
    log.info("bot.listening", extra={"port": listening.getsockname()[1]})
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web")
    serving.start()
    if wire is not None:
        wire.connect(stopping)
    stopping.wait()
    if wire is not None:
        wire.close()
    server.should_exit = True
    for thread in [*program.threads, serving]:
        thread.join(timeout=CALL_SECONDS)
    if wire is not None and wire.is_disabled:
        log.error("socket.disabled", extra={"fix": LINK_FIX})
        return UNUSABLE
    return 0


def _for_one(services: Services, stopping: threading.Event) -> _Program:
    bot = assemble(services)
    why_not: list[str] = ["starting"]
    mail.recover(bot.desk)

    def beat() -> None:
        facts = {**bot.facts, "why_not": bot.facts.get("why_not") or bot.sender.dead_token}
        operate.beat(services, "bot", facts)

    threads = [
        threading.Thread(target=_greet, args=(services, bot, why_not, stopping), name="greet"),
        threading.Thread(target=bot.sender.run, args=(stopping,), name="sender"),
        threading.Thread(target=_again, args=(beat, stopping), name="beat"),
    ]

    def web(ready: asgi.Ready) -> Starlette:
        return asgi.web(bot.app, ready=ready, pages=bot.pages)

    return _Program(bot.app, bot.slack.client, threads, web, lambda: [*why_not, *stuck(bot)])


def _for_several(services: Services, stopping: threading.Event) -> _Program:
    def launch(team: str, tenant: Tenant) -> None:
        threading.Thread(target=tenant.sender.run, args=(stopping,), name=f"sender {team}").start()

    workspaces.reseal(services)
    bot = assemble_several(services, launch=launch)
    bot.workspaces.tend()  # whoever is here is served before anything is taken

    def tend() -> None:
        operate.beat(services, "bot")
        bot.workspaces.tend()

    def web(ready: asgi.Ready) -> Starlette:
        return asgi.web_of_several(bot.app, ready=ready, pages=bot.workspaces.pages, install=bot.install)

    tending = threading.Thread(target=_again, args=(tend, stopping), name="tend")
    return _Program(bot.app, bot.web, [tending], web, lambda: _unreachable(services))


def _unreachable(services: Services) -> list[str]:
    workspaces.every(services)  # raises where the database is away; one workspace's trouble is none of the others'
    return []


def _foreseen(event: str, work: Callable[[], T]) -> T:
    """Do the work; whatever nobody foresaw is logged once and comes out as ``Broken``."""
    try:
        return work()
    except (Refused, Upstream):
        raise
    except Exception as error:
        reference = secrets.token_hex(2).upper()
        log.exception(event, extra={"ref": reference})
        raise Broken(reference) from error


def _garbage(error: Exception, response: BoltResponse | None) -> BoltResponse | None:
    """A signed payload that has not the shape Slack promises: never our fault, so never a 5xx (docs/slack.md)."""
    log.warning("slack.garbage", exc_info=error)
    return None if response is None else BoltResponse(status=400, body="Not understood.")


def _authorization(token: str) -> Callable[..., AuthorizeResult]:
    """One workspace, one token: known without asking Slack before each acknowledgement, as Bolt's own would."""

    def authorize(**_facts: object) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token, bot_user_id="", bot_id="")

    return authorize


def _greet(services: Services, bot: Bot, why_not: list[str], stopping: threading.Event) -> None:
    """Ask Slack who we are; a bad token is told at ``/readyz`` and tried again every 30 s, the process stays."""
    waits = pauses()
    while not stopping.is_set():
        try:
            greeting = bot.slack.who_am_i()
        except (SlackRefused, Upstream, OSError) as error:
            why_not[:] = [str(error)]
            bot.facts["why_not"] = str(error)
            log.warning("bot.not_ready", extra={"why": str(error)})
            is_dead = isinstance(error, SlackRefused) and error.code in DEAD_TOKEN
            stopping.wait(TOKEN_SECONDS if is_dead else next(waits))
            continue
        said = greeting.said
        operate.meet_slack(
            services, team=said.get("team_id", ""), team_name=said.get("team", ""), bot_user=said.get("user_id", "")
        )
        missing = missing_scopes(greeting.scopes)
        bot.facts.update(why_not="", missing_scopes=missing, clock_off_seconds=greeting.ahead(services.clock.now()))
        log.info("bot.ready", extra={"team": said.get("team", ""), "missing_scopes": " ".join(missing)})
        why_not.clear()
        return


def _again(tend: Callable[[], None], stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            tend()
        except Upstream as error:
            log.warning("heartbeat.missed", extra={"why": str(error)})
        stopping.wait(BEAT_SECONDS)


def stuck(bot: Bot) -> list[str]:
    """Why messages do not go out; empty while they do."""
    depth = mail.depth(bot.desk)
    waits = (
        [f"the oldest message waits for {depth.oldest_seconds:.0f} s"] if depth.oldest_seconds > STUCK_SECONDS else []
    )
    return [*waits, *([f"Slack says {bot.sender.dead_token}"] if bot.sender.dead_token else [])]
