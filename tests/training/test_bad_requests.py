"""Whatever is sent to a candidate's server, it answers 4xx to what is wrong, and the next question is heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import socket
from collections.abc import Generator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest
from pydantic import BaseModel

from engine.servers import Endpoint
from engine.servers.local import LARGEST_BODY, MOST_TEXTS, build_app, served
from engine.train import Answer

MODEL = "c0ffee" * 10
GOOD: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "where is my refund"}]}


class Sure:
    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [Answer(text='{"label": "billing"}', confidence=0.9) for _ in inputs]


class Label(BaseModel):
    label: str


@pytest.fixture(scope="module")
def endpoint() -> Generator[Endpoint]:
    with served(build_app(MODEL, Sure()), MODEL) as at:
        yield at


def is_well(endpoint: Endpoint) -> bool:
    reply = httpx2.post(f"{endpoint.base_url}/chat/completions", json=GOOD, timeout=30)
    return reply.status_code == 200


def test_the_openai_client_asks_in_every_way_it_has(endpoint: Endpoint) -> None:
    messages = GOOD["messages"]
    with openai.OpenAI(base_url=endpoint.base_url, api_key="none", max_retries=0) as client:
        once = client.chat.completions.create(model=MODEL, messages=messages)
        parsed = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Label)
        told = client.chat.completions.create(
            model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(told)
    assert once.choices[0].message.content == '{"label": "billing"}'
    assert parsed.choices[0].message.parsed == Label(label="billing")
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []
    assert asyncio.run(_asked(endpoint)) == ["billing", "billing"]


async def _asked(endpoint: Endpoint) -> list[str]:
    messages = GOOD["messages"]
    async with openai.AsyncOpenAI(base_url=endpoint.base_url, api_key="none", max_retries=0) as client:
        once = await client.chat.completions.create(model=MODEL, messages=messages)
        flow = await client.chat.completions.create(model=MODEL, messages=messages, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in flow])
    return [json.loads(said or "")["label"] for said in (once.choices[0].message.content, text)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/classify", b'{"input": []}', 400),
        ("/classify", json.dumps({"input": ["x"] * (MOST_TEXTS + 1)}).encode(), 400),
        ("/classify", b'{"input": 7}', 400),
        ("/classify", b"[" * 100_000, 400),
        ("/classify", b'{"input": "\\ud800"}', 400),
        ("/chat/completions", b'{"model": "' + b"x" * LARGEST_BODY + b'"}', 413),
        ("/chat/completions", json.dumps({**GOOD, "n": 2}).encode(), 400),
        ("/chat/completions", json.dumps({**GOOD, "tools": [{"type": "function"}]}).encode(), 400),
        ("/chat/completions", json.dumps({**GOOD, "messages": [{"role": "user", "content": [1]}]}).encode(), 400),
        ("/nowhere", b"{}", 404),
        ("/models", b"{}", 405),
    ],
)
def test_what_is_wrong_is_a_4xx_in_openai_s_words(endpoint: Endpoint, path: str, body: bytes, status: int) -> None:
    reply = httpx2.post(f"{endpoint.base_url}{path}", content=body, timeout=30)
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]["message"]
    assert is_well(endpoint)


def test_spoilt_requests_of_every_kind_leave_it_standing(endpoint: Endpoint) -> None:
    drawn = random.Random(7)
    good = json.dumps(GOOD).encode()
    with httpx2.Client(base_url=endpoint.base_url, timeout=30) as client:
        for _ in range(300):
            path = drawn.choice(["/chat/completions", "/classify"])
            reply = client.post(path, content=spoilt(good, drawn), headers={"content-type": "application/json"})
            assert reply.status_code == 200 or 400 <= reply.status_code < 500, (reply.status_code, reply.text)
    assert is_well(endpoint)


def spoilt(good: bytes, drawn: random.Random) -> bytes:
    """Bytes cut, changed, doubled or replaced."""
    body = bytearray(good)
    for _ in range(drawn.randint(1, 6)):
        place = drawn.randrange(len(body))
        match drawn.randrange(4):
            case 0:
                del body[place : place + drawn.randint(1, 20)]
            case 1:
                body[place] = drawn.randrange(256)
            case 2:
                body[place:place] = body[: drawn.randint(1, 40)]
            case _:
                body[place : place + 4] = drawn.choice([b"null", b"1e99", b"[[[[", b"{}{}", b'"":0'])
        body = body or bytearray(b"{")
    return bytes(body)


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
        b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n{}",
        b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/classify HTTP/1.1\r\nX: " + b"x" * 100_000,
    ],
)
def test_a_connection_that_breaks_off_or_lies_harms_nobody_else_and_fills_no_log(
    endpoint: Endpoint, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    where = urlsplit(endpoint.base_url)
    log = logging.getLogger("uvicorn.error")  # which hands nothing on
    log.addHandler(caplog.handler)
    for _ in range(20):
        with contextlib.suppress(OSError), socket.create_connection((where.hostname, where.port), timeout=10) as wire:
            wire.sendall(raw)
    assert is_well(endpoint)
    log.removeHandler(caplog.handler)
    assert not [record for record in caplog.records if record.exc_info]
