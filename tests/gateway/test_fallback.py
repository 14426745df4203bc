"""Whatever the tuned side does, the caller gets one good answer, each side is tried once, and the spool tells all."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from engine.gateway.breaker import Breaker, Breakers, Trip
from engine.gateway.routes import Route
from engine.rules.frame import Arm, Fault, Flag, Role, Why
from tests.gateway.running import TUNED_UNIT, canary, gateway, open_files, route, until
from tests.gateway.upstream import CLOSE, HANG, RESET, Asked, Script, answer, completion, says, steps, upstream

LABELS = {"cascade": {"labels": ["billing", "bug"]}}
SHAPE = {"cascade": {"schema": {"type": "object", "required": ["team"], "properties": {"team": {"type": "string"}}}}}
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"

BAD: dict[str, tuple[Script, Fault, dict]] = {
    "closes at once": (steps(CLOSE), Fault.RESET, {}),
    "resets": (steps(RESET), Fault.RESET, {}),
    "hangs": (steps(HANG), Fault.SLOW, {}),
    "hangs in its head": (steps(b"HTTP/1.1 200 OK\r\nconte", HANG), Fault.SLOW, {}),
    "hangs in its body": (steps(OK + b"content-length: 90\r\n\r\n{", HANG), Fault.SLOW, {}),
    "a byte now and then": (steps(OK + b"content-length: 90\r\n\r\n{", *([0.1, b" "] * 80)), Fault.SLOW, {}),
    "gzip that is none": (steps(answer(b"\x1f\x8bnone", more="content-encoding: gzip\r\n")), Fault.BROKEN, {}),
    "resets in its body": (steps(OK + b"content-length: 90\r\n\r\n{", RESET), Fault.RESET, {}),
    "lies about its length": (steps(OK + b"content-length: 90\r\n\r\n{}", CLOSE), Fault.RESET, {}),
    "two lengths": (steps(OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}}"), Fault.RESET, {}),
    "broken chunks": (steps(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n"), Fault.RESET, {}),
    "garbage": (steps(b"\x00\xff is no HTTP\r\n\r\n"), Fault.RESET, {}),
    "endless head": (steps(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000, HANG), Fault.RESET, {}),
    "429": (steps(answer(b"{}", "429 Too Many Requests")), Fault.STATUS, {}),
    "400": (steps(answer(b"{}", "400 Bad Request")), Fault.STATUS, {}),
    "500": (steps(answer(b"{}", "500 Internal Server Error")), Fault.STATUS, {}),
    "302": (steps(answer(b"", "302 Found", more="location: /elsewhere\r\n")), Fault.STATUS, {}),
    "broken JSON": (steps(answer(b'{"choices": [')), Fault.BROKEN, {}),
    "no choices": (steps(answer(completion(choices=[]))), Fault.BROKEN, {}),
    "no content": (says(None), Fault.BROKEN, {}),
    "an HTML page": (steps(answer(b"<html>", kind="text/html")), Fault.BROKEN, {}),
    "a wrong label": (says("refund"), Fault.INVALID, LABELS),
    "no JSON for a schema": (says("billing"), Fault.INVALID, SHAPE),
    "JSON that breaks a schema": (says('{"team": 3}'), Fault.INVALID, SHAPE),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_tuned_side_that_fails_is_replaced_once_and_unseen(tmp_path: Path, kind: str) -> None:
    script, fault, more = BAD[kind]
    patience = 600 if fault is Fault.SLOW else 60_000  # a busy machine is given its time
    with canary(tmp_path, says("bug", model="served-0"), script, ttft_timeout_ms=patience, **more) as (
        gate,
        old,
        small,
    ):
        reply = gate.ask(TUNED_UNIT)
        frames = gate.frames()
        assert (reply.status_code, reply.content) == (200, completion("bug", model="served-0"))
        assert (reply.headers["x-assay-variant"], reply.headers["x-assay-why"]) == ("baseline", "fallback")
        assert (len(old.asked), len(small.asked)) == (1, 1)
    failed, served = frames
    assert (failed.role, failed.fault, failed.served, failed.assigned) == (Role.FAILED, fault, Arm.TUNED, Arm.TUNED)
    assert (served.role, served.fault, served.served, served.assigned) == (Role.ANSWER, 0, Arm.BASELINE, Arm.TUNED)
    assert failed.id == served.id
    assert {failed.why, served.why} == {Why.FALLBACK}
    assert bool(failed.flags & Flag.INVALID) == (fault is Fault.INVALID)


def test_a_tuned_side_that_nobody_listens_at_is_replaced(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    dead = f"http://127.0.0.1:{port}/v1"
    with upstream(says("bug")) as old, gateway(tmp_path, triage=route(old.url, dead)) as gate:
        assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "fallback"
        assert [one.fault for one in gate.frames()] == [Fault.CONNECT, Fault.NONE]


@pytest.mark.parametrize(
    ("said", "more"),
    [
        (' "Billing." ', LABELS), ('{"label": "bug"}', LABELS), ("anything", {}), ('{"team": "a", "x": 1}', SHAPE),
    ],
)  # fmt: skip
def test_an_answer_that_keeps_to_the_rules_is_served(tmp_path: Path, said: str, more: dict) -> None:
    with canary(tmp_path, says("bug"), says(said), **more) as (gate, _, _):
        reply = gate.ask(TUNED_UNIT)
        assert (reply.headers["x-assay-variant"], reply.headers["x-assay-why"]) == ("tuned", "split")
        assert reply.content == completion(said)


def test_a_tool_call_is_no_label_and_is_served(tmp_path: Path) -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    with canary(tmp_path, says("bug"), says(choices=choices), **LABELS) as (gate, _, _):
        assert gate.ask(TUNED_UNIT).json()["choices"][0]["message"]["tool_calls"] == [call]


def test_when_both_sides_fail_the_baselines_reply_is_final(tmp_path: Path) -> None:
    limited = answer(b'{"error":{"message":"slow down"}}', "429 Too Many Requests", more="retry-after: 7\r\n")
    with canary(tmp_path, steps(limited), steps(CLOSE)) as (gate, old, small):
        reply = gate.ask(TUNED_UNIT)
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
        assert (len(old.asked), len(small.asked)) == (1, 1)


@pytest.mark.parametrize(
    ("script", "deadline_ms", "status", "code", "told"),
    [
        (steps(CLOSE), 60_000, 502, "upstream_failed", "baseline: the connection was closed before the answer ended"),
        (steps(HANG), 1_500, 504, "deadline", "baseline: no answer in time"),
        (steps(OK + b"content-length: 90\r\n\r\n{", HANG), 1_500, 504, "deadline", "baseline: no answer in time"),
    ],
)
def test_when_nobody_answers_the_caller_is_told_who_failed_and_why(
    tmp_path: Path, script: Script, deadline_ms: int, status: int, code: str, told: str
) -> None:
    settings = {"openai_api_key": "sk-own-key-12345"}
    times = {"ttft_timeout_ms": 400, "deadline_ms": deadline_ms}
    with canary(tmp_path, script, steps(HANG), settings=settings, **times) as (gate, old, small):
        reply = gate.ask(TUNED_UNIT)
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (status, code)
        assert error["message"] == f"No answer from triage: tuned: no answer in time; {told}."
        assert [one.status for one in gate.frames()] == [0, status]
        assert (len(old.asked), len(small.asked)) == (1, 1)


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(tmp_path: Path) -> None:
    def once_each(asked):
        yield answer(completion())
        if asked is model.asked[0]:
            yield CLOSE

    with upstream(once_each) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        assert [gate.ask().status_code for _ in range(3)] == [200] * 3
        assert len({one.connection for one in model.asked}) == 2


def test_an_error_of_ours_on_the_tuned_side_still_serves_the_prompted_model(tmp_path: Path) -> None:
    class Broken(Breaker):
        def count(self, route: Route, now: float, *, bad: bool) -> Trip | None:
            raise ZeroDivisionError("broken on purpose")

    class AllBroken(Breakers):
        def of(self, slug: str, route: Route) -> Breaker:
            return Broken(route.stage)

    with canary(tmp_path, says("bug"), says("billing")) as (gate, _, _):
        gate.app.parts.breakers = AllBroken()
        reply = gate.ask(TUNED_UNIT)
        assert (reply.status_code, reply.headers["x-assay-why"]) == (200, "fallback")
        assert json.loads(reply.content)["choices"][0]["message"]["content"] == "bug"
        assert "assay_gateway_broke_total 1" in gate.get("/metrics").text


def test_nothing_stays_open_after_many_faults(tmp_path: Path) -> None:
    kinds = [CLOSE, RESET, b"\x00", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", answer(b"{}", "503 No")]
    turns = iter(range(10**9))

    def faulty(_asked: Asked):
        kind = kinds[next(turns) % len(kinds)]
        yield kind
        if isinstance(kind, bytes) and kind.startswith(b"\x00"):
            yield CLOSE
        if isinstance(kind, bytes) and b"length: 9" in kind:
            yield RESET

    many = {"breaker": {"max_bad": 1.0}, "capture": "none"}
    with canary(tmp_path, says("bug"), faulty, **many) as (gate, _, small):
        for _ in range(10):
            gate.ask(TUNED_UNIT)
        before, threads = open_files(), threading.active_count()
        for _ in range(400):
            assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "fallback"
        assert len(small.asked) == 410
        until(lambda: open_files() <= before + 4)
        assert threading.active_count() <= threads + 2
        assert gate.app.inflight == 0
        assert len(gate.app.parts.pool._idle) == 1
