"""A route file that cannot be right is not taken, and what is in force stays. The engine's own files always are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.errors import Invalid
from engine.gateway.check import lines
from engine.gateway.keys import Targets
from engine.gateway.routes import Routes, read
from engine.settings import Settings
from tests.gateway.running import KEY, gateway, hashed, route, until, write_routes

BASE, TUNED = "https://api.example.com/v1", "http://10.0.0.5:8000/v1"


def written(tmp_path: Path, **more) -> Path:
    path = tmp_path / "routes.json"
    write_routes(path, triage=route(BASE, TUNED) | more)
    return path


def test_the_file_of_the_design_is_taken_whole(tmp_path: Path) -> None:
    full = {
        "mode": "canary", "share": 0.05, "salt": "rollout-7", "unit": "sticky", "stage": "rollout-7/3",
        "baseline": {"base_url": BASE, "model": "acme-frontier-1"},
        "tuned": {"base_url": TUNED, "model": "t", "system": "keep", "drop": ["tools"], "set": {"temperature": 0}},
        "ttft_timeout_ms": 10000, "deadline_ms": 60000, "capture": "sample", "redact": ["$.messages[*].name"],
        "shadow_share": 1.0, "cascade": {"min_confidence": 0.8, "labels": ["billing", "bug"], "schema": None},
        "breaker": {"window_s": 60, "min_n": 20, "max_bad": 0.10}, "of_a_later_version": {"x": 1},
    }  # fmt: skip
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"version": 7, "keys": [], "features": {"triage": full}}))
    taken = read(path).features["triage"]
    assert (taken.share, taken.cascade.labels, taken.breaker.max_bad) == (0.05, ("billing", "bug"), 0.1)
    assert taken.tuned is not None
    assert taken.tuned.sets == {"temperature": 0}


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"share": 1.5}, "features.triage.share"),
        ({"share": "0.5"}, "features.triage.share"),
        ({"share": True}, "features.triage.share"),
        ({"mode": "chaos"}, "features.triage.mode"),
        ({"salt": ""}, "features.triage.salt"),
        ({"tuned": None}, "features.triage"),
        ({"baseline": {"base_url": "http://8.8.8.8/v1", "model": "m"}}, "features.triage.baseline.base_url"),
        ({"baseline": {"base_url": "http://169.254.169.254/v1", "model": "m"}}, "link-local"),
        ({"baseline": {"base_url": "http://[fe80::1]/v1", "model": "m"}}, "link-local"),
        ({"baseline": {"base_url": "ftp://a/v1", "model": "m"}}, "is no http address"),
        ({"baseline": {"base_url": "https://a:b@c/v1", "model": "m"}}, "base_url"),
        ({"baseline": {"base_url": BASE}}, "features.triage.baseline.model"),
        ({"tuned": {"base_url": TUNED, "model": "m", "set": {"messages": []}}}, "may not hold messages"),
    ],
)
def test_what_cannot_be_right_is_refused_by_its_place(tmp_path: Path, more: dict, where: str) -> None:
    with pytest.raises(Invalid, match=where):
        read(written(tmp_path, **more))


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"version": 1}', b"\xff", b'{"version": 7, "keys": [], "features": {"A b": {}}}']
)
def test_what_is_no_route_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "routes.json"
    path.write_bytes(raw)
    with pytest.raises(Invalid, match="route file"):
        read(path)


def test_torn_older_invalid_and_missing_files_change_nothing(tmp_path: Path) -> None:
    path = written(tmp_path)
    routes = Routes(path)
    assert routes.poll()
    good = routes.snapshot
    whole = path.read_bytes()
    for raw in (whole[: len(whole) // 2], whole.replace(b'"version": 7', b'"version": 6'), b'{"version": 8}', b""):
        path.write_bytes(raw)
        assert not routes.poll()
        assert not routes.poll()
    path.unlink()
    assert not routes.poll()
    assert routes.snapshot is good
    assert routes.refused == 4
    path.write_bytes(whole.replace(b'"version": 7', b'"version": 8'))
    assert routes.poll()


def test_a_change_is_in_force_within_a_second_and_a_key_that_is_gone_opens_nothing(tmp_path: Path) -> None:
    with gateway(tmp_path, triage=route("http://127.0.0.1:9/v1")) as gate:
        told = json.loads(gate.routes.read_text())
        told |= {"version": 8, "keys": [{"id": "k9", "sha256": hashed("agk_other"), "features": ["triage"]}]}
        gate.routes.write_text(json.dumps(told))
        until(lambda: gate.get("/readyz").json()["snapshot"] == 8)
        assert gate.get("/v1/models").status_code == 401


def test_before_the_first_file_it_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with gateway(tmp_path, triage=route("http://127.0.0.1:9/v1")) as gate:
        gate.app.parts.routes = Routes(tmp_path / "nowhere.json")
        reply = gate.get("/readyz")
        assert (reply.status_code, reply.json()["ready"]) == (503, False)
        assert "nowhere.json" in reply.json()["reason"]
        assert gate.ask().json()["error"]["code"] == "not_ready"


def test_a_check_says_in_a_line_what_each_feature_does(tmp_path: Path) -> None:
    path = written(tmp_path)
    targets = Targets(Settings(openai_api_key="sk-x", openai_base_url=BASE), os.environ)
    assert list(lines(path, targets)) == [
        f"{path}: version 7, 1 feature, 2 keys",
        "triage: canary, 0.5 of units from tuned tuned-3 at 10.0.0.5:8000 (without a key), "
        "baseline frontier-1 at api.example.com; opened by k1",
    ]
    assert KEY not in "".join(lines(path, targets))
