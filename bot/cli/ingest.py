"""Bring the gateway's spool into the database, on hosts without an engine."""

from __future__ import annotations

import argparse

from bot.cli.here import desk_here
from engine import stop
from engine.desk import operate, spool
from engine.log import set_up
from engine.settings import load_settings


def main(argv: list[str]) -> int:
    """``assay ingest [--once]``."""
    parser = argparse.ArgumentParser(
        prog="assay ingest",
        description="Store what the gateway recorded: once a second until stopped. assay engine does so by itself; "
        "this is for hosts without one. Killed at any moment, every call is stored once.",
        epilog="Example: assay ingest --once",
    )
    parser.add_argument("--once", action="store_true", help="store all that is in the spool now, and end")
    known = parser.parse_args(argv)
    set_up(load_settings().log_level)
    with desk_here() as desk:
        if not known.once:
            for program in ("ingest", "engine"):
                operate.refuse_second_host(desk.services, program)
            stopping = stop.on_signal()
            spool.run(desk, stopping.is_set, beat=lambda: operate.beat(desk.services, "ingest"))
            return 0
        passed = spool.once(desk)
    print(f"{passed.calls:,} calls and {passed.events:,} events stored; {passed.feedback:,} verdicts met their call.")
    return 0
