"""A request whose end two readers could see in two places is refused, and nothing of it goes up."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from tests.gateway.running import KEY, gateway, route
from tests.gateway.upstream import says, upstream
from tests.waiting import SECONDS

BODY = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
START = b"POST /f/triage/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY.encode() + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)

DOUBTFUL = {
    "a length and chunks": START + LENGTH + CHUNKED + b"\r\n" + CHUNKS,
    "chunks and a length": START + CHUNKED + LENGTH + b"\r\n" + CHUNKS,
    "two lengths": START + LENGTH + b"Content-Length: 5\r\n\r\n" + BODY,
    "the same length twice": START + LENGTH + LENGTH + b"\r\n" + BODY,
    "a list of lengths": START + b"Content-Length: 5, 6\r\n\r\n" + BODY,
    "a signed length": START + b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
    "a length in hex": START + b"Content-Length: 0x3a\r\n\r\n" + BODY,
    "an unknown coding": START + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
    "chunked twice": START + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKS,
    "chunked not last": START + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNKS,
    "a space before the colon": START + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY,
    "a bare line feed": START.replace(b"\r\nHost", b"\nHost") + LENGTH + b"\r\n" + BODY,
    "a folded header": START + b"X: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY,
    "a folded coding": START + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS,
    "a chunk's extension": START + CHUNKED + b"\r\n%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a last chunk's extension": START + CHUNKED + b"\r\n%x\r\n%s\r\n0;a\r\n\r\n" % (len(BODY), BODY),
    "a chunk line that ends in a line feed": START + CHUNKED + b"\r\n%x\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a length that is no number of bytes": START + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n" + BODY,
    "a trailer": START + CHUNKED + b"\r\n" + CHUNKS[:-2] + b"X-Assay-Unit: other\r\n\r\n",
    "a tunnel": START.replace(b"POST", b"CONNECT") + LENGTH + b"\r\n" + BODY,
    "a chunk's extension behind an empty line": b"\r\n\r\n" + START + CHUNKED + b"\r\n%x;a=b\r\n" % len(BODY) + BODY,
    "a chunk in no hex": START + CHUNKED + b"\r\nzz\r\n" + BODY,
    "a nul in a header": START + b"X: a\x00b\r\n" + LENGTH + b"\r\n" + BODY,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "a huge header": START + b"X: " + b"y" * 70_000 + b"\r\n" + LENGTH + b"\r\n" + BODY,
    "many headers": START + b"".join(b"X-%d: y\r\n" % n for n in range(9_000)) + LENGTH + b"\r\n" + BODY,
}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory):
    with upstream(says()) as model, gateway(tmp_path_factory.mktemp("gate"), triage=route(model.url)) as running:
        yield running, model


def sent(url: str, parts: list[bytes]) -> bytes:
    """What is answered; nothing where the connection was closed while we still sent."""
    host, port = url.removeprefix("http://").split(":")
    seen = b""
    with socket.create_connection((host, int(port)), timeout=SECONDS) as line, suppress(ConnectionError):
        for part in parts:
            line.sendall(part)
        while b"\r\n\r\n" not in seen and (block := line.recv(65536)):
            seen += block
    return seen


@pytest.mark.parametrize("kind", DOUBTFUL)
@pytest.mark.parametrize("is_split", [False, True])
def test_a_doubtful_request_is_refused_and_nothing_goes_up(gate, kind: str, is_split: bool) -> None:
    running, model = gate
    raw = DOUBTFUL[kind]
    before = len(model.asked)
    parts = [raw[:90], raw[90:200], raw[200:]] if is_split else [raw]
    said = sent(running.url, parts)
    status = b"413" if "huge" in kind or "many" in kind else b"400"
    assert said.split(b" ")[1:2] == [status] or (is_split and not said)
    assert len(model.asked) == before


@pytest.mark.parametrize("is_split", [False, True])
def test_plain_chunks_are_fine(gate, is_split: bool) -> None:
    running, model = gate
    raw = START + CHUNKED + b"\r\n5\r\n" + BODY[:5] + b"\r\n%X\r\n" % (len(BODY) - 5) + BODY[5:] + b"\r\n0\r\n\r\n"
    parts = [raw[at : at + 1] for at in range(len(raw))] if is_split else [raw]
    assert sent(running.url, parts).startswith(b"HTTP/1.1 200")
    assert model.asked[-1].body == BODY
    assert model.asked[-1].header("content-length") == str(len(BODY))


def test_two_requests_on_one_connection_are_two_calls(gate) -> None:
    running, model = gate
    before = len(model.asked)
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as line:
        line.sendall((START + LENGTH + b"\r\n" + BODY) * 2)
        seen = b""
        while seen.count(b"HTTP/1.1 200") < 2:
            seen += line.recv(65536)
    assert len(model.asked) == before + 2


def test_a_request_behind_another_is_looked_at_as_the_first_is(gate) -> None:
    running, model = gate
    before, refused = len(model.asked), running.app.parts.counts["refused", "bad_body"]
    sent(running.url, [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + DOUBTFUL["a chunk's extension"]])
    assert sent(running.url, [DOUBTFUL["no HTTP"]]).startswith(b"HTTP/1.1 400")
    assert len(model.asked) == before
    assert running.app.parts.counts["refused", "bad_body"] == refused + 2


def test_a_request_whose_body_comes_after_the_request_before_it_is_served(gate) -> None:
    running, model = gate
    before = len(model.asked)
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as line:
        line.sendall(START + LENGTH + b"\r\n" + BODY + START + LENGTH + b"\r\n")
        seen = line.recv(65536)
        line.sendall(BODY)
        while seen.count(b"HTTP/1.1 200") < 2:
            seen += line.recv(65536)
    assert [one.body for one in model.asked[before:]] == [BODY, BODY]


@pytest.mark.parametrize("is_split", [False, True])
def test_a_caller_who_offers_another_protocol_is_answered_in_http_1(gate, is_split: bool) -> None:
    running, model = gate
    head = START + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n" + LENGTH + b"\r\n"
    assert sent(running.url, [head, BODY] if is_split else [head + BODY]).startswith(b"HTTP/1.1 200")
    assert model.asked[-1].body == BODY
    assert not model.asked[-1].header("upgrade")
