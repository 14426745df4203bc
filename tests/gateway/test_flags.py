"""Flags say what the split does, to OpenFeature's own client, and so do verdicts and calls made elsewhere."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, TargetingKeyMissingError

from engine.rules.bucket import variant
from engine.rules.frame import Arm, Flag, Source, Why, call_bytes, name_hash
from tests.gateway.running import KEY, Gateway, gateway, names_of, route, until, write_routes
from tests.gateway.upstream import says, upstream

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gateway]:
    retired = route(NOWHERE, NOWHERE, mode="retired", share=1.0)
    back = route(NOWHERE, rolled_back=True)
    with gateway(tmp_path, triage=route(NOWHERE, NOWHERE), quiet=route(NOWHERE), gone=retired, back=back) as running:
        yield running


def test_the_stock_client_agrees_with_the_bucket_on_every_unit(gate: Gateway) -> None:
    client = OFREPProvider(gate.url, headers_factory=lambda: {"Authorization": f"Bearer {KEY}"})
    for number in range(500):
        unit = f"user-{number}"
        found = client.resolve_string_details("triage", "x", EvaluationContext(targeting_key=unit))
        assert (found.value, found.variant) == (variant("rollout-7", unit, 0.5),) * 2
        assert found.reason == "SPLIT"
    client.session.close()


def test_the_stock_client_understands_what_is_wrong(gate: Gateway) -> None:
    client = OFREPProvider(gate.url, headers_factory=lambda: {"Authorization": f"Bearer {KEY}"})
    with pytest.raises(FlagNotFoundError):
        client.resolve_string_details("other", "x", EvaluationContext(targeting_key="u"))
    with pytest.raises(TargetingKeyMissingError):
        client.resolve_string_details("triage", "x", EvaluationContext())
    client.session.close()


@pytest.mark.parametrize(
    ("slug", "body", "status", "told"),
    [
        ("triage", {"context": {"targetingKey": "user-1"}}, 200, {"value": "tuned", "reason": "SPLIT"}),
        ("quiet", {"context": {"targetingKey": "user-1"}}, 200, {"value": "baseline", "reason": "STATIC"}),
        ("gone", {"context": {"targetingKey": "user-1"}}, 200, {"value": "baseline", "reason": "DISABLED"}),
        ("back", {"context": {"targetingKey": "user-1"}}, 200, {"value": "baseline", "reason": "DISABLED"}),
        ("nope", {"context": {"targetingKey": "u"}}, 404, {"errorCode": "FLAG_NOT_FOUND"}),
        ("triage", {"context": {"targetingKey": ""}}, 400, {"errorCode": "TARGETING_KEY_MISSING"}),
        ("triage", {"context": {}}, 400, {"errorCode": "TARGETING_KEY_MISSING"}),
        ("triage", b"{", 400, {"errorCode": "PARSE_ERROR"}),
        ("triage", [], 400, {"errorCode": "PARSE_ERROR"}),
    ],
)
def test_a_flag_and_what_is_wrong_with_it(gate: Gateway, slug: str, body: object, status: int, told: dict) -> None:
    reply = gate.post(f"/ofrep/v1/evaluate/flags/{slug}", body)
    found = reply.json()
    assert reply.status_code == status
    assert {name: found[name] for name in told} == told
    assert status == 200 or found["errorDetails"]


def test_a_wrong_key_is_told_in_both_languages(gate: Gateway) -> None:
    reply = gate.post("/ofrep/v1/evaluate/flags/triage", {}, {"authorization": "Bearer agk_no"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "no_key")
    assert reply.json()["errorCode"] == "GENERAL"
    assert reply.json()["errorDetails"]


def test_all_flags_at_once_are_sent_again_only_when_they_changed(gate: Gateway) -> None:
    asked = {"context": {"targetingKey": "user-1"}}
    first = gate.post("/ofrep/v1/evaluate/flags", asked)
    assert [one["key"] for one in first.json()["flags"]] == ["back", "gone", "quiet", "triage"]
    known = {"if-none-match": first.headers["etag"]}
    again = gate.post("/ofrep/v1/evaluate/flags", asked, known)
    assert (again.status_code, again.content) == (304, b"")
    assert gate.post("/ofrep/v1/evaluate/flags", {"context": {"targetingKey": "user-2"}}, known).status_code == 200
    write_routes(gate.routes, 8, triage=route(NOWHERE, NOWHERE, share=0.1))
    until(lambda: gate.post("/ofrep/v1/evaluate/flags", asked, known).status_code == 200)
    assert gate.post("/ofrep/v1/evaluate/flags/triage", asked).json()["value"] == "baseline"


def test_raising_a_share_moves_nobody_back_and_shares_come_out_right(gate: Gateway) -> None:
    shares = (0.01, 0.05, 0.25, 0.5, 1.0)
    units = [f"user-{number}" for number in range(100_000)]
    tuned = [{unit for unit in units if variant("rollout-7", unit, share) == "tuned"} for share in shares]
    assert all(low <= high for low, high in itertools.pairwise(tuned))
    assert [len(one) for one in tuned] == [1062, 5124, 25154, 50094, 100_000]  # dataplane's own count


def test_feedback_is_kept_with_what_the_sender_may_speak_of_and_without_secrets(gate: Gateway) -> None:
    told = {"call": "0190e2b4-8d5c-7a3e-9b1f-0123456789ab", "score": -0.5, "label": "bug", "comment": "ask a@b.example"}
    assert gate.post("/v1/feedback", told).status_code == 202
    (event,) = gate.events()
    assert event | {"at_ms": 0} == {
        "kind": "feedback", "at_ms": 0, "id": "0190e2b48d5c7a3e9b1f0123456789ab", "score": -0.5, "label": "bug",
        "features": ["back", "gone", "quiet", "triage"], "comment": "ask [EMAIL_1]",
    }  # fmt: skip
    assert abs(event["at_ms"] / 1000 - time.time()) < 600


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"call": "x"}, "needs a score"),
        ({"call": "x", "score": 1.5}, "score: Input should be less than or equal to 1"),
        ({"call": "x", "score": True}, "score"),
        ({"call": "", "score": 1}, "call"),
        ({"score": 1}, "call: Field required"),
        ([], "object"),
        (b'{"call": "x", "score": NaN}', "score"),
        (b"{", "JSON"),
    ],
)
def test_feedback_that_says_nothing_is_refused(gate: Gateway, told: object, words: str) -> None:
    reply = gate.post("/v1/feedback", told)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "bad_feedback")
    assert words in reply.json()["error"]["message"]
    assert gate.events() == []


def test_calls_made_elsewhere_are_recorded_on_the_side_of_their_bucket(gate: Gateway) -> None:
    shown = {
        "feature": "triage", "unit": "user-1", "variant": "tuned", "call": "order-17", "model": "m", "input_tokens": 9,
        "cached_tokens": 1, "output_tokens": 2, "latency_ms": 81.5, "status": 200,
    }  # fmt: skip
    rows = [
        shown,
        {"feature": "triage", "unit": "user-2", "variant": "tuned"},
        {"feature": "triage", "variant": "tuned"},
    ]
    assert gate.post("/v1/exposures", rows).json() == {"accepted": 3, "mismatch": 1}
    assert gate.post("/v1/exposures", {"feature": "quiet", "variant": "baseline"}).json() == {
        "accepted": 1,
        "mismatch": 0,
    }
    one, other, unknown, alone = gate.frames()
    assert (one.id, names_of(gate.home / "spool")[one.model_served]) == (call_bytes("order-17"), "m")
    assert (one.tokens_in, one.tokens_in_cached, one.tokens_out, one.latency_us) == (9, 1, 2, 81_500)
    assert (one.assigned, one.served, one.why, one.share) == (Arm.TUNED, Arm.TUNED, Why.SPLIT, 0.5)
    assert (other.assigned, other.served, other.why) == (Arm.BASELINE, Arm.TUNED, Why.OVERRIDE)
    assert {each.source for each in (one, other, unknown, alone)} == {Source.EXPOSURE}
    assert (unknown.assigned, unknown.flags) == (Arm.TUNED, Flag.UNIT_IS_CALL)
    assert (unknown.tokens_in, unknown.latency_us, alone.why) == (-1, -1, Why.SHARE0)
    assert one.unit == name_hash("user-1")


@pytest.mark.parametrize(
    ("rows", "status", "words"),
    [
        ([{"feature": "triage", "variant": "tuned"}, {"feature": "elsewhere", "variant": "tuned"}], 403, "elsewhere"),
        ([{"feature": "triage", "variant": "tuned"}, {"feature": "triage", "variant": "small"}], 422, "1.variant"),
        ({"feature": "triage", "variant": "tuned", "input_tokens": -1}, 422, "input_tokens"),
        ([{"feature": "triage", "variant": "tuned"}] * 1001, 422, "at most 1,000"),
        (b"[", 422, "JSON"),
    ],
)
def test_reports_with_one_wrong_row_are_refused_whole(gate: Gateway, rows: object, status: int, words: str) -> None:
    reply = gate.post("/v1/exposures", rows)
    assert reply.status_code == status
    assert words in reply.json()["error"]["message"]
    assert gate.frames() == []


def test_a_unit_is_on_the_same_side_as_a_call_and_as_a_flag(tmp_path: Path) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url, model.url)) as gate:
        for number in range(40):
            unit = f"user-{number}"
            flag = gate.post("/ofrep/v1/evaluate/flags/triage", {"context": {"targetingKey": unit}}).json()
            assert gate.ask(unit).headers["x-assay-variant"] == flag["variant"]
