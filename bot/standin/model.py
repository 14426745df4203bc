"""Serve the demo's simulated prompted model: `python -m bot.standin.model --port 0 --port-file PATH --truth FILE`.

Only the program around `engine.testing.simulated_model`, which says what it answers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from bot.standin.main import listen, write_port
from engine.testing.simulated_model import ACCURACY, simulated_app


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    asked = _options(argv)
    app = simulated_app(_truth(asked["truth"]), accuracy=asked["accuracy"], latency_ms=asked["latency_ms"])
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, ws="none")
    with listen(asked["port"]) as listening:
        if asked["port_file"]:
            write_port(asked["port_file"], listening.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _options(argv: Sequence[str] | None) -> Mapping[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m bot.standin.model", description="A simulated prompted model.")
    parser.add_argument("--port", type=int, default=0, help="port to serve; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="file to write the port to, as one line of JSON")
    parser.add_argument("--truth", type=Path, required=True, help="JSONL file with input and output: the true labels")
    parser.add_argument("--accuracy", type=float, default=ACCURACY, help="share of known inputs answered right")
    parser.add_argument("--latency-ms", type=float, default=40.0, help="milliseconds added to every reply")
    return vars(parser.parse_args(argv))


def _truth(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="\n") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return {row["input"]: row["output"] for row in rows}


if __name__ == "__main__":
    sys.exit(main())
