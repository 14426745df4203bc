"""Keys of the gateway: make one, list them, revoke one."""

from __future__ import annotations

import argparse
import sys

from bot.cli.here import desk_here
from engine.desk import Desk, keys
from engine.log import set_up
from engine.models.actor import Actor, Role


def main(argv: list[str]) -> int:
    """``assay gateway-key SLUG``: the key alone on stdout, so that a script can take it."""
    parser = argparse.ArgumentParser(
        prog="assay gateway-key",
        description="Make a key that opens one feature at the gateway. It is printed once; only its hash is stored.",
        epilog="Examples: assay gateway-key triage · assay gateway-key triage --list · "
        "assay gateway-key triage --revoke k3",
    )
    parser.add_argument("feature")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="the names of its keys, who made them, and when")
    what.add_argument("--revoke", metavar="ID", help="have the key of this name open nothing any more")
    parser.add_argument("--as", dest="person", default="operator", help="who does it, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    with desk_here() as desk:
        if known.list:
            return _list(desk, known.feature)
        actor = Actor(id=known.person, role=Role.OPERATOR)
        if known.revoke:
            seen = keys.revoke(desk, actor, known.feature, known.revoke)
            print(f"{seen.name} of {seen.slug} opens nothing any more; gateways follow within a second.")
            return 0
        made = keys.make(desk, actor, known.feature)
    print(made.secret)
    print(f"This is {made.name} of {made.slug}. It is shown this once; keep it now.", file=sys.stderr)
    return 0


def _list(desk: Desk, slug: str) -> int:
    seen = keys.every(desk, slug)
    if not seen:
        print(f"{slug} has no key yet: assay gateway-key {slug}")
    for key in seen:
        ended = f", revoked {key.revoked_on} by {key.revoked_by}" if key.revoked_on else ""
        print(f"{key.name}  made {key.made_on} by {key.made_by}{ended}")
    return 0
