"""A call through the gateway is the call the product would have made by itself."""

from __future__ import annotations

import gzip
import json
import uuid
from pathlib import Path

import pytest

from engine.rules.frame import Arm, Finish, Flag, Role, Why, name_hash
from tests.gateway.running import BASELINE_UNIT, KEY, OTHER_KEY, TUNED_UNIT, canary, gateway, names_of, route
from tests.gateway.upstream import answer, completion, says, steps, upstream

RAW = (
    b'{ "model":"asked-1", "messages" : [{"role":"user","content":"\\u00e9 \xc3\xa9"}],'
    b' "x":1.10, "n":123456789012345678901, "f":0.12345678901234568 }'
)


OTHERS = f"Bearer {OTHER_KEY}"


def test_a_baseline_call_goes_up_and_comes_back_byte_for_byte(tmp_path: Path) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        reply = gate.post("/f/triage/v1/chat/completions", RAW)
        assert model.asked[0].body == RAW
        assert model.asked[0].head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert reply.content == completion()
        assert reply.headers["content-length"] == str(len(completion()))
        assert (reply.headers["x-assay-variant"], reply.headers["x-assay-why"]) == ("baseline", "share0")
        assert uuid.UUID(reply.headers["x-assay-call"]).version == 7


def test_an_alias_becomes_the_registered_model_and_nothing_else_changes(tmp_path: Path) -> None:
    raw = RAW.replace(b'"asked-1"', b'"assay/triage"')
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        assert gate.post("/v1/chat/completions", raw).status_code == 200
        sent = model.asked[0].body
        assert json.loads(sent) == json.loads(raw) | {"model": "frontier-1"}
        for member in (b'"x":1.10', b'"n":123456789012345678901', b'"f":0.12345678901234568', b'"\\u00e9 \xc3\xa9"'):
            assert member in sent


def test_the_call_is_on_record_with_what_was_asked_served_and_used(tmp_path: Path) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url, stage="r/1")) as gate:
        reply = gate.ask(unit="acme/42")
        (one,) = gate.frames()
        names = names_of(tmp_path / "spool")
    assert uuid.UUID(bytes=one.id) == uuid.UUID(reply.headers["x-assay-call"])
    told = [names[name] for name in (one.feature, one.model_asked, one.model_served, one.stage, one.host)]
    assert told == ["triage", "asked-1", "served-1", "r/1", f"127.0.0.1:{model.port}"]
    assert (one.tokens_in, one.tokens_in_cached, one.tokens_out, one.tokens_reasoning) == (11, 4, 3, -1)
    assert (one.status, one.finish, one.role, one.why) == (200, Finish.STOP, Role.ANSWER, Why.SHARE0)
    assert one.unit == name_hash("acme/42")
    assert one.unit not in names
    assert 0 < one.latency_us < 20_000_000
    assert not one.flags & Flag.UNIT_IS_CALL


def test_units_go_to_their_side_and_the_headers_say_so(tmp_path: Path) -> None:
    with canary(tmp_path, says("bug"), says("billing")) as (gate, old, small):
        tuned, baseline = gate.ask(TUNED_UNIT), gate.ask(BASELINE_UNIT)
        frames = gate.frames()
    assert (tuned.headers["x-assay-variant"], baseline.headers["x-assay-variant"]) == ("tuned", "baseline")
    assert {tuned.headers["x-assay-why"], baseline.headers["x-assay-why"]} == {"split"}
    assert (len(small.asked), len(old.asked)) == (1, 1)
    assert tuned.content == completion("billing")
    assert [(one.assigned, one.served, one.share) for one in frames] == [
        (Arm.TUNED, Arm.TUNED, 0.5),
        (Arm.BASELINE, Arm.BASELINE, 0.5),
    ]


