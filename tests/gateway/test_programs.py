"""The real program under signals and kill -9: what a caller has, the spool has, once."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.gateway import load
from tests.gateway.programs import Program, alive, ask, program
from tests.gateway.running import frames_of, route, until, write_routes
from tests.gateway.upstream import DONE, ROLE, chunk, says, streamed, upstream
from tests.house_rules import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

HEAVY = ("sqlmodel", "sqlalchemy", "dbos", "openai", "genai_prices", "torch", "numpy", "scipy", "slack_sdk", "aiohttp")
SLOW = [chunk({"content": f"{n} "}) for n in range(20)]


def slow(_asked):
    yield from streamed([ROLE], end=False)
    for part in SLOW:
        yield b"%x\r\n%s\r\n" % (len(part), part)
        yield 0.05
    yield b"%x\r\n%s\r\n0\r\n\r\n" % (len(DONE), DONE)


def test_it_loads_nothing_heavy() -> None:
    code = f"import sys, bot.cli.gateway; print(*{set(HEAVY)} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert said.strip() == ""


def test_a_gateway_killed_under_64_callers_has_every_call_it_answered_on_record_once(tmp_path: Path) -> None:
    calls: list[tuple[int, str]] = []
    with upstream(says()) as model:
        write_routes(tmp_path / "gateway" / "routes.json", triage=route(model.url, model.url))
        for count in (60, 250, 500):  # make soak: 20 times
            with program(tmp_path) as running:
                asyncio.run(_killed(running, calls, count))
    answered = [call for _, call in calls]
    recorded = [str(uuid.UUID(bytes=one.id)) for one in frames_of(tmp_path / "spool") if one.role == 0]
    assert len(recorded) == len(set(recorded))
    assert len(answered) >= 500
    assert set(answered) <= set(recorded)


async def _killed(running: Program, calls: list[tuple[int, str]], count: int) -> None:
    callers = asyncio.create_task(load.hammer(running.url, calls, clients=64))
    async with asyncio.timeout(60):
        while len(calls) < count:
            await asyncio.sleep(0.001)
    os.kill(running.process.pid, signal.SIGKILL)
    await callers


def test_out_of_files_it_turns_nobody_away_for_good(tmp_path: Path) -> None:
    with upstream(says()) as model:
        write_routes(tmp_path / "gateway" / "routes.json", triage=route(model.url))
        with program(tmp_path) as running:
            place, pid = urlsplit(running.url), running.process.pid
            most = load.files_of(pid) + 20
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
            held = [socket.create_connection((place.hostname, place.port), 60) for _ in range(60)]
            assert alive(pid)
            for one in held:
                one.close()
            until(lambda: load.files_of(pid) < most - 10)
            assert ask(running.url).status_code == 200


def test_a_signal_lets_streams_end_and_takes_no_new_calls(tmp_path: Path) -> None:
    with upstream(slow) as model:
        write_routes(tmp_path / "gateway" / "routes.json", triage=route(model.url))
        with program(tmp_path) as running:
            url, said = running.url, []
            thread = threading.Thread(target=lambda: said.append(ask(url, stream=True).content))
            thread.start()
            until(lambda: model.asked)
            begun = time.monotonic()
            assert running.end() == 0
            assert time.monotonic() - begun < 60
            thread.join()
            assert said == [b"".join([ROLE, *SLOW, DONE])]
            with pytest.raises(httpx2.TransportError):
                ask(url)
    assert len(frames_of(tmp_path / "spool")) == 1


def test_a_second_signal_ends_it_at_once_and_the_cut_call_is_on_record(tmp_path: Path) -> None:
    with upstream(lambda _asked: iter(["hang"])) as model:
        write_routes(tmp_path / "gateway" / "routes.json", triage=route(model.url))
        with program(tmp_path) as running:
            thread = threading.Thread(target=lambda: _swallow(running.url))
            thread.start()
            until(lambda: model.asked)
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)  # two signals at once would be one
            assert running.end() == 0
            thread.join()
    assert [one.status for one in frames_of(tmp_path / "spool")] == [499]


def _swallow(url: str) -> None:
    try:
        ask(url)
    except httpx2.TransportError:
        return


def test_a_worker_that_is_killed_is_replaced_and_all_end_with_their_parent(tmp_path: Path) -> None:
    with upstream(says()) as model:
        write_routes(tmp_path / "gateway" / "routes.json", triage=route(model.url))
        with program(tmp_path, "--workers", "2") as running:
            first = until(lambda: running.pids() if len(running.pids()) == 2 else None)
            os.kill(first[0], signal.SIGKILL)
            until(lambda: len(running.pids()) == 3)
            assert ask(running.url).status_code == 200
            running.process.kill()
            running.process.wait()
            until(lambda: not any(alive(pid) for pid in running.pids()))


def test_workers_end_gently_with_a_signal_to_their_parent(tmp_path: Path) -> None:
    with upstream(says()) as model:
        write_routes(tmp_path / "gateway" / "routes.json", triage=route(model.url))
        with program(tmp_path, "--workers", "2") as running:
            until(lambda: len(running.pids()) == 2)
            assert [ask(running.url).status_code for _ in range(6)] == [200] * 6
            assert running.end() == 0
            assert len(running.said("gateway.stopped")) == 2
    assert len(frames_of(tmp_path / "spool")) == 6


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_and_a_spool_nobody_may_write_are_told_in_a_sentence(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = _run(tmp_path, "--port", port, "--workers", workers)
    assert (said.returncode, f"cannot listen on 127.0.0.1:{port}" in said.stderr) == (1, True)
    if workers == "1":
        (tmp_path / "file").write_text("")
        said = _run(tmp_path, "--port", "0", ASSAY_SPOOL=str(tmp_path / "file" / "spool"))
        assert (said.returncode, "Name another folder: ASSAY_SPOOL" in said.stderr) == (1, True)


def test_a_check_prints_what_a_file_does_and_fails_for_one_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "routes.json"
    write_routes(path, triage=route("https://api.example.com/v1"))
    said = _run(tmp_path, "--check", "--routes", str(path))
    assert said.returncode == 0
    assert "triage: observe, all from baseline frontier-1 at api.example.com" in said.stdout
    path.write_text("{")
    said = _run(tmp_path, "--check", "--routes", str(path))
    assert (said.returncode, "cannot be used" in said.stderr) == (1, True)
    said = _run(tmp_path, "--check")
    assert (said.returncode, "cannot be read" in said.stderr) == (1, True)


def _run(home: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "bot.cli", "gateway", *options]
    given = {**os.environ, "ASSAY_HOME": str(home), "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run(words, capture_output=True, text=True, env=given, cwd=home, check=False, timeout=60)
