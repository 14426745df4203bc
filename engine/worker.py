"""The engine's main program: holds the deployment's lock, runs flows, says that it is alive. Children do heavy work."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing

from engine import lock, status, stop
from engine.desk import operate, vitals
from engine.errors import Unavailable
from engine.flows import ingest
from engine.flows.dbos_durable import DbosEngine, open_durable
from engine.flows.durable import Queue
from engine.flows.serving import Keeper
from engine.flows.steps import drill, end, judging, labelling, requests, stage
from engine.log import set_up
from engine.models.investigation import RunState
from engine.services import Services, build
from engine.settings import load_settings
from engine.store import drills, investigations, labellings, rollouts

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
RETRY_SECONDS = 10.0  # until ingest is tried again
LOST = "It broke off, and why could not be recorded. What was paid and trained is kept."


def main(argv: list[str]) -> int:
    """Run until stopped. Refusals at start (another engine, another schema) are raised, one sentence each."""
    parser = argparse.ArgumentParser(
        prog="assay engine",
        description="Run investigations on this host, one engine per deployment. Killed at any moment, it goes on.",
        epilog="Example: ASSAY_HOME=/var/lib/assay assay engine --status-port 9101",
    )
    status.add_port(parser)
    known = parser.parse_args(argv)
    settings = load_settings()
    set_up(settings.log_level)
    services = build(settings)
    operate.prepare(services)
    operate.refuse_second_host(services, "engine")
    stopping = stop.on_signal()
    with lock.held(services) as still_held:
        close_lost(services)
        if known.status_port is not None:
            serve_status(services, known.status_port, "engine")
        work(services, until=stopping.is_set, queues=tuple(Queue), still_held=still_held)
    # Threads of polled steps may wait in a service's timeout; whatever they do is safe to cut (docs/engine.md).
    sys.stderr.flush()
    os._exit(0)


def work(
    services: Services, *, until: Callable[[], bool], queues: tuple[Queue, ...], still_held: Callable[[], bool]
) -> None:
    """Take work from the queues until told to stop; the caller holds the engine's lock."""
    engine = DbosEngine(services, broken=lambda flow, run_id: broke(services, flow, run_id), queues=queues)
    engine.start()
    log.info("engine.started", extra={"pid": os.getpid(), "queues": ",".join(queues)})
    if Queue.HEAVY in queues:  # not while a scheduler works its own off
        for loop, name in ((store_calls, "ingest"), (keep_served, "serving")):
            threading.Thread(target=loop, args=(services, until), name=name, daemon=True).start()
    beaten = 0.0
    try:
        while not until():
            if time.monotonic() - beaten >= BEAT_SECONDS:
                beaten = time.monotonic()
                if Queue.HEAVY in queues:  # who works off light work alone is not the engine that people wait for
                    _beat(services)
                if not still_held():
                    log.error("engine.lock_lost")
                    os._exit(1)  # another engine may start at once: not one more step here
            time.sleep(0.1)
    finally:
        engine.stop()
        log.info("engine.stopped")


def drain(services: Services, *, until: Callable[[], bool]) -> None:
    """Work the light queue off, where no engine is alive. Raises ``Conflict`` when one is."""
    with lock.held(services) as still_held:
        work(services, until=until, queues=(Queue.LIGHT,), still_held=still_held)


def serve_status(services: Services, port: int, program: str) -> None:
    """Answer probes and Prometheus while the program runs. Raises ``Invalid`` for a port that cannot be had."""
    status.serve(
        services.settings.host,
        port,
        ready=lambda: vitals.why_not(services, program),
        gauges=lambda: vitals.gauges(services),
    )


