"""The workspaces that installed the app, and their programs: an engine and a scheduler for each, kept alive."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from engine import stop
from engine.desk import workspaces
from engine.desk.workspaces import Known
from engine.errors import Unavailable
from engine.log import set_up
from engine.services import Services, build
from engine.settings import Settings, load_settings

log = logging.getLogger(__name__)

PROGRAMS = ("engine", "scheduler")  # the gateway and the bot serve all of a host: they are started by themselves
SLACKS = (
    *("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"),
    *("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "ASSAY_SLACK_KEYS"),
)
LOOK_SECONDS = 2.0
BACKOFF_LEAST, BACKOFF_MOST = 1.0, 60.0  # seconds before a program that ended is started again
STEADY_SECONDS = 30.0  # one that lived that long did not fail at its start
_PR_SET_PDEATHSIG = 1
END_SECONDS = 30.0  # an engine's children write a checkpoint first


def main(argv: list[str]) -> int:
    """List the workspaces, or keep their programs running until a signal."""
    parser = argparse.ArgumentParser(
        prog="assay workspaces",
        description="List the workspaces that installed the app. With --run, keep an engine and a scheduler running "
        "for each of them on this host: those that come are served, of those that leave the programs end.",
        epilog="Examples: assay workspaces · assay workspaces --run · assay workspaces --run scheduler",
    )
    told = "keep these running for each: engine, scheduler; both where none is named"
    parser.add_argument("--run", nargs="*", choices=PROGRAMS, metavar="PROGRAM", help=told)
    known = parser.parse_args(argv)
    settings = load_settings()
    set_up(settings.log_level)
    services = build(settings)
    with closing(services.database):
        if known.run is None:
            _show(services)
            return 0
        stopping = stop.on_signal()
        fleet = Fleet(settings, known.run or PROGRAMS)
        try:
            while not stopping.wait(LOOK_SECONDS):
                _tend(fleet, services)
        finally:
            fleet.end()
    return 0


def _show(services: Services) -> None:
    found = workspaces.every(services)
    for one in found:
        own = services.settings.of_team(one.team)
        state = f"left on {one.ended_at:%d %b %Y}" if one.ended_at else "installed"
        print(f"{one.team} {one.team_name}: {state}, ASSAY_HOME={own.home}")
    if not found:
        print("No workspace has installed the app (docs/slack.md#several-workspaces).")


def _tend(fleet: Fleet, services: Services) -> None:
    try:
        fleet.tend(workspaces.every(services))
    except Unavailable as error:  # what runs goes on
        log.warning("workspaces.not_read", extra={"why": str(error)})


@dataclass
class _Slot:
    """The place of one program of one workspace."""

    child: subprocess.Popen[bytes] | None = None
    begun: float = 0.0
    due: float = 0.0
    backoff: float = BACKOFF_LEAST


class Fleet:
    """The programs of all workspaces, by workspace and name. ``tend`` must be called every few seconds."""

    def __init__(self, settings: Settings, programs: Sequence[str]) -> None:
        self._settings = settings
        self._programs = tuple(programs)
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._leaving: list[tuple[subprocess.Popen[bytes], float]] = []  # asked to end, and made to from that moment

    def tend(self, known: Sequence[Known]) -> None:
        """Start what is missing of those that are installed, and end what runs of those that left."""
        wanted = {(one.team, name) for one in known if one.ended_at is None for name in self._programs}
        self._ask_to_end([key for key in self._slots if key not in wanted])
        self._see_off()
        for key in sorted(wanted):
            slot = self._slots.setdefault(key, _Slot())
            self._reap(key, slot)
            if slot.child is None and time.monotonic() >= slot.due:
                self._start(key, slot)

    def end(self) -> None:
        """End everything: asked first, then made to."""
        self._ask_to_end(list(self._slots))
        while self._leaving:
            self._see_off()
            time.sleep(0.05)

    def _start(self, key: tuple[str, str], slot: _Slot) -> None:
        team, name = key
        words = [sys.executable, "-m", "bot.cli", name]
        environment = {**os.environ, **environment_of(self._settings.of_team(team))}
        slot.child = subprocess.Popen(  # noqa: S603 (our own program)
            words,
            env=environment,
            start_new_session=True,
            preexec_fn=_end_with_us,
        )
        slot.begun = time.monotonic()
        log.info("program.started", extra={"team": team, "program": name, "pid": slot.child.pid})

    def _reap(self, key: tuple[str, str], slot: _Slot) -> None:
        if slot.child is None or slot.child.poll() is None:
            return
        now = time.monotonic()
        is_steady = now - slot.begun >= STEADY_SECONDS
        slot.backoff = BACKOFF_LEAST if is_steady else min(slot.backoff * 2, BACKOFF_MOST)
        facts = {"team": key[0], "program": key[1], "code": slot.child.returncode, "again_in_s": slot.backoff}
        log.warning("program.ended", extra=facts)
        slot.child, slot.due = None, now + slot.backoff

    def _ask_to_end(self, keys: Sequence[tuple[str, str]]) -> None:
        ends = time.monotonic() + END_SECONDS
        for key in keys:
            child = self._slots.pop(key).child
            if child is not None:
                child.terminate()
                self._leaving.append((child, ends))

    def _see_off(self) -> None:
        self._leaving = [(child, ends) for child, ends in self._leaving if child.poll() is None]
        for child, ends in self._leaving:
            if time.monotonic() >= ends:
                os.killpg(child.pid, signal.SIGKILL)


def _end_with_us() -> None:
    """Have Linux send SIGTERM to a child when this process is gone, however it went (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def environment_of(own: Settings) -> Mapping[str, str]:
    """The variables that lead a program to one workspace's place, without Slack's secrets: only the bot needs them."""
    return {
        "ASSAY_HOME": str(own.home),
        "ASSAY_DATABASE_URL": own.database_url,
        "ASSAY_ARTIFACTS": own.artifacts,
        "ASSAY_SPOOL": own.spool,
        "ASSAY_PUBLIC_URL": own.public_url,
        **dict.fromkeys(SLACKS, ""),
    }
