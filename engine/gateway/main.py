"""The gateway's main program: one worker in this process, or a parent that does nothing but keep its workers alive."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

from engine.errors import Invalid
from engine.gateway.app import App
from engine.gateway.breaker import Breakers
from engine.gateway.keys import Targets
from engine.gateway.pool import Pool
from engine.gateway.record import Parts
from engine.gateway.routes import Routes
from engine.gateway.samples import Samples
from engine.gateway.server import Server, server_of
from engine.gateway.spool import Spool
from engine.gateway.workers import keep
from engine.settings import Settings

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Where:
    """Where a gateway listens, what it reads, and how many processes share the port."""

    host: str
    port: int
    workers: int
    routes: Path


def run(settings: Settings, where: Where) -> int:
    """Serve until told to stop. Raises ``Invalid`` when the address is taken or the spool cannot be written."""
    if where.workers == 1:
        return _worker(settings, where, parent=None)
    with _bound(where) as probe:  # a taken port is told at once, and port 0 is the same for all workers
        where = replace(where, port=probe.getsockname()[1])
        return keep(where.workers, lambda parent: _worker(settings, where, parent=parent))


def _bound(where: Where) -> socket.socket:
    try:
        return _listener(where)
    except OSError as error:
        raise Invalid(
            f"The gateway cannot listen on {where.host}:{where.port}: {error.strerror or error}.",
            hint="Take another --port or --host.",
        ) from error


def app_of(settings: Settings, routes: Path) -> App:
    """One worker's app; its spool is open. Raises ``Invalid`` when the spool cannot be written."""
    spool = Spool(settings.spool_folder)
    try:
        spool.open()
    except OSError as error:
        raise Invalid(
            f"The spool {spool.folder} cannot be written: {error.strerror}.", hint="Name another folder: ASSAY_SPOOL=…"
        ) from error
    parts = Parts(Routes(routes), Targets(settings, os.environ), Pool(), spool, Breakers(), Samples(spool))
    _follow(parts)
    return App(parts, is_strict=settings.spool_strict)


async def serve(app: App, server: Server, listener: socket.socket) -> None:
    """Serve an app on a bound socket until its server is told to stop; then nothing of it is open any more."""
    parts = app.parts
    ticking = asyncio.create_task(_tick(parts, server))
    log.info("gateway.listening", extra={"port": listener.getsockname()[1], "pid": os.getpid()})
    await server.serve(sockets=[listener])
    cut = [*parts.shadows, *server.server_state.tasks]  # shadows, and calls that took too long to drain
    for task in cut:
        task.cancel()
    await asyncio.gather(*cut, *parts.samples.writing, return_exceptions=True)
    await ticking
    parts.spool.close()
    parts.pool.close()
    log.info("gateway.stopped", extra={"dropped": parts.spool.dropped})


def _worker(settings: Settings, where: Where, *, parent: int | None) -> int:
    """Serve in this process; ``parent`` is a pipe that ends with the parent."""
    listener, app = _bound(where), app_of(settings, where.routes)
    server = server_of(app)
    gc.freeze()  # what lives as long as the process is looked at no more, and the rest less often: a tenth of the time
    gc.set_threshold(50_000, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if parent is not None:
            runner.get_loop().add_reader(parent, _orphaned, runner.get_loop(), server, parent)
        runner.run(serve(app, server, listener))
    return 0


async def _tick(parts: Parts, server: Server) -> None:
    """What is due five times a second until the server has ended."""
    loop = asyncio.get_running_loop()
    while not server.ended.is_set():
        _follow(parts)
        parts.spool.tick()
        parts.pool.sweep()
        await loop.run_in_executor(None, parts.spool.sync)
        with suppress(TimeoutError):
            await asyncio.wait_for(server.ended.wait(), POLL_SECONDS)


def _follow(parts: Parts) -> None:
    """Take a newer route file, and put on record that this worker has: who drills a rollback waits for that."""
    if parts.routes.poll() and parts.routes.snapshot is not None:
        version = parts.routes.snapshot.version
        parts.spool.event({"kind": "routes", "at_ms": time.time_ns() // 1_000_000, "version": version})


def _listener(where: Where) -> socket.socket:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if where.workers > 1:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((where.host, where.port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003 (the signature of sockets)
    return listener


def _orphaned(loop: asyncio.AbstractEventLoop, server: Server, parent: int) -> None:
    loop.remove_reader(parent)
    log.warning("worker.orphaned")
    server.should_exit = server.force_exit = True
