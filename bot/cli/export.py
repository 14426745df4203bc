"""Files out, and a customer out: export what is stored of features, forget what is kept of a unit."""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.cli.here import desk_here
from engine.desk import exports, spool
from engine.log import set_up
from engine.models.actor import Actor, Role


def main(argv: list[str]) -> int:
    """``assay export DIR [SLUG]``."""
    parser = argparse.ArgumentParser(
        prog="assay export",
        description="Write labels, runs, predictions, verdicts, hourly usage and redacted examples as files, into a "
        "new or empty folder. Rows of the sealed part are in it: who exported them is in the audit.",
        epilog="Example: assay export /backup/assay-2026-11 ticket-router --as ann",
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("feature", nargs="?", default="", metavar="SLUG", help="one feature (default: all)")
    parser.add_argument("--as", dest="person", default="operator", help="who exports, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    with desk_here() as desk:
        done = exports.export(desk, Actor(id=known.person, role=Role.OPERATOR), known.folder, known.feature)
    told = ", ".join(done.slugs) or "no feature"
    print(f"{done.files:,} files, {done.size:,} bytes in {done.folder}: {told}.")
    return 0


def forget_main(argv: list[str]) -> int:
    """``assay forget --unit U``."""
    parser = argparse.ArgumentParser(
        prog="assay forget",
        description="Delete what is kept of one customer's calls: raw calls, examples, feedback that waits. Sums "
        "stay, for nobody can be told from them; so do labels people or a teacher made.",
        epilog="Example: assay forget --unit customer-812",
    )
    parser.add_argument("--unit", required=True, help="as the product sends it (X-Assay-Unit)")
    parser.add_argument("--as", dest="person", default="operator", help="who asks, for the audit, which names no unit")
    known = parser.parse_args(argv)
    set_up("warning")
    with desk_here() as desk:
        done = spool.forget(desk, Actor(id=known.person, role=Role.OPERATOR), known.unit)
    print(f"Deleted {done.lines:,} raw calls and {done.examples:,} examples; {done.waiting:,} calls still in the spool")
    print("are stored without their unit.")
    return 0
