"""What models cost: show the price in force, or set the team's own from a day on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date

from bot.blockkit import figures
from bot.cli.here import desk_here
from engine.desk import Desk, price_book, prices
from engine.desk.price_book import PriceBook, PriceTold, Repriced
from engine.errors import Invalid
from engine.log import set_up
from engine.models.actor import Actor, Role
from engine.models.money import to_usd


def main(argv: list[str]) -> int:
    """Show one model or all, set with ``--input`` and ``--output``, or price a month again."""
    parser = argparse.ArgumentParser(
        prog="assay prices",
        description="Prices in US dollars per million tokens. A team's own price wins over the bundled one.",
        epilog="Examples: assay prices · assay prices --recompute 2026-10 · "
        "assay prices our-model --input 2.50 --output 10 --from 2026-11-01",
    )
    parser.add_argument("model", nargs="?", help="one model; without one, all that are in use")
    parser.add_argument("--recompute", metavar="MONTH", help="price a month (2026-10) again from its tokens")
    parser.add_argument("--ask", action="store_true", help="ask the endpoints for announced shutdown dates")
    parser.add_argument("--input", type=float, help="US dollars per million input tokens")
    parser.add_argument("--cached", type=float, help="the same for cached input tokens")
    parser.add_argument("--output", type=float, help="the same for output tokens")
    parser.add_argument("--from", dest="starts_on", type=date.fromisoformat, help="first day, like 2026-11-01 (today)")
    parser.add_argument("--source", default="set on the command line", help="where the price comes from")
    parser.add_argument("--as", dest="person", default="operator", help="who sets it, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    _refuse_half(known)
    actor = Actor(id=known.person, role=Role.OPERATOR)
    with desk_here() as desk:
        if known.recompute:
            print(_repriced(price_book.recompute(desk, actor, known.recompute)))
        elif known.model is None:
            print("\n".join(_book(price_book.book(desk, ask=known.ask))))
        else:
            if known.input is not None:
                prices.set_price(desk, actor, _price(known, desk))
            print(prices.price_line(desk, known.model))
    return 0


def _refuse_half(known: argparse.Namespace) -> None:
    """Refuse a price that is only partly told: left alone it would look as if it had been set. Raises ``Invalid``."""
    lacking = [name for name, told in (("--input", known.input), ("--output", known.output)) if told is None]
    if len(lacking) == 1 or (lacking and known.cached is not None):
        missing = " and ".join(lacking)
        raise Invalid(
            f"A price has two halves, and {missing} {'is' if len(lacking) == 1 else 'are'} missing.",
            hint="Nothing was changed; give both.",
        )
    if not lacking and known.model is None:
        raise Invalid("A price is of a model.", hint="For example: assay prices our-model --input 2.50 --output 10")


def _book(found: PriceBook) -> Iterator[str]:
    """A line for each model, and one for each change to come."""
    for model in found.models:
        used = f", used by {', '.join(model.features)}" if model.features else ""
        yield f"{model.model}: {_told(model.now)}{used}"
        yield from (f"  to come: {_told(one)}" for one in model.later)
        if model.shutdown:
            yield f"  shut down on {model.shutdown}, as announced"
    if not found.models:
        yield "No model is in use yet."
    yield f"Prices in US dollars per million tokens, {found.snapshot}"
    if found.list_is_old:
        yield (
            f"The bundled list knows no price newer than {found.list_day}: it may be out of date. "
            "Upgrade genai-prices, or set prices of your own."
        )
    for base_url in found.silent:
        yield f"{base_url} did not say which models it shuts down"


def _told(price: PriceTold) -> str:
    if price.input_nano is None:
        return price.source
    cached = f", {_usd(price.cached_nano)} cached" if price.cached_nano is not None else ""
    tier = f", more above {price.tier_from:,} input tokens" if price.tier_from else ""
    by = f" by {price.by}" if price.by else ""
    since = f"from {price.since}" if price.since else "as long as it is known"
    return f"{_usd(price.input_nano)} in{cached}, {_usd(price.output_nano)} out{tier}, {since} ({price.source}{by})"


def _usd(nano: int | None) -> str:
    return figures.rate(None if nano is None else to_usd(nano))


def _repriced(done: Repriced) -> str:
    left = (
        f" {done.left:,} kept their price: their list has tiers, and sums do not tell them apart." if done.left else ""
    )
    unpriced = f" {done.unpriced:,} have no price." if done.unpriced else ""
    return (
        f"{done.period}: {done.changed:,} of {done.calls:,} calls have another price now, "
        f"${to_usd(done.before_nano):,.2f} before, ${to_usd(done.after_nano):,.2f} after.{unpriced}{left}"
    )


def _price(known: argparse.Namespace, desk: Desk) -> prices.DatedPrice:
    return prices.DatedPrice(
        model=known.model,
        input_usd=known.input,
        output_usd=known.output,
        cached_usd=known.cached,
        starts_on=known.starts_on or desk.services.clock.now().date(),
        source=known.source,
    )
