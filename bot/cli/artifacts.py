"""What lies in the artifact store, and taking out what no record names. Looks only, unless told to remove."""

from __future__ import annotations

import argparse

from bot.cli.here import desk_here
from engine.desk import artifacts
from engine.log import set_up
from engine.models.actor import Actor, Role

LISTED = 20


def main(argv: list[str]) -> int:
    """Print how much lies there and what could go; remove it with ``--remove``."""
    parser = argparse.ArgumentParser(
        prog="assay artifacts",
        description="Show what lies in the artifact store, and what no record, row or kept job names. "
        "Removes nothing without --remove.",
        epilog="Examples: assay artifacts · assay artifacts --days 90 --remove · assay artifacts --card 3f9a1c0b2d4e",
    )
    parser.add_argument("--days", type=int, default=artifacts.DAYS, help="leave alone what is younger (default: 30)")
    parser.add_argument("--remove", action="store_true", help="remove what is listed without it")
    parser.add_argument("--card", metavar="ID", help="print the model card of a candidate, from its decision record")
    parser.add_argument("--cards", action="store_true", help="list the newest candidates, which have a card")
    parser.add_argument("--as", dest="person", default="operator", help="who does it, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    with desk_here() as desk:
        if known.card or known.cards:
            print(artifacts.card(desk, known.card).rstrip() if known.card else _listed(artifacts.candidates(desk)))
            return 0
        if known.remove:
            found = artifacts.collect(desk, Actor(id=known.person, role=Role.OPERATOR), days=known.days)
        else:
            found = artifacts.survey(desk, days=known.days)
    print(f"{found.url}: {found.count:,} artifacts, {_mb(found.bytes)}.")
    verb = "Removed" if known.remove else "Named by nothing"
    jobs = len(found.jobs) + len(found.shared)
    print(f"{verb}: {len(found.garbage):,} older than {known.days} days, {_mb(found.freed)}; {jobs:,} jobs.")
    for one in found.garbage[:LISTED]:
        print(f"  {one.name[:16]}  {one.touched_at:%Y-%m-%d}  {_mb(one.bytes)}")
    if len(found.garbage) > LISTED:
        print(f"  and {len(found.garbage) - LISTED:,} more")
    if found.garbage and not known.remove:
        print(f"Nothing was removed. Remove them: assay artifacts --days {known.days} --remove")
    return 0


def _listed(found: list[tuple[str, str, str]]) -> str:
    return "\n".join(f"{artifact[:16]}  {slug}  {words}" for artifact, slug, words in found) or "None yet."


def _mb(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"
