"""Whatever people put into a call, no byte of a secret is in the spool, the log, the metrics or an error."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from engine.gateway.samples import MOST, SMALL, Samples
from tests.gateway.running import BASELINE_UNIT, KEY, TUNED_UNIT, canary, gateway, route, until
from tests.gateway.upstream import CLOSE, DONE, answer, chunk, completion, says, steps, streamed, upstream

SECRETS = [
    "ann.lee@customer.example", "+49 30 901820 17", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00",
    "sk-live0123456789abcdef", "ghp_0123456789abcdefABCDEF", "xoxb-1234567890-abcdefghij", "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", KEY, "Customer Lee",
]  # fmt: skip
ALL = " and ".join(SECRETS[:-1])


def test_planted_secrets_are_nowhere_afterwards(tmp_path: Path, logged: io.StringIO) -> None:
    told = answer(completion(ALL, model=f"m {SECRETS[0]}"), more=f"x-trace: {SECRETS[4]}\r\n")
    sides = {"settings": {"openai_api_key": "sk-upstream-0123456789"}, "capture": "all"}
    asked = {
        "model": SECRETS[5], "user": SECRETS[0], "metadata": {"a": ALL},
        "messages": [{"role": "user", "content": [{"type": "text", "text": ALL}], "name": "Customer Lee"}],
        "tools": [{"x": ALL}],
    }  # fmt: skip
    with canary(tmp_path, steps(told), steps(told), redact=["$.messages[*].name"], **sides) as (gate, _, _):
        for unit in (TUNED_UNIT, BASELINE_UNIT, SECRETS[0]):
            assert gate.ask(unit, **asked).status_code == 200
        assert gate.ask(TUNED_UNIT, **asked, padding="x" * SMALL).status_code == 200  # redacted in a thread
        for body in (asked, {"x": ALL}, ALL.encode()):
            gate.post("/f/triage/v1/chat/completions", body, {"x-y": ALL, "x-assay-unit": SECRETS[0]})
        gate.post("/v1/feedback", {"call": SECRETS[0], "score": 1, "label": ALL, "comment": ALL})
        gate.post("/v1/feedback", {"call": SECRETS[0], "score": ALL})
        gate.post("/v1/exposures", {"feature": "triage", "variant": "tuned", "unit": SECRETS[0], "model": SECRETS[0]})
        gate.post(f"/f/{KEY}/v1/chat/completions", asked)
        until(lambda: len([one for one in gate.events() if one["kind"] == "body"]) >= 5)
        metrics = gate.get("/metrics").text
    spool = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    assert b"[EMAIL_1]" in spool
    assert b"[CARD_1]" in spool
    for secret in [*SECRETS, "sk-upstream-0123456789"]:
        for text in (spool, metrics.encode(), logged.getvalue().encode()):
            assert secret.encode() not in text, secret
            assert json.dumps(secret).strip('"').encode() not in text, secret


def test_errors_name_no_key_and_no_body(tmp_path: Path, logged: io.StringIO) -> None:
    settings = {"openai_api_key": "sk-upstream-0123456789"}
    with canary(tmp_path, steps(CLOSE), steps(CLOSE), settings=settings) as (gate, _, _):
        said = gate.ask(TUNED_UNIT, messages=[{"role": "user", "content": ALL}]).text
    for secret in [*SECRETS, "sk-upstream"]:
        assert secret not in said
        assert secret not in logged.getvalue()


def test_a_body_keeps_its_shape_and_its_paths_are_taken_out(tmp_path: Path) -> None:
    with upstream(says("billing")) as model:
        kept = route(model.url, capture="all", redact=["$.messages[*].name", "$.messages[0].content"])
        with gateway(tmp_path, triage=kept) as gate:
            gate.ask(messages=[{"role": "system", "content": "Sort."}, {"role": "user", "content": "mail a@b.example"}])
            (event,) = until(gate.events)
    assert event["messages"] == [
        {"role": "system", "content": "[REDACTED]"},
        {"role": "user", "content": "mail [EMAIL_1]"},
    ]
    assert (event["output"], event["stratum"], event["served"], event["model"]) == (
        "billing", "all", "baseline", "frontier-1",
    )  # fmt: skip


def test_a_sample_is_the_smallest_draws_of_a_day_and_no_more_are_written_than_needed(tmp_path: Path) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        samples: Samples = gate.app.parts.samples
        for _ in range(450):
            assert gate.ask().status_code == 200
        until(lambda: not samples.writing)
        written = Counter(one["stratum"] for one in gate.events())
        assert MOST["random"] <= written["random"] < 450
        (kept,) = samples._kept.values()
        assert len(kept) == MOST["random"]


@pytest.mark.parametrize(("capture", "stream"), [("none", False), ("none", True)])
def test_capture_none_keeps_no_body(tmp_path: Path, capture: str, stream: bool) -> None:
    with upstream(says()) as model, gateway(tmp_path, triage=route(model.url, capture=capture)) as gate:
        gate.ask(stream=stream)
        assert len(gate.frames()) == 1
        assert gate.events() == []


def test_what_a_stream_said_is_its_sample(tmp_path: Path) -> None:
    parts = [chunk({"content": "bill"}), chunk({"content": "ing"}), chunk({}, "stop"), DONE]
    with upstream(steps(*streamed(parts))) as model, gateway(tmp_path, triage=route(model.url)) as gate:
        gate.ask(stream=True)
        assert until(gate.events)[0]["output"] == "billing"
