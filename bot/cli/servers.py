"""Where candidates are served, and what providers bill us for; stops a deployment a person names, and nothing else."""

from __future__ import annotations

import argparse

from bot.cli.here import desk_here
from engine.desk import Desk, servers
from engine.log import set_up
from engine.models.actor import Actor, Role

NEVER_RUN = "Assay's authors never ran this against the live service."


def main(argv: list[str]) -> int:
    """List both; quote what a feature's chosen server would cost; stop one deployment."""
    parser = argparse.ArgumentParser(
        prog="assay servers",
        description="Show where candidates are served, and every deployment at providers whose keys "
        f"ASSAY_UPSTREAM_KEYS names, with its cost a day and whether a rollout needs it. {NEVER_RUN}",
        epilog="Examples: assay servers · assay servers --quote triage · assay servers --stop together endpoint-1",
    )
    parser.add_argument("--quote", metavar="SLUG", help="what the server this feature chose would cost a month")
    parser.add_argument("--stop", nargs=2, metavar=("PROVIDER", "ID"), help="delete one deployment there")
    parser.add_argument("--as", dest="person", default="operator", help="who stops it, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    with desk_here() as desk:
        if known.stop:
            proof = servers.stop(desk, Actor(id=known.person, role=Role.OPERATOR), *known.stop)
            print(f"{proof.deployment} is gone since {proof.billing_stopped_at:%Y-%m-%d %H:%M} UTC.")
        elif known.quote:
            print(_quoted(servers.quote(desk, known.quote)))
        else:
            _show(desk)
    return 0


def _show(desk: Desk) -> None:
    for one in servers.every(desk):
        same = f", {one.agree} of {one.asked} answers as judged" if one.asked else ""
        print(f"{one.slug}: {one.server}, {one.state}{same} {one.base_url} {one.said}".rstrip())
    for one in servers.listed(desk):
        needed = "needed" if one.is_needed else "needed by no rollout of ours"
        print(f"{one.provider} {one.id}: {one.name}, {one.state}, {one.price}, {needed}")


def _quoted(found: servers.Quote | None) -> str:
    if found is None:
        return "Nobody bills for that server but your own host."
    if found.serve_month_usd is None:
        return f"No price is known ({found.source}, {found.as_of}). {NEVER_RUN}"
    idle = f", ${found.idle_month_usd:,.0f} of it while nobody asks" if found.idle_month_usd is not None else ""
    return f"About ${found.serve_month_usd:,.0f} a month{idle} ({found.source}, {found.as_of}). {NEVER_RUN}"