@pytest.mark.parametrize(
    ("headers", "fields", "side"),
    [
        ({"x-assay-unit": "user-1"}, {"user": "user-2"}, "tuned"),
        ({}, {"safety_identifier": "user-1", "user": "user-2"}, "tuned"),
        ({"x-assay-unit": ""}, {"safety_identifier": "", "user": "user-1"}, "tuned"),
        ({"x-assay-unit": "user-2"}, {"user": "user-1"}, "baseline"),
    ],
)
def test_the_unit_is_the_headers_then_the_bodys(tmp_path: Path, headers: dict, fields: dict, side: str) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url, model.url)) as gate:
        asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | fields
        assert gate.post("/f/triage/v1/chat/completions", asked, headers).headers["x-assay-variant"] == side


def test_a_unit_in_utf8_has_the_bucket_of_its_letters(tmp_path: Path) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url, model.url, share=0.75)) as gate:
        reply = gate.post("/f/triage/v1/chat/completions", RAW, {"x-assay-unit": "Zoë".encode()})  # .7443
        assert reply.headers["x-assay-variant"] == "tuned"
        assert gate.frames()[0].unit == name_hash("Zoë")


def test_the_tuned_side_gets_the_request_its_manifest_asks_for(tmp_path: Path) -> None:
    changed = {"system": "Sort.", "drop": ["tools", "n"], "set": {"temperature": 0}}
    with upstream(says()) as model:
        routed = route(model.url, model.url, share=1.0)
        routed["tuned"] |= changed
        with gateway(tmp_path, triage=routed) as gate:
            messages = [{"role": "system", "content": "long"}, {"role": "user", "content": "x"}]
            gate.ask(messages=messages, tools=[{"a": 1}], n=1, temperature=0.7, x_own=[1.5])
    assert model.asked[0].fields == {
        "model": "tuned-3", "temperature": 0, "x_own": [1.5],
        "messages": [{"role": "system", "content": "Sort."}, {"role": "user", "content": "x"}],
    }  # fmt: skip


def test_the_callers_key_stays_here_and_the_upstreams_key_goes_to_its_own_host_alone(tmp_path: Path) -> None:
    with upstream(says()) as own, upstream(says()) as other:
        settings = {"openai_api_key": "sk-own", "openai_base_url": own.url}
        with gateway(tmp_path, settings, triage=route(own.url, other.url)) as gate:
            extra = {"x-api-key": KEY, "cookie": "a=b", "x-lost": f"key {KEY}", "openai-beta": "v2", "x-assay-unit": ""}
            for unit in (TUNED_UNIT, BASELINE_UNIT):
                gate.post("/f/triage/v1/chat/completions", RAW, extra | {"x-assay-unit": unit})
    assert own.asked[0].header("authorization") == "Bearer sk-own"
    assert other.asked[0].header("authorization") == "Bearer none"
    for asked in (*own.asked, *other.asked):
        assert b"agk_" not in asked.head
        assert b"cookie" not in asked.head.lower()
        assert asked.header("openai-beta") == "v2"
        assert asked.header("x-assay-unit") is None


def test_an_upstreams_own_error_passes_as_it_is(tmp_path: Path) -> None:
    told = answer(
        b'{"error":{"message":"too long"}}', "400 Bad Request", more="x-request-id: r1\r\nset-cookie: a=b\r\n"
    )
    with upstream(steps(told)) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        reply = gate.ask()
        assert (reply.status_code, reply.content) == (400, b'{"error":{"message":"too long"}}')
        assert reply.headers["x-request-id"] == "r1"
        assert "set-cookie" not in reply.headers
        assert gate.frames()[0].status == 400


def test_a_gzipped_answer_passes_as_it_is_and_is_read_all_the_same(tmp_path: Path) -> None:
    packed = answer(gzip.compress(completion()), more="content-encoding: gzip\r\n")
    with upstream(steps(packed)) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        assert gate.ask().json()["usage"]["prompt_tokens"] == 11
        assert gate.frames()[0].tokens_in == 11


def test_an_answer_too_large_to_keep_passes_through_whole_with_its_usage(tmp_path: Path) -> None:
    body = completion("x" * 5_000_000)
    with upstream(steps(answer(body))) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        reply = gate.ask()
        assert reply.content == body
        assert reply.headers["content-length"] == str(len(body))
        assert gate.frames()[0].tokens_in == 11


