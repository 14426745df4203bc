"""Serve a stand-in for a test on a free port, and talk to it as slack_sdk, as an app and as a person would.

Knows nothing of what is tested.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.standin.app import build_standin
from bot.standin.context import Standin, Tour, Verb
from bot.standin.main import listen, server_for
from bot.standin.room import Channel, Person, Room, Workspace
from tests.waiting import SECONDS, eventually

PEOPLE = [
    Person("U1", "mara", "Mara Lind", "Product engineer, asks"),
    Person("U2", "jonas", "Jonas Weber", "Approver"),
    Person("U3", "amina", "Amina Diallo", "Approver"),
    Person("U4", "lea", "Lea Roth", "Manager", is_admin=True),
    Person("U5", "guest", "Gil Guest", "Guest", is_guest=True),
]
CHANNELS = [
    Channel("C1", "ticket-router", "The feature that sorts tickets"),
    Channel("C2", "random"),
    Channel("C3", "secret", has_app=False),
]
TOUR = Tour(
    (Verb("help", "every verb in one line"), Verb("register", "a feature", "register ticket-router")),
    ("Type /assay help", "Press a button", "Switch to Jonas and approve"),
)


class MovingClock:
    """A clock that a test pushes on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def push(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Served:
    """A stand-in that answers at `url`."""

    url: str
    standin: Standin
    clock: MovingClock

    def client(self, **options: Any) -> WebClient:
        return WebClient(token="xoxb-standin", base_url=f"{self.url}/api/", retry_handlers=[], **options)

    def post(self, path: str, payload: object) -> tuple[int, Any]:
        """POST JSON, as a test does to a hidden endpoint and an app to a response_url."""
        body = json.dumps(payload).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, {"Content-Type": "application/json"})
        return answer_of(request)

    def form(self, path: str, **fields: str | list[str]) -> tuple[int, Any]:
        """POST a form, as the page does."""
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        return answer_of(urllib.request.Request(f"{self.url}{path}", body, {"Origin": self.url}))

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return answer_of(urllib.request.Request(f"{self.url}{path}", headers=headers))


def answer_of(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode("utf-8", "replace")


@contextmanager
def served(store: Path | str = ":memory:", **options: Any) -> Iterator[Served]:
    clock = MovingClock()
    workspace = Workspace(groups={"S1": ["U2", "U3"]})
    room = Room.open(store, clock, workspace)
    room.seed(PEOPLE, CHANNELS)
    app = build_standin(room, tour=TOUR, **options)
    server = server_for(app)
    with listen(0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        eventually(lambda: server.started)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app.state.standin, clock)
        server.should_exit = True
        thread.join(SECONDS)
    room.close()


@dataclass
class App:
    """An app on Socket Mode: keeps what it is sent and acknowledges with what the test laid out."""

    client: SocketModeClient
    got: list[SocketModeRequest] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def take(self, client: Any, request: SocketModeRequest) -> None:
        self.got.append(request)
        if request.type not in self.silent:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, self.answers.get(request.type)))

    def wait(self, kind: str, count: int = 1) -> list[SocketModeRequest]:
        return eventually(lambda: found if len(found := [it for it in self.got if it.type == kind]) >= count else None)


@contextmanager
def connected(room: Served) -> Iterator[App]:
    web = WebClient(base_url=f"{room.url}/api/", retry_handlers=[])
    app = App(SocketModeClient(app_token="xapp-standin", web_client=web, ping_interval=30))
    app.client.socket_mode_request_listeners.append(app.take)
    before = room.standin.sockets.count
    app.client.connect()
    eventually(lambda: room.standin.sockets.count > before)
    link = app.client.current_session
    assert link is not None
    assert link.sock is not None
    link.sock.settimeout(0.05)  # the SDK waits 3 s in recv before it closes
    try:
        yield app
    finally:
        app.client.close()
        app.client.message_workers.shutdown(wait=True)
        app.client.current_session_runner.shutdown()
        app.client.message_processor.shutdown()
