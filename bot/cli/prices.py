"""What models cost: show the price in force, or set the team's own from a day on."""

from __future__ import annotations

import argparse
from datetime import date

from bot.cli.here import desk_here
from engine.desk import Desk, prices
from engine.errors import Invalid
from engine.log import set_up
from engine.models.actor import Actor, Role


def main(argv: list[str]) -> int:
    """Show, or set with ``--input`` and ``--output``."""
    parser = argparse.ArgumentParser(
        prog="assay prices",
        description="Prices in US dollars per million tokens. A team's own price wins over the bundled one.",
        epilog="Examples: assay prices gpt-4o-mini · assay prices our-model --input 2.50 --output 10 --from 2026-11-01",
    )
    parser.add_argument("model")
    parser.add_argument("--input", type=float, help="US dollars per million input tokens")
    parser.add_argument("--cached", type=float, help="the same for cached input tokens")
    parser.add_argument("--output", type=float, help="the same for output tokens")
    parser.add_argument("--from", dest="starts_on", type=date.fromisoformat, help="first day, like 2026-11-01 (today)")
    parser.add_argument("--source", default="set on the command line", help="where the price comes from")
    parser.add_argument("--as", dest="person", default="operator", help="who sets it, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    if (known.input is None) != (known.output is None):
        lacks = "--output" if known.output is None else "--input"
        raise Invalid(f"A price has two halves, and {lacks} is missing.", hint="Nothing was changed; give both.")
    with desk_here() as desk:
        if known.input is not None:
            prices.set_price(desk, Actor(id=known.person, role=Role.OPERATOR), _price(known, desk))
        print(prices.price_line(desk, known.model))
    return 0


def _price(known: argparse.Namespace, desk: Desk) -> prices.DatedPrice:
    return prices.DatedPrice(
        model=known.model,
        input_usd=known.input,
        output_usd=known.output,
        cached_usd=known.cached,
        starts_on=known.starts_on or desk.services.clock.now().date(),
        source=known.source,
    )
