"""Health, readiness and metrics of a program that serves nobody else: engine and scheduler, when given a port."""

from __future__ import annotations

import json
import logging
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from engine.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

Ready = Callable[[], list[str]]  # why the program is not ready; empty when it is
Gauges = Callable[[], list[GaugeMetricFamily]]  # figures as they are at the moment of the question
Answer = tuple[int, str, str]  # status, content type, body

_TEXT, _PROMETHEUS = "text/plain; charset=utf-8", "text/plain; version=0.0.4"


def add_port(parser: ArgumentParser) -> None:
    """Give a program's command line ``--status-port``."""
    told = "serve /healthz, /readyz and /metrics on this port of ASSAY_HOST"
    parser.add_argument("--status-port", type=int, metavar="PORT", help=told)


def serve(host: str, port: int, *, ready: Ready, gauges: Gauges) -> ThreadingHTTPServer:
    """Answer ``/healthz``, ``/readyz`` and ``/metrics`` in a thread until ``shutdown``; port 0 takes a free one.

    Raises ``Invalid`` for a port that cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(_AtTheMoment(gauges))
    pages: dict[str, Callable[[], Answer]] = {
        "/healthz": lambda: (200, _TEXT, "ok"),
        "/readyz": lambda: _readiness(ready()),
        "/metrics": lambda: (200, _PROMETHEUS, generate_latest(registry).decode()),
    }

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            try:
                status, kind, said = page() if page else (404, _TEXT, f"Here are {', '.join(pages)}.")
            except Unavailable as error:  # the database is away: a probe must see that, and the program lives on
                status, kind, said = 503, _TEXT, str(error)
            body = said.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002 (the library says what was asked)
            log.debug("status.asked", extra={"path": getattr(self, "path", "")})  # "" where a request line is none

    try:
        server = ThreadingHTTPServer((host, port), Pages)
    except (OSError, OverflowError) as error:
        raise Invalid(
            f"Port {port} on {host} cannot be had: {error}.", hint="Try another: --status-port 9101"
        ) from error
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()
    return server


class _AtTheMoment(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # registering asks nothing of the database

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._gauges()


def _readiness(why: list[str]) -> Answer:
    return (503 if why else 200), "application/json", json.dumps({"ready": not why, "why": why})
