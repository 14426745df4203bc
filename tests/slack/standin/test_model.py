"""The demo's simulated model as a program."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx2
import pytest

from tests.waiting import SECONDS, eventually


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_the_program_says_its_port_answers_and_marks_itself_as_simulated(tmp_path) -> None:
    truth, port_file = tmp_path / "truth.jsonl", tmp_path / "port.json"
    truth.write_text("".join(json.dumps({"input": f"t{n}", "output": "ab"[n % 2]}) + "\n" for n in range(4)))
    command = [sys.executable, "-m", "bot.standin.model", "--port-file", str(port_file), "--truth", str(truth)]
    child = subprocess.Popen([*command, "--accuracy", "1", "--latency-ms", "1"])
    try:
        eventually(lambda: port_file.exists() or child.poll() is not None)
        assert child.poll() is None
        base = json.loads(port_file.read_text())["url"]
        body = {"model": "simulated-frontier-1", "messages": [{"role": "user", "content": "t3"}]}
        reply = httpx2.post(f"{base}v1/chat/completions", json=body, timeout=SECONDS).json()
        assert reply["choices"][0]["message"]["content"] == "b"
        assert reply["assay"] == {"simulated": True}
        assert reply["usage"]["prompt_tokens"] > 0
        assert httpx2.get(f"{base}v1/models", timeout=SECONDS).json()["data"][0]["id"] == "simulated-frontier-1"
        refused = httpx2.post(f"{base}v1/chat/completions", json={**body, "model": "gpt-4o"}, timeout=SECONDS)
        assert refused.status_code == 404
    finally:
        child.terminate()
        assert child.wait(SECONDS) in (0, -15)
