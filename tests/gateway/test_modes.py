"""Shadow, cascade and the breaker: what the tuned side sees, and who answers."""

from __future__ import annotations

import json
import math
import random
import statistics
import time
from pathlib import Path

import pytest

from engine.gateway.breaker import Breaker, Gate, limit
from engine.gateway.routes import Route
from engine.rules.frame import Arm, Fault, Role, Why
from tests.gateway.running import BASELINE_UNIT, TUNED_UNIT, canary, route, until, write_routes
from tests.gateway.upstream import CLOSE, HANG, Asked, answer, completion, says, steps


def sure(text: str, probability: float) -> dict:
    """Choices whose tokens have one probability."""
    told = {"content": [{"token": "x", "logprob": math.log(probability), "bytes": None, "top_logprobs": []}] * 3}
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": told}]}


CASCADE = {"mode": "cascade", "cascade": {"min_confidence": 0.8, "labels": ["billing", "bug"]}}


def test_a_sure_answer_of_a_cascade_is_served_without_what_only_we_asked_for(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), says(**sure("billing", 0.9)), **CASCADE) as (gate, old, small):
        reply = gate.ask(TUNED_UNIT)
        assert reply.headers["x-assay-variant"] == "tuned"
        assert reply.json()["choices"][0]["message"]["content"] == "billing"
        assert reply.json()["choices"][0]["logprobs"] is None
        assert gate.ask(TUNED_UNIT, logprobs=True).json()["choices"][0]["logprobs"]["content"]
        assert small.asked[0].fields["logprobs"] is True
        assert old.asked == []
        assert [round(one.confidence, 3) for one in gate.frames()] == [0.9, 0.9]


@pytest.mark.parametrize(
    ("choices", "fault"),
    [(sure("billing", 0.7), Fault.NONE), (sure("refund", 0.9), Fault.INVALID), ({}, Fault.NONE)],
)
def test_an_unsure_answer_goes_to_the_baseline_and_both_are_recorded(
    tmp_path: Path, choices: dict, fault: Fault
) -> None:
    with canary(tmp_path, says("bug"), says("billing", **choices), **CASCADE) as (gate, _, _):
        reply = gate.ask(TUNED_UNIT)
        assert (reply.headers["x-assay-variant"], reply.headers["x-assay-why"]) == ("baseline", "cascade")
        tried, served = gate.frames()
    assert (tried.role, tried.fault, tried.served, tried.tokens_in) == (Role.ESCALATED, fault, Arm.TUNED, 11)
    assert (served.role, served.why, served.assigned) == (Role.ANSWER, Why.CASCADE, Arm.TUNED)


def test_a_cascades_stream_is_answered_whole_and_sent_as_one_event(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), says(**sure("billing", 0.9)), **CASCADE) as (gate, _, small):
        reply = gate.ask(TUNED_UNIT, stream=True, stream_options={"include_usage": True})
        lines = [line.removeprefix("data: ") for line in reply.text.split("\n\n") if line]
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert "stream" not in small.asked[0].fields
    first, usage = (json.loads(line) for line in lines[:2])
    assert first["choices"][0]["delta"]["content"] == "billing"
    assert (first["object"], first["choices"][0]["finish_reason"]) == ("chat.completion.chunk", "stop")
    assert (usage["choices"], usage["usage"]["prompt_tokens"], lines[2:]) == ([], 11, ["[DONE]"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_shadow_gets_a_copy_and_nobody_waits_for_it(tmp_path: Path, stream: bool) -> None:
    with canary(tmp_path, says("bug"), says("billing"), mode="shadow", share=0.0) as (gate, _, small):
        assert gate.ask(TUNED_UNIT, stream=stream).headers["x-assay-variant"] == "baseline"
        until(lambda: len(gate.frames()) == 2)
        told, shadow = sorted(gate.frames(), key=lambda one: one.role)
        (differs,) = until(lambda: [one for one in gate.events() if one["stratum"] == "differs"])
    assert small.asked[0].fields["model"] == "tuned-3"
    assert not small.asked[0].fields.get("stream")
    assert (told.role, told.assigned) == (Role.ANSWER, Arm.BASELINE)
    assert (shadow.role, shadow.assigned, shadow.served, shadow.id) == (Role.SHADOW, Arm.TUNED, Arm.TUNED, told.id)
    assert (differs["output"], differs["shadow_output"]) == ("bug", "billing")


def test_a_shadow_that_hangs_costs_the_caller_nothing_and_more_than_32_are_shed(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), steps(HANG), mode="shadow", share=0.0) as (gate, _, small):
        for _ in range(40):
            assert gate.ask().status_code == 200
        assert len(small.asked) == 32
        assert 'assay_gateway_shadows_total{feature="triage",fault="shed"} 8' in gate.get("/metrics").text


def test_a_shadow_share_of_none_copies_nothing(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), says(), mode="shadow", shadow_share=0.0) as (gate, _, small):
        assert [gate.ask().status_code for _ in range(5)] == [200] * 5
        assert small.asked == []


