"""The gateway's route file: compile it from the database, keep it current, and decide what it says of a feature."""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.cli.here import desk_here
from engine import stop
from engine.desk import Desk, routes
from engine.errors import Invalid, Unavailable
from engine.log import set_up
from engine.models.actor import Actor, Role

EVERY_SECONDS = 0.5
EXAMPLES = """examples:
  assay routes                              compile it where this host's gateway reads it
  assay routes --watch                      and keep it current, on gateway hosts that run no engine
  assay routes --set triage tuned_url=http://10.0.0.5:8000/v1 capture=all
"""


def main(argv: list[str]) -> int:
    """Compile once, or until stopped with ``--watch``."""
    parser = argparse.ArgumentParser(
        prog="assay routes",
        description="Compile the gateway's route file from features, keys and rollouts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", type=Path, help="where to (default: gateway/routes.json in ASSAY_HOME)")
    parser.add_argument("--watch", action="store_true", help="write it again whenever it changes, until stopped")
    parser.add_argument("--set", nargs="+", metavar=("SLUG", "KEY=VALUE"), help="decide of a feature's traffic first")
    parser.add_argument("--as", dest="person", default="operator", help="who decides, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    with desk_here() as desk:
        if known.set:
            _decide(desk, known.person, known.set)
        made = routes.publish(desk, known.file)
        print(f"{made.path} is at version {made.version}; {made.key_count} keys.", flush=True)
        for way in made.ways:
            print(_line(way), flush=True)
        if known.watch:
            _watch(desk, known.file)
    return 0


def _decide(desk: Desk, person: str, words: list[str]) -> None:
    slug, *rest = words
    said = dict(word.split("=", 1) for word in rest if "=" in word)
    if len(said) != len(rest) or not rest:
        raise Invalid("--set takes a feature and KEY=VALUE.", hint=EXAMPLES.splitlines()[-1].strip())
    routes.decide(desk, Actor(id=person, role=Role.OPERATOR), slug, said)


def _watch(desk: Desk, path: Path | None) -> None:
    stopping = stop.on_signal()
    while not stopping.wait(EVERY_SECONDS):
        try:
            made = routes.publish(desk, path)
        except Unavailable:  # the gateway goes on with the last file, and so do we
            continue
        if made.written:
            print(f"Version {made.version} written.", flush=True)


def _line(way: routes.Way) -> str:
    share = f", {way.share:.2%} of units on the tuned side" if way.share else ""
    return f"  {way.slug}: {way.mode}{share}{f' ({way.lacks})' if way.lacks else ''}"
