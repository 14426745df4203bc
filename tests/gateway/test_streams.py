"""Streams come through event by event and byte-true; what is cut is said to be cut, and who leaves costs no more."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.rules.frame import Arm, Fault, Finish, Flag, Role
from tests.gateway.running import BASELINE_UNIT, KEY, TUNED_UNIT, Gateway, canary, gateway, route, until
from tests.gateway.upstream import (
    CLOSE,
    DONE,
    HANG,
    RESET,
    ROLE,
    Script,
    answer,
    chunk,
    completion,
    events,
    says,
    steps,
    streamed,
    upstream,
)  # fmt: skip
from tests.waiting import SECONDS

ERROR = b'data: {"error":{"message":"overloaded"}}\n\n'
WORD = chunk({"content": "bill"})
WANTS = {"stream": True, "stream_options": {"include_usage": True}}


def test_a_stream_is_forwarded_byte_for_byte_when_its_usage_was_asked_for(tmp_path: Path) -> None:
    parts = [b": hello\n\n", b'event: x\r\ndata: {"choices": [],\r\ndata:  "n": 1.10}\r\n\r\n', *events("bill", "ing")]
    with upstream(steps(*streamed(parts))) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        reply = gate.ask(**WANTS)
        assert reply.content == b"".join(parts)
        assert reply.headers["content-type"] == "text/event-stream"
        (one,) = gate.frames()
    assert model.asked[0].fields["stream_options"] == {"include_usage": True}
    assert (one.tokens_in, one.tokens_out, one.finish) == (11, 2, Finish.STOP)
    assert 0 <= one.ttft_us <= one.latency_us
    assert one.flags & Flag.STREAM


def test_a_packed_stream_passes_whole_as_it_is_and_its_usage_is_read(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(events("bill", "ing")))  # whatever the request said of encodings
    script = steps(answer(packed, kind="text/event-stream", more="content-encoding: gzip\r\n"))
    with upstream(script) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        assert gate.ask(stream=True).content == b"".join(events("bill", "ing"))
        (one,) = gate.frames()
    assert (one.tokens_in, one.tokens_out, one.fault) == (11, 2, Fault.NONE)


def test_of_many_choices_in_one_stream_the_first_is_what_was_said(tmp_path: Path) -> None:
    mixed = [ROLE, *(_of(place, word) for word in ("bill", "ing") for place in (0, 1)), chunk({}, "stop"), DONE]
    ruled = {"labels": ["billing", "bug"]}
    with canary(tmp_path, says("bug"), steps(*streamed(mixed)), cascade=ruled) as (gate, _, _):
        assert gate.ask(TUNED_UNIT, n=2, stream=True).content == b"".join(mixed)
        (one,) = gate.frames()
    assert (one.served, Flag.INVALID in Flag(one.flags)) == (Arm.TUNED, False), "it is one of the labels"


def _of(place: int, word: str) -> bytes:
    return chunk({"content": word}).replace(b'"index": 0', b'"index": %d' % place)


def test_the_usage_is_asked_for_always_and_shown_to_those_who_asked(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), says("bill ing")) as (gate, old, small):
        for unit in (TUNED_UNIT, BASELINE_UNIT):
            body = gate.ask(unit, stream=True, stream_options={"x": 1}).content
            assert b"usage" not in body
            assert body.endswith(DONE)
        for model in (old, small):
            assert model.asked[0].fields["stream_options"] == {"x": 1, "include_usage": True}
        assert [one.tokens_in for one in gate.frames()] == [11, 11]


BROKEN: dict[str, Script] = {
    "no stream but JSON": steps(answer(completion())),
    "a status": steps(answer(b"{}", "503 Service Unavailable")),
    "an error event first": steps(*streamed([ERROR])),
    "a role, then an error event": steps(*streamed([ROLE, ERROR])),
    "a role, then the end": steps(*streamed([ROLE, DONE])),
    "a role, then nothing": steps(*streamed([ROLE], end=False), HANG),
    "a role, then it breaks": steps(*streamed([ROLE], end=False), RESET),
    "events that are no JSON": steps(*streamed([b"data: {oh\n\n", WORD])),
    "an event without end": steps(*streamed([b"data: " + b"x" * 1_200_000], end=False), HANG),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_stream_without_content_is_replaced_by_the_baselines(tmp_path: Path, kind: str) -> None:
    patience = 300 if kind.endswith("nothing") else 10_000
    with canary(tmp_path, says("bug"), BROKEN[kind], ttft_timeout_ms=patience) as (gate, old, small):
        reply = gate.ask(TUNED_UNIT, **WANTS)
        assert reply.content == b"".join(events("bug"))
        assert reply.headers["x-assay-why"] == "fallback"
        assert (len(old.asked), len(small.asked)) == (1, 1)
        assert [one.role for one in gate.frames()] == [Role.FAILED, Role.ANSWER]


CUT: dict[str, Script] = {
    "an error event": steps(*streamed([ROLE, WORD, ERROR, WORD])),
    "the end": steps(*streamed([ROLE, WORD])),
    "a reset": steps(*streamed([ROLE, WORD], end=False), 0.05, RESET),
    "a close": steps(*streamed([ROLE, WORD], end=False), CLOSE),
}


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("unit", [TUNED_UNIT, BASELINE_UNIT])
def test_a_stream_that_breaks_after_content_says_so_and_never_starts_anew(tmp_path: Path, kind: str, unit: str) -> None:
    with canary(tmp_path, CUT[kind], CUT[kind]) as (gate, old, small):
        body = gate.ask(unit, stream=True).content
        (one,) = gate.frames()
        assert len(old.asked) + len(small.asked) == 1
    assert body.startswith(ROLE + WORD)
    assert b"[DONE]" not in body
    assert body.count(b"bill") == (2 if kind == "an error event" and unit == BASELINE_UNIT else 1)
    assert b"error" in body
    assert (one.fault, one.tokens_out) == (Fault.CUT, body.count(b"bill"))
    assert one.flags & Flag.ESTIMATED


def test_the_call_is_on_record_before_its_last_event_arrives(tmp_path: Path) -> None:
    with upstream(says("bill ing")) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        for _ in range(20):
            with leaving(gate, stream=True) as line:
                seen = b""
                while b"[DONE]" not in seen:
                    seen += line.recv(65536)
                recorded = len(gate.frames())
                assert recorded == len(model.asked)


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        (steps(HANG), False),
        (steps(HANG), True),
        (steps(*streamed([ROLE], end=False), HANG), True),
        (steps(*streamed([ROLE, WORD], end=False), HANG), True),
        (steps(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", HANG), False),
    ],
)
@pytest.mark.parametrize("unit", [TUNED_UNIT, BASELINE_UNIT])
def test_a_caller_that_leaves_ends_the_upstreams_work_and_is_on_record(
    tmp_path: Path, script: Script, stream: bool, unit: str
) -> None:
    with canary(tmp_path, script, script) as (gate, old, small):
        with leaving(gate, unit, stream=stream):
            asked = until(lambda: [*old.asked, *small.asked])[0]
            time.sleep(0.05)  # let the first bytes through: which moment it is does not matter
        until(lambda: asked.closed_at)
        (one,) = until(gate.frames)
        assert (one.fault, one.status, one.role) == (Fault.CLIENT, 499, Role.ANSWER)
        assert one.served == (Arm.TUNED if unit == TUNED_UNIT else Arm.BASELINE)
        assert one.flags & Flag.CANCELLED
        assert gate.app.inflight == 0


def test_a_slow_caller_holds_the_upstream_back_instead_of_filling_memory(tmp_path: Path) -> None:
    sent = []

    def flood(_asked):
        yield from streamed([ROLE], end=False)
        big = chunk({"content": "x" * 10_000})
        for _ in range(10_000):  # 100 MB
            sent.append(len(big))
            yield b"%x\r\n%s\r\n" % (len(big), big)
        yield from (b"%x\r\n%s\r\n" % (len(DONE), DONE), b"0\r\n\r\n")

    with upstream(flood) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        with leaving(gate, stream=True, receive=4096):
            until(lambda: len(sent) > 10)
            seen = -1
            while seen != len(sent):  # until nothing moves any more
                seen = len(sent)
                time.sleep(0.3)
            assert sum(sent) < 64_000_000  # each socket holds some MB, up to 32 on a new kernel; the gateway under one
        until(gate.frames)


@contextmanager
def leaving(gate: Gateway, unit: str = BASELINE_UNIT, receive: int = 0, **fields) -> Iterator[socket.socket]:
    """A caller on a bare socket that has sent its call, and is gone when the block ends."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]} | fields).encode()
    head = f"POST /f/triage/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    head += f"x-assay-unit: {unit}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.socket() as line:
        if receive:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        host, port = gate.url.removeprefix("http://").split(":")
        line.settimeout(SECONDS)
        line.connect((host, int(port)))
        line.sendall(head.encode() + body)
        yield line
