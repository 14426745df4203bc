"""``make bench-gateway``: processor time a call, ours with everything on, peers with recording off, in one run.

The figure to read is CPU: what /proc says the server used, over the calls wrk counted; rounds interleaved, the median
taken. Latencies at full load are queueing and are not shown. Peers that are missing are named. They are installed into
a folder: Portkey's gateway by ``npm install --prefix FOLDER @portkey-ai/gateway``, TensorZero's by ``python3 -m venv
FOLDER/tensorzero && FOLDER/tensorzero/bin/pip install tensorzero``; then ``python -m tests.gateway.bench.table
FOLDER``.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.gateway.programs import program
from tests.gateway.running import KEY, route, write_routes
from tests.house_rules import ROOT

ROUNDS, SECONDS = 3, 4
TICK = os.sysconf("SC_CLK_TCK")
TENSORZERO = "tensorzero/bin/python"
PEER = ROOT / "tests" / "gateway" / "bench" / "peer_tensorzero.py"
PATHS = {"Portkey": "/v1", "TensorZero": "/openai/v1"}
UNIT = """"user":"user-' .. n .. '","""
NO_UNIT = {"TensorZero": ""}  # which has no such field, and would log a warning for each call
MODELS = {"TensorZero": "tensorzero::model_name::m"}
PORTKEY = "node_modules/@portkey-ai/gateway/build/start-server.js"
NGINX = """
worker_processes 1; daemon off; pid {home}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
 uwsgi_temp_path {home}/u; scgi_temp_path {home}/s; keepalive_requests 100000000;
 upstream model {{ server 127.0.0.1:{stub}; keepalive 256; keepalive_requests 100000000; }}
 server {{ listen 127.0.0.1:{port} backlog=4096; location /f/triage/ {{ proxy_pass http://model/; proxy_buffering off;
  proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
"""
LUA = """
wrk.method = "POST"
wrk.headers["authorization"] = "Bearer {key}"
wrk.headers["content-type"] = "application/json"
wrk.headers["x-portkey-provider"] = "openai"
wrk.headers["x-portkey-custom-host"] = "{model}"
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, "{path}/chat/completions", nil,
    '{{"model":"{name}",{unit}"messages":[{{"role":"user","content":"{text}"}}]{more}}}')
end
"""


def main() -> None:
    wrk, nginx = shutil.which("wrk"), shutil.which("nginx")
    say(f"Load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors: read ratios, not calls a second.")
    for name, command in {"nginx": "nginx", "wrk": "wrk"}.items():
        if not shutil.which(command):
            say(f"missing: {name} ({command}); left out")
    if wrk is None:
        return
    home = Path(tempfile.mkdtemp())
    with ExitStack() as stack:
        stub = stack.enter_context(served([sys.executable, "-m", "tests.gateway.bench.stub"]))
        assert stub.stdout is not None
        port = int(stub.stdout.readline())
        model = f"http://127.0.0.1:{port}/v1"
        write_routes(home / "gateway" / "routes.json", triage=route(model, model))
        ours = stack.enter_context(program(home))
        servers = {"Assay": (ours.url, ours.process.pid)}
        if nginx:
            servers["nginx proxy_pass"] = stack.enter_context(proxied(nginx, home, port))
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else home
        if (folder / TENSORZERO).exists():
            servers["TensorZero"] = stack.enter_context(of_tensorzero(folder / TENSORZERO, port))
        else:
            say("missing: TensorZero (FOLDER/tensorzero/bin/pip install tensorzero, and name FOLDER); left out")
        if (folder / PORTKEY).exists():
            servers["Portkey"] = stack.enter_context(of_portkey(folder / PORTKEY))
        else:
            say("missing: Portkey (npm install --prefix FOLDER @portkey-ai/gateway, and name FOLDER); left out")
        compare(home, servers, model)


def compare(home: Path, servers: dict[str, tuple[str, int]], model: str) -> None:
    """Print a line for each kind of load and server."""
    for kind, connections, more in (("call", 64, ""), ("call", 1, ""), ("stream", 32, ',"stream":true')):
        if kind == "stream" and servers.pop("Portkey", None):
            say("left out: streams of Portkey, which 1.15.2 answers with 500 on Node 20")
        scripts = {name: home / f"{kind}-{place}.lua" for place, name in enumerate(servers)}
        for name, script in scripts.items():
            place = {"path": PATHS.get(name, "/f/triage/v1"), "name": MODELS.get(name, "m"), "model": model}
            place["unit"] = NO_UNIT.get(name, UNIT)
            script.write_text(LUA.format(key=KEY, text="where is my invoice " * 20, more=more, **place))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for name, (url, pid) in servers.items():  # warm: the day's first calls are the ones whose bodies are sampled
            measured(url, pid, scripts[name], connections)
        for _ in range(ROUNDS):
            for name, (url, pid) in servers.items():
                found[name].append(measured(url, pid, scripts[name], connections))
        for name, rounds in found.items():
            cpu, p50 = (statistics.median(column) for column in zip(*rounds, strict=True))
            told = f"{cpu:8.1f} µs CPU a {kind}" + (f", p50 {p50:.2f} ms" if connections == 1 else "")
            ratios = ", ".join(
                f"{cpu / statistics.median(one[0] for one in found[peer]):.2f} of {peer}'s"
                for peer in ("nginx proxy_pass", "TensorZero", "Portkey")
                if peer in found and peer != name
            )
            say(f"{kind:7} c={connections:<3} {name:18} {told}; {ratios}")


def measured(url: str, pid: int, script: Path, connections: int) -> tuple[float, float]:
    """CPU microseconds a call and the median latency (ms) of one round."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    before = cpu_of(pid)
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    used = cpu_of(pid) - before
    calls = re.search(r"(\d+) requests in", said)
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    assert calls, said
    assert int(calls[1]), f"{url} answered nothing: {said}"
    assert p50, said
    assert "Non-2xx" not in said, said
    return used / int(calls[1]) * 1e6, float(p50[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p50[2]]


def cpu_of(pid: int) -> float:
    """Processor seconds of a process and its children that live, all threads."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK + sum(cpu_of(int(child)) for child in children)


@contextmanager
def proxied(nginx: str, home: Path, stub: int) -> Iterator[tuple[str, int]]:
    """nginx in front of the stub, with kept connections."""
    port = stub - 1 if stub > 2000 else stub + 1
    conf = home / "nginx.conf"
    conf.write_text(NGINX.format(home=home, stub=stub, port=port))
    with served([nginx, "-p", str(home), "-c", str(conf)]) as running:
        time.sleep(1)
        yield f"http://127.0.0.1:{port}", running.pid


@contextmanager
def of_tensorzero(python: Path, stub: int) -> Iterator[tuple[str, int]]:
    """TensorZero's gateway in front of the stub, with nothing recorded."""
    with served([str(python), str(PEER), str(stub)]) as running:
        assert running.stdout is not None
        url = next(line for line in running.stdout if line.startswith("http"))  # it logs there too
        yield url.strip().removesuffix("/openai/v1"), running.pid


@contextmanager
def of_portkey(start: Path) -> Iterator[tuple[str, int]]:
    """Portkey's gateway on a free port, without its console."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with served(["node", str(start), f"--port={port}", "--headless"]) as running:
        time.sleep(5)
        yield f"http://127.0.0.1:{port}", running.pid


@contextmanager
def served(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A program that runs until the block ends."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