@pytest.mark.parametrize("mode", ["observe", "retired"])
def test_a_mode_without_tuned_traffic_has_none(tmp_path: Path, mode: str) -> None:
    with canary(tmp_path, says("bug"), says(), mode=mode, share=1.0) as (gate, _, small):
        assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "share0"
        assert small.asked == []


def test_a_canary_that_fails_latches_until_its_own_stage_changes(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), steps(CLOSE)) as (gate, old, small):
        for _ in range(30):
            assert gate.ask(TUNED_UNIT).status_code == 200
        assert len(small.asked) == 20  # all bad: at min_n
        assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "tripped"
        assert gate.ask(BASELINE_UNIT).headers["x-assay-why"] == "tripped"
        flag = gate.post("/ofrep/v1/evaluate/flags/triage", {"context": {"targetingKey": TUNED_UNIT}}).json()
        assert (flag["value"], flag["reason"]) == ("baseline", "DISABLED")
        (trip,) = [one for one in gate.events() if one["kind"] == "trip"]
        assert trip | {"at_ms": 0} == {
            "kind": "trip", "at_ms": 0, "feature": "triage", "stage": "rollout-7/3", "mode": "canary", "n": 20,
            "bad": 20, "window_s": 60.0, "latched": True,
        }  # fmt: skip
        assert 'assay_gateway_tripped{feature="triage"} 1' in gate.get("/metrics").text
        write_routes(gate.routes, 8, triage=route(old.url, small.url))  # a higher version alone releases nothing
        until(lambda: gate.get("/readyz").json()["snapshot"] == 8)
        assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "tripped"
        write_routes(gate.routes, 9, triage=route(old.url, small.url, stage="rollout-7/4"))
        until(lambda: gate.get("/readyz").json()["snapshot"] == 9)
        assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "fallback"


def test_one_failing_feature_leaves_the_others_alone(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), steps(CLOSE)) as (gate, old, _):
        write_routes(gate.routes, 8, triage=gate_route(gate), other=route(old.url, old.url))
        until(lambda: gate.get("/readyz").json()["snapshot"] == 8)
        for _ in range(21):
            gate.ask(TUNED_UNIT)
        assert gate.ask(TUNED_UNIT).headers["x-assay-why"] == "tripped"
        assert gate.ask(TUNED_UNIT, slug="other").headers["x-assay-variant"] == "tuned"


def gate_route(gate) -> dict:
    return json.loads(gate.routes.read_text())["features"]["triage"]


# The breaker by itself, on a clock of numbers.


def routed(mode: str = "canary", **more) -> Route:
    return Route.model_validate_json(
        json.dumps(route("https://a.example/v1", "https://b.example/v1", mode=mode, **more))
    )


