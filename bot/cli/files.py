"""Files in from the shell: labels up to 2 GB, and production calls from logs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bot.cli.here import desk_here
from bot.cli.say import said
from bot.grammar import Asked
from engine.desk import traffic
from engine.errors import Invalid
from engine.log import set_up
from engine.models.actor import Actor, Role


def labels_main(argv: list[str]) -> int:
    """``assay import-labels SLUG FILE``."""
    parser = argparse.ArgumentParser(
        prog="assay import-labels",
        description="Read labels from CSV, JSONL or OpenAI chat JSONL; good rows go in, bad ones are named by line.",
        epilog="Example: assay import-labels ticket-router labels.csv --as ann",
    )
    parser.add_argument("feature")
    parser.add_argument("file", type=Path)
    parser.add_argument("--as", dest="person", default="operator", help="who imports, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    print(said(Asked("labels", (known.feature,), {"file": str(known.file)}).line(), known.person))
    return 0


def traffic_main(argv: list[str]) -> int:
    """``assay import-traffic SLUG FILE --format F``."""
    parser = argparse.ArgumentParser(
        prog="assay import-traffic",
        description="Count production calls from a log file. The same file again changes nothing.",
        epilog="Example: assay import-traffic ticket-router calls.jsonl --format assay",
    )
    parser.add_argument("feature")
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", default="assay", help=f"one of: {', '.join(traffic.formats())}")
    parser.add_argument("--as", dest="person", default="operator", help="who imports, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    if not known.file.is_file():
        raise Invalid(f"There is no file {known.file}.", hint="Check the path.")
    actor = Actor(id=known.person, role=Role.OPERATOR)
    with desk_here() as desk, known.file.open("rb") as stream:
        done = traffic.import_calls(desk, actor, known.feature, stream, format_name=known.format, progress=_tell)
    print(f"{done.added:,} calls counted, {done.known:,} counted before, {done.bad_count:,} rows refused.")
    for line in done.bad:
        print(line, file=sys.stderr)
    if done.unpriced:
        print(f"{done.unpriced:,} calls have no price: assay prices {done.unpriced_model} --input USD --output USD")
    return 0


def _tell(done: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} calls read\r", end="", file=sys.stderr, flush=True)