def close_lost(services: Services) -> None:
    """End the runs whose flow ended without them: its last words could not be written at that moment.

    Called at the start and each minute. Without this such a run stayed open, and its feature could have no other, and
    an approved request whose flow is gone waited, for ever. What ended by itself meanwhile stays as it ended.
    """
    with services.database.read() as tx:
        taught = {run.run_id for run in labellings.open_runs(tx)}
        votes = {f"{'retire' if one.retires else 'advance'}-{one.id}": one.id or 0 for one in rollouts.approved(tx)}
        drilled = {f"drill-{one.id}": one.id or 0 for one in drills.open_ones(tx)}
        open_runs = {run.run_id for run in investigations.open_runs(tx)} | taught | votes.keys() | drilled.keys()
    if not open_runs:
        return
    with closing(open_durable(services)) as durable:
        ended = [run.run_id for run in durable.runs() if run.state not in ("queued", "running")]
    for run_id in open_runs.intersection(ended):
        log.error("run.lost", extra={"run": run_id})
        if run_id in votes:
            stage.give_up(services, votes[run_id], LOST)
            continue
        if run_id in drilled:
            drill.give_up(services, drilled[run_id], LOST)
            continue
        close = labelling.close if run_id in taught else end.close
        close(services, run_id, end.Told(state=RunState.FAILED, reason=LOST))


def broke(services: Services, flow: str, run_id: str) -> None:
    """What nobody foresaw: logged once with a reference, and told to the owner of the run."""
    reference = secrets.token_hex(2).upper()
    log.exception("flow.broke", extra={"flow": flow, "run": run_id, "ref": reference})
    said = f"Something broke on our side (ref {reference})"
    if flow in ("investigate", "label"):
        why = end.Told(state=RunState.FAILED, reason=f"{said}. What was paid and trained is kept.")
        (end.close if flow == "investigate" else labelling.close)(services, run_id, why)
    elif flow == "drill_rollback":
        drill.give_up(services, int(run_id.rpartition("-")[2]), said)
    elif flow in ("advance_stage", "retire_stage"):
        stage.give_up(services, int(run_id.rpartition("-")[2]), said)


def store_calls(services: Services, until: Callable[[], bool], *, patience: float = ingest.MINUTE) -> None:
    """Bring the gateway's spool into the database, for as long as the engine runs, whatever happens to it.

    Stages are judged each minute, also where nothing is stored for ``patience`` seconds: they are paused then.
    """
    acted = time.monotonic()

    def act() -> None:
        nonlocal acted
        acted = time.monotonic()
        each_minute(services)

    while not until():
        try:
            ingest.run(services, until, each_minute=act, patience=patience)
        except Exception:  # the spool keeps what is not stored; a person must look
            log.exception("ingest.broke", extra={"ref": secrets.token_hex(2).upper()})
            if time.monotonic() >= acted + patience:
                act()
        _rest(until)


def keep_served(services: Services, until: Callable[[], bool]) -> None:
    """Serve the candidates of open rollouts, for as long as the engine runs. Their servers outlive it."""
    while not until():
        try:
            Keeper(services).run(until)
        except Exception:  # what is served goes on; a person must look
            log.exception("serving.broke", extra={"ref": secrets.token_hex(2).upper()})
        _rest(until)


def each_minute(services: Services) -> None:
    """What is due whatever people do: stages judged, requests that wait looked at, runs closed that lost their flow.

    What breaks keeps none of the others from its turn: a judge that does must not switch the guardrails off.
    """
    for due in (judging.look, stage.tick, requests.sweep, close_lost):
        try:
            due(services)
        except Unavailable as error:
            log.warning("minute.missed", extra={"due": due.__name__, "why": str(error)})
        except Exception:  # a person must look
            log.exception("minute.broke", extra={"due": due.__name__, "ref": secrets.token_hex(2).upper()})


def _rest(until: Callable[[], bool]) -> None:
    ends = time.monotonic() + RETRY_SECONDS
    while not until() and time.monotonic() < ends:
        time.sleep(0.1)


def _beat(services: Services) -> None:
    try:
        operate.beat(services, "engine")
    except Unavailable as error:
        log.warning("heartbeat.missed", extra={"why": str(error)})