def test_the_limit_is_the_one_that_hardly_ever_comes_by_chance() -> None:
    assert [limit(n, 0.10) for n in (20, 50, 100, 200, 600)] == [9, 15, 24, 38, 90]  # the design's own table
    for n, p in ((20, 0.1), (43, 0.1), (60, 0.03), (600, 0.5)):
        k = limit(n, p)
        tails = [sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(at, n + 1)) for at in (k - 1, k)]
        assert tails[0] >= 1e-4 > tails[1]
    assert (limit(20, 0.0), limit(20, 1.0)) == (1, 21)


@pytest.mark.parametrize(("rate", "most"), [(0.3, 60), (0.5, 25), (1.0, 20)])
def test_a_side_that_fails_often_is_shut_within_few_calls(rate: float, most: int) -> None:
    needed: list[int] = []
    for seed in range(25):
        draws, breaker, canary_route = random.Random(seed), Breaker("1/1"), routed()
        calls = (n for n in range(1, 2000) if breaker.count(canary_route, n / 10, bad=draws.random() < rate))
        needed.append(next(calls))
    assert statistics.median(needed) <= most


@pytest.mark.parametrize("rate", [0.03, 0.08])
def test_a_side_within_its_tolerance_is_left_alone_for_hours(rate: float) -> None:
    draws, breaker, canary_route = random.Random(7), Breaker("1/1"), routed()
    assert not any(breaker.count(canary_route, n / 10, bad=draws.random() < rate) for n in range(50_000))


def test_what_is_older_than_the_window_is_forgotten() -> None:
    breaker, canary_route = Breaker("1/1"), routed()
    for n in range(500):
        assert breaker.count(canary_route, n * 4.0, bad=True) is None  # 15 in any minute, below min_n


def test_a_live_side_is_probed_and_comes_back_and_latches_the_third_time() -> None:
    breaker, live = Breaker("1/9"), routed("tuned")
    now = 0.0
    for opening in range(3):
        trips = [breaker.count(live, now, bad=True) for _ in range(20)]
        assert trips[-1] is not None
        assert trips[-1].latched == (opening == 2)
        assert breaker.gate(now + 29.9) is Gate.SHUT
        if opening == 2:
            break
        now += 30
        for _ in range(3):
            assert breaker.gate(now) is Gate.PROBE
            assert breaker.gate(now + 0.9) is Gate.SHUT
            assert breaker.count(live, now + 0.9, bad=False) is None
            now += 1
        assert breaker.gate(now) is Gate.OPEN
    assert breaker.gate(now + 10_000) is Gate.SHUT


def test_calls_that_were_under_way_at_a_trip_are_no_probes() -> None:
    breaker, live = Breaker("1/9"), routed("tuned")
    for _ in range(20):
        breaker.count(live, 0.0, bad=True)
    for _ in range(5):
        breaker.count(live, 1.0, bad=False)
    assert breaker.gate(2.0) is Gate.SHUT, "it rests for its 30 seconds"


def test_a_bad_probe_begins_the_count_anew() -> None:
    breaker, live = Breaker("1/9"), routed("tuned")
    for _ in range(20):
        breaker.count(live, 0.0, bad=True)
    now = 30.0
    for bad in (False, False, True, False, False, False):
        assert breaker.gate(now) is Gate.PROBE
        breaker.count(live, now, bad=bad)
        now += 1.5
    assert not breaker.is_tripped


def test_a_dead_live_model_recovers_without_a_person(tmp_path: Path) -> None:
    dead = [True]

    def mortal(_asked: Asked):
        yield CLOSE if dead[0] else answer(completion("billing"))

    with canary(tmp_path, says("bug"), mortal, mode="tuned", share=1.0) as (gate, _, _):
        for _ in range(21):
            assert gate.ask().status_code == 200
        assert gate.ask().headers["x-assay-why"] == "tripped"
        dead[0] = False
        breaker = gate.app.parts.breakers.of("triage", gate.app.parts.routes.snapshot.features["triage"])
        breaker._shut_at = time.monotonic() - 31  # half a minute later

        def probed() -> bool:
            breaker._probed_at = 0.0  # a second later
            assert gate.ask().status_code == 200
            return not breaker.is_tripped

        until(probed)
        assert gate.ask().headers["x-assay-variant"] == "tuned"
