"""What a probe and Prometheus are told of engine and scheduler, over real HTTP."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator

import pytest

from engine import status
from engine.desk import Desk, operate, vitals
from engine.errors import Invalid, Unavailable
from engine.testing.clock import FixedClock
from tests.builders import a_feature
from tests.flows.test_worker import an_open_run
from tests.house_rules import ROOT


@pytest.fixture
def url(desk: Desk) -> Generator[str]:
    """The status address of a program called engine."""
    services = desk.services
    server = status.serve(
        "127.0.0.1", 0, ready=lambda: vitals.why_not(services, "engine"), gauges=lambda: vitals.gauges(services)
    )
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(url: str) -> tuple[int, str]:
    """Status and body of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_program_is_ready_while_it_is_heard_of(desk: Desk, clock: FixedClock, url: str) -> None:
    assert ask(f"{url}/healthz") == (200, "ok")
    assert ask(f"{url}/readyz")[0] == 503, "it was never heard of"
    operate.beat(desk.services, "engine")
    assert ask(f"{url}/readyz") == (200, json.dumps({"ready": True, "why": []}))
    clock.move(seconds=91)
    status_code, said = ask(f"{url}/readyz")
    assert status_code == 503
    assert "engine was last heard of" in said


def test_a_request_line_that_is_none_is_answered_400(url: str) -> None:
    where = urllib.parse.urlsplit(url)
    with socket.create_connection((str(where.hostname), where.port or 0), timeout=60) as link:
        link.sendall(b"GET / / nonsense HTTP/9\r\n\r\n")
        said = link.makefile("rb").read()
    assert b"400" in said


def test_metrics_count_what_is_open_and_name_nobody(desk: Desk, clock: FixedClock, url: str) -> None:
    feature = a_feature(desk)
    an_open_run(desk, "inv-aaaaaaaa")
    operate.beat(desk.services, "engine")
    clock.move(seconds=7)
    (desk.services.settings.spool_folder / "w1").mkdir(parents=True)
    (desk.services.settings.spool_folder / "w1" / "0.seg").write_bytes(b"12345")
    code, said = ask(f"{url}/metrics")
    assert code == 200
    assert 'assay_open_runs{kind="investigation",state="running"} 1.0' in said
    assert 'assay_heartbeat_age_seconds{program="engine"} 7.0' in said
    assert "assay_spool_bytes 5.0" in said
    assert feature.slug not in said
    told = (ROOT / "docs" / "operate.md").read_text()
    families = re.findall(r"^# TYPE (\S+) gauge$", said, re.MULTILINE)
    assert families
    assert [name for name in families if f"`{name}`" not in told] == []


def test_a_database_that_is_away_is_told_and_ends_nothing() -> None:
    def away() -> list[str]:
        raise Unavailable("The database does not answer. Try again in a minute.")

    server = status.serve("127.0.0.1", 0, ready=away, gauges=list)
    try:
        here = f"http://127.0.0.1:{server.server_port}"
        assert ask(f"{here}/readyz") == (503, "The database does not answer. Try again in a minute.")
        assert ask(f"{here}/healthz") == (200, "ok")
        assert ask(f"{here}/elsewhere") == (404, "Here are /healthz, /readyz, /metrics.")
        with pytest.raises(Invalid, match="cannot be had"):
            status.serve("127.0.0.1", server.server_port, ready=list, gauges=list)
    finally:
        server.shutdown()
        server.server_close()