def test_embeddings_and_responses_go_to_the_baseline_and_their_usage_is_counted(tmp_path: Path) -> None:
    told = b'{"object":"list","data":[],"model":"e","usage":{"prompt_tokens":5,"total_tokens":5}}'
    with upstream(steps(answer(told))) as model, gateway(tmp_path, triage=route(model.url, model.url)) as gate:
        for path in ("embeddings", "responses"):
            assert gate.post(f"/f/triage/v1/{path}", {"model": "e", "input": "x", "user": "user-1"}).content == told
        frames = gate.frames()
    assert [one.head.split(b" ")[1] for one in model.asked] == [b"/v1/embeddings", b"/v1/responses"]
    # An answer without output is known to have none: else every call of embeddings would have no price.
    assert [(one.tokens_in, one.tokens_out, one.served) for one in frames] == [(5, 0, Arm.BASELINE)] * 2
    assert [Flag.EMBEDDINGS in Flag(frames[0].flags), Flag.RESPONSES in Flag(frames[1].flags)] == [True, True]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code", "words"),
    [
        ("/f/triage/v1/chat/completions", RAW, {"authorization": "Bearer agk_no"}, 401, "no_key", "assay gateway-key"),
        ("/f/triage/v1/chat/completions", RAW, {"authorization": ""}, 401, "no_key", "Bearer agk_…"),
        ("/f/other/v1/chat/completions", RAW, {}, 403, "not_your_feature", "feature other. It opens: triage."),
        ("/f/triage/v1/chat/completions", RAW, {"authorization": OTHERS}, 403, "not_your_feature", "opens: none"),
        ("/v1/chat/completions", RAW, {}, 403, "not_your_feature", "It opens: triage."),
        ("/f/triage/v1/chat/completions", b"[1]", {}, 400, "bad_body", "no JSON object"),
        ("/f/triage/v1/chat/completions", b'{"a":', {}, 400, "bad_body", "no JSON object"),
        ("/f/triage/v1/chat/completions", b'{"a":' + b"[" * 1100 + b"]" * 1100 + b"}", {}, 400, "bad_body", "1,024"),
        ("/f/triage/v1/chat/completions", b'{"model":"m"}', {}, 400, "bad_body", "no messages"),
        ("/f/triage/v1/chat/completions", b"x" * (32 * 1024 * 1024 + 1), {}, 413, "too_large", "32 MiB"),
        ("/f/triage/v1/nothing", RAW, {}, 404, "no_endpoint", "no such endpoint"),
    ],
)  # fmt: skip
def test_what_is_refused_never_reaches_a_model(
    tmp_path: Path, path: str, body: bytes, headers: dict[str, str], status: int, code: str, words: str
) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        reply = gate.post(path, body, headers)
        told = reply.json()["error"]
        assert (reply.status_code, told["code"], told["type"], told["param"]) == (status, code, "assay_error", None)
        assert words in told["message"]
        assert model.asked == []
        assert gate.frames() == []
        assert f'assay_gateway_refused_total{{code="{code}"}} 1' in gate.get("/metrics").text


def test_the_models_are_the_aliases_a_key_opens(tmp_path: Path) -> None:
    with gateway(tmp_path, triage=route("http://127.0.0.1:9/v1"), other_one=route("http://127.0.0.1:9/v1")) as gate:
        assert [one["id"] for one in gate.get("/v1/models").json()["data"]] == ["assay/triage"]
        assert [one["id"] for one in gate.get("/f/triage/v1/models").json()["data"]] == ["assay/triage"]


def test_it_is_ready_once_it_has_routes(tmp_path: Path) -> None:
    with gateway(tmp_path, triage=route("http://127.0.0.1:9/v1")) as gate:
        assert gate.get("/readyz").json() == {"ready": True, "snapshot": 7}
        assert gate.get("/healthz").status_code == 200


def test_over_the_limit_callers_are_asked_to_come_back(tmp_path: Path) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        gate.app._inflight_most = 0
        reply = gate.ask()
        assert (reply.status_code, reply.json()["error"]["code"], reply.headers["retry-after"]) == (503, "busy", "1")
