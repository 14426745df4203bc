"""Every HTTP surface Assay has, really served, and what each is asked in good order."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from engine import status
from engine.servers.local import build_app
from engine.servers.local import served as locally
from engine.services import Services
from engine.testing.clock import FixedClock
from engine.train import Answer
from tests.fuzz.shower import Request, Surface
from tests.gateway.running import KEY, gateway, route
from tests.gateway.upstream import says, upstream
from tests.slack.bot.several import ACME, CLIENT, a_slack, housed, settings_of
from tests.slack.bot.wire import FORM, SECRET, signed, wired
from tests.slack.standin.rooms import served

Served = Callable[[Services, Path], AbstractContextManager[Surface]]
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Where is my invoice?"}], "user": "u1", "stream": False}
PLACE = {"user": {"id": "U1"}, "team": {"id": "T0DEMO"}, "channel": {"id": "C1"}}
SLACK = (("Content-Type", FORM),)


@contextmanager
def bot(services: Services, _home: Path) -> Generator[Surface]:
    """The bot behind HTTP: signed deliveries, pages, health."""
    command = {
        "command": "/assay",
        "text": "help",
        "user_id": "U1",
        "channel_id": "C1",
        "team_id": "T0DEMO",
        "trigger_id": "1.2",
    }
    pressed = {"action_id": "approval.approve", "value": "1.1", "action_ts": "1.2"}
    press = {"type": "block_actions", "actions": [pressed], "message": {"ts": "1.0"}} | PLACE
    said = {"type": "app_mention", "user": "U1", "channel": "C1", "text": "<@U0> help", "ts": "1.1"}
    event = {"type": "event_callback", "event_id": "E1", "team_id": "T0DEMO", "event": said}
    good = (
        Request("POST", "/slack/events", urlencode(command).encode(), SLACK),
        Request("POST", "/slack/events", urlencode({"payload": json.dumps(press)}).encode(), SLACK),
        Request("POST", "/slack/events", event),
        *(
            Request("GET", path)
            for path in (
                "/healthz",
                "/metrics",
                "/reports/inv-aaaaaa/20270228-b",
                "/readings/a/b",
                "/digests/2026-11/k",
            )
        ),
    )
    with served(patience=3.0) as room, wired(services, room) as wire:
        yield Surface("bot", wire.port, good, (SECRET, "xoxb-standin"), finish=signed, fine=frozenset({503}))


@contextmanager
def bot_of_several(services: Services, _home: Path) -> Generator[Surface]:
    """The addresses at which a workspace installs the app, and pages by workspace."""
    paths = (
        "/slack/install?team=T0ACME",
        "/slack/oauth_redirect?error=access_denied&state=x",
        "/slack/oauth_redirect?code=c&state=gAAAAA",
        "/w/T0ACME/reports/inv-aaaaaa/20270228-b",
        "/w/T0NOBODY/digests/2026-11/k",
    )
    cookie = (("Cookie", "slack-app-oauth-state=gAAAAA"),)
    good = tuple(Request("GET", path, headers=cookie) for path in paths)
    with a_slack(FixedClock()) as slack, housed(settings_of(services, slack), slack) as house:
        house.install(ACME)
        yield Surface("bot of several", house.port, good, (CLIENT[1], SECRET))


@contextmanager
def the_gateway(_services: Services, home: Path) -> Generator[Surface]:
    """The gateway between a product and a model."""
    key = (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json"))
    flag = {"context": {"targetingKey": "user-1"}}
    exposures = {"exposures": [{"feature": "triage", "unit": "user-1", "variant": "baseline", "ok": True}]}
    good = (
        Request("POST", "/f/triage/v1/chat/completions", CHAT, key),
        Request("POST", "/f/triage/v1/chat/completions", CHAT | {"stream": True}, key),
        Request("POST", "/v1/chat/completions", CHAT | {"model": "assay/triage"}, key),
        Request("POST", "/v1/embeddings", {"model": "assay/triage", "input": "x"}, key),
        Request("POST", "/ofrep/v1/evaluate/flags/triage", flag, key),
        Request("POST", "/ofrep/v1/evaluate/flags", flag, key),
        Request("POST", "/v1/feedback", {"call": "0199", "score": -1}, key),
        Request("POST", "/v1/exposures", exposures, key),
        *(Request("GET", path, headers=key) for path in ("/healthz", "/readyz", "/metrics", "/v1/models")),
    )
    with upstream(says()) as model, gateway(home, triage=route(model.url, model.url)) as gate:
        yield Surface("gateway", _port(gate.url), good, (KEY,))


@contextmanager
def candidate(_services: Services, _home: Path) -> Generator[Surface]:
    """The server of a candidate, with a classifier that needs no weights."""
    good = (
        Request("POST", "/v1/chat/completions", CHAT | {"model": "cand"}),
        Request("POST", "/v1/chat/completions", CHAT | {"model": "cand", "stream": True}),
        Request("POST", "/v1/classify", {"input": ["a", "b"]}),
        *(Request("GET", path) for path in ("/healthz", "/v1/models")),
    )
    with locally(build_app("cand", Sure()), "cand") as endpoint:
        yield Surface("candidate", _port(endpoint.base_url), good)


@contextmanager
def standin(_services: Services, _home: Path) -> Generator[Surface]:
    """The small Slack of the demo."""
    token = (("Authorization", "Bearer xoxb-standin"), ("Content-Type", "application/json"))
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "hello *you*"}}]
    good = (
        Request("POST", "/api/chat.postMessage", {"channel": "C1", "text": "hello", "blocks": blocks}, token),
        Request("POST", "/api/views.open", {"trigger_id": "1.2", "view": {"type": "modal", "blocks": blocks}}, token),
        Request("POST", "/api/users.info", {"user": "U1"}, token),
        *(Request("GET", path) for path in ("/", "/c/C1", "/healthz")),
    )
    with served() as room:
        yield Surface("stand-in", _port(room.url), good)


@contextmanager
def probes(services: Services, _home: Path) -> Generator[Surface]:
    """Health and metrics of engine and scheduler."""
    server = status.serve("127.0.0.1", 0, ready=list, gauges=list)
    try:
        yield Surface(
            "status",
            server.server_port,
            (Request("GET", "/healthz"), Request("GET", "/metrics")),
            fine=frozenset({501}),
        )
    finally:
        server.shutdown()
        server.server_close()


class Sure:
    """Answers every question the same."""

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """One answer a text."""
        return [Answer(text="billing", confidence=0.9) for _ in inputs]


SURFACES: tuple[Served, ...] = (bot, bot_of_several, the_gateway, candidate, standin, probes)


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
