"""``assay gateway``: the data plane's options, and what a route file would do."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from engine.errors import Invalid
from engine.gateway import check
from engine.gateway.keys import Targets
from engine.gateway.main import Where, run
from engine.log import set_up
from engine.settings import Settings, load_settings

PORT = 8080


def main(argv: list[str]) -> int:
    """Serve until stopped; with ``--check`` say what the route file would do. Raises ``Invalid`` for what cannot be."""
    asked = _parser().parse_args(argv)
    settings = load_settings()
    routes = asked.routes or settings.home / "gateway" / "routes.json"
    if asked.check:
        return _check(routes, settings)
    set_up(settings.log_level)
    return run(settings, Where(host=asked.host, port=asked.port, workers=asked.workers, routes=routes))


def _check(routes: Path, settings: Settings) -> int:
    try:
        for line in check.lines(routes, Targets(settings, os.environ)):
            print(line)
    except OSError as error:
        raise Invalid(
            f"The route file {routes} cannot be read: {error.strerror}.", hint="Write it: assay routes"
        ) from error
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay gateway",
        description="Serve models to products: OpenAI-compatible, splits calls by the rollout, falls back, records.",
        epilog="Example: assay gateway --port 8080 (docs/gateway.md)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=PORT, help=f"port to listen on ({PORT}); 0 takes a free one")
    parser.add_argument("--workers", type=_workers, default=1, help="processes that share the port (1)")
    parser.add_argument("--routes", type=Path, help="route file (gateway/routes.json in ASSAY_HOME)")
    parser.add_argument("--check", action="store_true", help="say what the route file would do, and end")
    return parser


def _port(text: str) -> int:
    return _between(text, 0, 65535)


def _workers(text: str) -> int:
    return _between(text, 1, 64)


def _between(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
    return int(text)
