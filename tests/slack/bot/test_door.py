"""The door: who is let in, how much may be brought, and that nothing brought in breaks the bot."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, given, settings

from bot.app import build_app
from bot.asgi import Pages, web
from engine.desk import features
from engine.errors import Unavailable
from engine.services import Services
from engine.testing.scripted_server import serving
from tests.slack.bot.garbage import NEARLY, garbage
from tests.slack.bot.wire import FORM, SECRET, Wire, interactive, signed
from tests.waiting import eventually

REGISTER = "register ticket-router model=m prompt=Sort labels=a,b"


def refused(wire: Wire, headers: dict[str, str]) -> None:
    body, kind = wire.command(REGISTER)
    base = {"Content-Type": kind, **signed(body)}
    assert wire.post(body, {name: value for name, value in (base | headers).items() if value != "-"})[0] == 401


def test_a_forged_unsigned_old_or_future_delivery_is_refused_without_effect(wire: Wire) -> None:
    body, _ = wire.command(REGISTER)
    now = time.time()
    for headers in (
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "-"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Request-Timestamp": "-"},
        {"X-Slack-Request-Timestamp": "yesterday"},
        {"X-Slack-Request-Timestamp": "٣"},
        {"X-Slack-Request-Timestamp": "9" * 5_000},
        signed(body, at=now - 301),
        signed(body, at=now + 302),
        signed(body, secret=SECRET[::-1]),
        signed(body + b"&x=1"),
    ):
        encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        refused(wire, encoded)
    assert features.every(wire.desk) == []
    assert wire.seen() == []
    status, _ = wire.send(wire.command(REGISTER))
    assert status == 200
    eventually(lambda: features.every(wire.desk))


def test_a_megabyte_is_the_most_chunked_or_not(wire: Wire) -> None:
    most = 1024 * 1024
    body = b"text=" + b"x" * (most - 5)
    assert wire.send((body, FORM))[0] == 404, "read whole, and no command"
    for big in (body + b"x", body * 3):
        headers = {"Content-Type": FORM, **signed(big)}
        assert wire.post(big, headers)[0] == 413
        assert wire.post(big, headers, chunked=True)[0] == 413
    assert wire.send(wire.command("help"))[0] == 200


def test_slack_is_told_not_to_try_again_what_was_refused(wire: Wire) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=60)
    for body, status in ((b"x", 401), (b"x" * (1024 * 1024 + 1), 413)):
        connection.request("POST", "/slack/events", body)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.headers["X-Slack-No-Retry"]) == (status, "1")
    connection.close()


def test_the_address_of_events_is_verified(wire: Wire) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
    status, said = wire.send((body, "application/json"))
    assert status == 200
    assert "3eZbrw1aB" in said


def test_garbage_is_never_our_fault(wire: Wire) -> None:
    statuses: set[int] = set()
    for payload in NEARLY:
        status, said = wire.send(interactive(payload))
        assert status < 500, (payload, said)
        statuses.add(status)

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(garbage())
    def shower(delivery: tuple[bytes, str]) -> None:
        status, said = wire.send(delivery)
        assert status < 500, (delivery, said)
        statuses.add(status)

    shower()
    assert statuses & {400, 404}, "garbage is told apart from what is understood"
    assert wire.send(wire.command("help"))[0] == 200, "and the bot lives on"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_served_beside(wire: Wire, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.read()
    connection.close()


def test_a_database_that_is_away_makes_pages_say_so_and_not_break(services: Services) -> None:
    def away(*_address: str) -> Any:
        raise Unavailable("The database does not answer.")

    pages = Pages(report=away, reading=away, digest=away, policy="default-src 'none'")
    with serving(web(build_app(services), ready=away, pages=pages)) as url:
        for path in (
            "/readyz",
            "/reports/inv-7k3mq9ab/20270228-k3mq9abk3mq9abk3",
            "/readings/ticket-router/k3mq9abk3mq9abk3",
            "/digests/2026-10/k3mq9abk3mq9abk3",
        ):
            with pytest.raises(HTTPError) as told:
                urlopen(f"{url}{path}")
            assert told.value.code == 503
            assert "does not answer" in told.value.read().decode()
