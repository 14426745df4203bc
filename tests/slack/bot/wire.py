"""A whole bot behind real HTTP for a test, and Slack's side of the wire: signed deliveries and what people see.

Knows nothing of what is tested. The sender is stepped by the test, on a clock that the test moves.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import uvicorn
from pydantic import SecretStr
from sqlmodel import select

from bot import asgi
from bot.app import Bot, assemble, stuck
from bot.standin import files, messages, payloads, people, tickets, views
from bot.standin.room import Person
from engine.desk import Desk, mail
from engine.models.mail import MailState, Outbox
from engine.services import Services
from engine.settings import Settings
from engine.testing.clock import FixedClock
from tests.builders import waiting
from tests.slack.standin.rooms import Served
from tests.waiting import eventually

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
Delivery = tuple[bytes, str]  # a body and its content type


def settings_for(room: Served, services: Services) -> Settings:
    """The settings of a bot that takes the stand-in for Slack."""
    return services.settings.model_copy(
        update={
            "slack_bot_token": SecretStr("xoxb-standin"),
            "slack_signing_secret": SecretStr(SECRET),
            "slack_api_url": f"{room.url}/api/",
        }
    )


@dataclass
class Wire:
    """A bot that listens at ``port``, and the room it talks to."""

    bot: Bot
    port: int
    room: Served
    clock: FixedClock
    acked: list[tuple[int, str, float]] = field(default_factory=list[tuple[int, str, float]])

    @property
    def desk(self) -> Desk:
        """The bot's own desk."""
        return self.bot.desk

    def send(self, delivery: Delivery, **headers: str) -> tuple[int, str]:
        """POST a delivery, signed unless the headers say otherwise; status and body."""
        body, kind = delivery
        return self.post(body, {"Content-Type": kind, **signed(body), **headers})

    def post(self, body: bytes, headers: dict[str, str], *, chunked: bool = False) -> tuple[int, str]:
        """POST whatever was asked for."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        began = time.monotonic()
        try:
            told = iter([body]) if chunked else body
            connection.request("POST", "/slack/events", told, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            status, said = answer.status, answer.read().decode()
        finally:
            connection.close()
        self.acked.append((status, said, time.monotonic() - began))
        return status, said

    def at_once(self, deliveries: list[Delivery]) -> list[tuple[int, str]]:
        """All of them at the same moment."""
        with ThreadPoolExecutor(len(deliveries)) as pool:
            return list(pool.map(self.send, deliveries))

    def command(self, text: str, person: str = "U1", channel: str = "C1", *, answered: bool = True) -> Delivery:
        """``/assay …`` as Slack hands it over, with a trigger and (``answered``) an address to answer at."""
        room = self.room.standin.room
        where = people.channel(room, channel)
        assert where is not None
        payload = payloads.command(room, self.person(person), where, text)
        payload["trigger_id"] = self.trigger(person)
        if answered:
            place = {"channel": channel, "user": person}
            payload["response_url"] = tickets.issue_response_url(room, self.room.url, place)
        return urlencode(payload).encode(), FORM

    def press(self, ts: str, action: str, value: str = "", person: str = "U1", channel: str = "C1") -> Delivery:
        """A press on a button of a message."""
        room = self.room.standin.room
        where = people.channel(room, channel)
        assert where is not None
        kept = messages.find(room, channel, ts)
        message = kept.body if kept else {"ts": ts}
        payload = payloads.press_in_message(room, self.person(person), where, message)
        payload["actions"] = [
            {"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": f"{time.time():.6f}"}
        ]
        payload["trigger_id"] = self.trigger(person)
        place = {"channel": channel, "user": person}
        payload["response_url"] = tickets.issue_response_url(room, self.room.url, place)
        return interactive(payload)

    def press_home(self, action: str, value: str = "", person: str = "U1") -> Delivery:
        """A press on a button of the Home tab: it comes with no channel and no address to answer at."""
        room = self.room.standin.room
        kept = views.home(room, person)
        assert kept is not None
        payload = payloads.press_in_view(room, self.person(person), views.view_json(room, kept))
        pressed = {"type": "button", "action_id": action, "value": value, "action_ts": f"{time.time():.6f}"}
        return interactive({**payload, "actions": [pressed], "trigger_id": self.trigger(person)})

    def shortcut(self, callback_id: str, ts: str = "", person: str = "U1", channel: str = "C1") -> Delivery:
        """A shortcut that was picked, of a message where ``ts`` names one."""
        room = self.room.standin.room
        payload = payloads.shortcut(room, self.person(person), callback_id)
        if ts:
            kept, where = messages.find(room, channel, ts), people.channel(room, channel)
            assert kept is not None
            assert where is not None
            payload = payloads.message_shortcut(room, self.person(person), where, callback_id, message=kept.body)
            place = {"channel": channel, "user": person}
            payload["response_url"] = tickets.issue_response_url(room, self.room.url, place)
        return interactive({**payload, "trigger_id": self.trigger(person)})

    def share(
        self, content: bytes, *, name: str = "labels.csv", person: str = "U1", channel: str = "C1", thread: str = ""
    ) -> tuple[str, str]:
        """A file that a person shares: its id, and where its message stands. No event is sent of it."""
        room = self.room.standin.room
        file_id = str(files.begin(room, files.Upload(person, name, self.room.url))["id"])
        files.fill(room, file_id, content)
        shown = files.complete(room, file_id, title="", channel=channel)
        body = messages.post(room, messages.Place(channel, thread), person, {"text": "here", "files": [shown]})
        files.place(room, file_id, channel, body)
        return file_id, str(body["ts"])

    def dropped(self, file_id: str, person: str = "U1", channel: str = "C1") -> Delivery:
        """The event of a file that was shared."""
        where = messages.Place(channel)
        return self.event(payloads.file_shared(self.person(person), where, {"id": file_id}, "1.0"))

    def person(self, person: str) -> Person:
        """Somebody of the room."""
        found = people.person(self.room.standin.room, person)
        assert found is not None
        return found

    def submission(
        self, callback_id: str, values: dict[str, Any], *, person: str = "U1", carried: str = ""
    ) -> Delivery:
        """A form that was sent; ``carried`` is its private metadata."""
        room = self.room.standin.room
        view = {
            "type": "modal",
            "id": f"V{secrets.token_hex(6)}",
            "callback_id": callback_id,
            "private_metadata": f"C1 {carried}",
            "blocks": [{"type": "input", "block_id": name} for name in values],
            "state": {"values": {name: {"x": said} for name, said in values.items()}},
        }
        return interactive(payloads.submission(room, self.person(person), view))

    def event(self, inner: dict[str, Any]) -> Delivery:
        """An event of the Events API."""
        return json.dumps(payloads.event(self.room.standin.room, inner)).encode(), "application/json"

    def trigger(self, person: str) -> str:
        """A trigger that opens one form within three seconds."""
        return self.room.standin.triggers.issue(person)

    def dm(self, person: str) -> str:
        """The bot's own conversation with a person."""
        return people.dm_of(self.room.standin.room, person).id

    def seen(self, person: str = "U1", channel: str = "C1") -> list[str]:
        """The texts a person sees in a channel, private answers included."""
        return [str(one.get("text", "")) for one in self.blocks(person, channel)]

    def blocks(self, person: str = "U1", channel: str = "C1") -> list[dict[str, Any]]:
        """The messages a person sees in a channel."""
        return messages.roots(self.room.standin.room, channel, person)

    def posted(self, channel: str = "C1") -> list[dict[str, Any]]:
        """The messages everybody sees in a channel."""
        return messages.roots(self.room.standin.room, channel)

    def modal(self, person: str = "U1") -> dict[str, Any] | None:
        """The form a person has open."""
        kept = views.top(self.room.standin.room, person)
        return kept.body if kept else None

    def calls(self, method: str) -> list[dict[str, Any]]:
        """What the bot called, oldest first."""
        return [one["arguments"] for one in self.room.standin.calls if one["method"] == method]

    def answer(self, delivery: Delivery, person: str = "U1", channel: str = "C1") -> str:
        """Deliver, and give the one new line the person sees, in the acknowledgement or in the channel."""
        before = len(self.seen(person, channel))
        status, said = self.send(delivery)
        assert status == 200, said
        if said:
            return str(json.loads(said).get("text", ""))
        return str(eventually(lambda: self.seen(person, channel)[before:])[-1])

    def settle(self) -> None:
        """Send everything that waits, whatever time that takes on the clock."""
        for _ in range(60):
            self.idle()
            while self.bot.sender.step():
                pass
            if not waiting(self.desk):
                return
            self.clock.move(seconds=6)
        raise AssertionError([(row.method, row.entity, row.error) for row in waiting(self.desk)])

    def idle(self) -> None:
        """Wait until every accepted delivery is worked off."""
        eventually(
            lambda: (
                not [
                    row for row in waiting(self.desk) if row.method in (mail.DELIVERY, mail.FETCH) and not row.attempts
                ]
            )
        )
        eventually(lambda: not self.rows(MailState.SENDING))

    def rows(self, state: MailState) -> list[Outbox]:
        """Rows of the outbox in a state."""
        with self.desk.services.database.read() as tx:
            return list(tx.exec(select(Outbox).where(Outbox.state == state)))


def interactive(payload: dict[str, Any]) -> Delivery:
    """A press or a form as Slack posts it."""
    return urlencode({"payload": json.dumps(payload)}).encode(), FORM


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Slack's signature of a body, made by its own published recipe."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


@contextmanager
def wired(services: Services, room: Served) -> Generator[Wire]:
    """A bot over these services, listening on a free port until the end."""
    made = Services(
        settings=settings_for(room, services),
        clock=services.clock,
        database=services.database,
        artifacts=services.artifacts,
        runner=services.runner,
        servers=services.servers,
    )
    bot = assemble(made, monotonic=lambda: services.clock.now().timestamp())
    server = uvicorn.Server(
        uvicorn.Config(
            asgi.web(bot.app, ready=lambda: stuck(bot), pages=bot.pages), port=0, log_config=None, lifespan="off"
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    port = urlsplit(f"//127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}").port
    assert port is not None
    assert isinstance(services.clock, FixedClock)
    yield Wire(bot, port, room, services.clock)
    server.should_exit = True
    thread.join(10)
    bot.app.listener_runner.listener_executor.shutdown(wait=True)
    bot.desk.durable.close()
