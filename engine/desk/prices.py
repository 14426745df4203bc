"""What models cost: the team's own prices, and those in force."""

from __future__ import annotations

from datetime import date

from engine.desk import Desk
from engine.errors import Invalid
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.mail import Once
from engine.models.money import Price, from_usd, to_usd
from engine.store import deeds, mail
from engine.store import prices as overlay
from engine.teachers import prices

PRICE_MOST = 100_000  # US dollars per million tokens: more is a slip of the keyboard


class DatedPrice(Value):
    """A price to set, in US dollars per million tokens."""

    model: str
    input_usd: float
    output_usd: float
    cached_usd: float | None = None
    starts_on: date
    source: str


class PriceRow(Value):
    """One row of the team's table: US dollars per million tokens from a day on; ``begun`` says it is that day."""

    model: str
    starts_on: str
    input_usd: float
    cached_usd: float | None
    output_usd: float
    source: str
    by: str
    begun: bool


class PricesView(Value):
    """The team's own prices, which win over the bundled list; ``snapshot`` names what is in force today."""

    rows: tuple[PriceRow, ...]
    snapshot: str


def set_price(desk: Desk, actor: Actor, price: DatedPrice, *, once: Once | None = None) -> None:
    """Set what a model costs from a day on; calls counted already keep their price.

    Raises ``Invalid`` for a price below 0, absurdly high or no number.
    """
    said = (price.input_usd, price.output_usd, price.cached_usd or 0.0)
    if not all(0 <= dollars <= PRICE_MOST for dollars in said):  # not-a-number is in no interval
        raise Invalid(
            f"A price is 0 to {PRICE_MOST:,} US dollars per million tokens.",
            hint="For example: assay prices our-model --input 2.50 --output 10",
        )
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        row = Price(
            model=price.model,
            starts_on=price.starts_on,
            input_nano=from_usd(price.input_usd),
            output_nano=from_usd(price.output_usd),
            cached_nano=None if price.cached_usd is None else from_usd(price.cached_usd),
            source=price.source,
            by=actor.id,
            created_at=desk.services.clock.now(),
        )
        overlay.add(tx, row)
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "set price",
            entity="price",
            entity_id=price.model,
            after=price.model_dump(mode="json"),
        )


def own_prices(desk: Desk) -> PricesView:
    """The team's price table, by model, oldest first, rows that have not begun too."""
    today = desk.services.clock.now().date()
    with desk.services.database.read() as tx:
        rows = tuple(_row(price, today) for price in overlay.every(tx))
        return PricesView(rows=rows, snapshot=prices.snapshot_id(tx, today))


def _row(price: Price, today: date) -> PriceRow:
    return PriceRow(
        model=price.model,
        starts_on=price.starts_on.isoformat(),
        input_usd=to_usd(price.input_nano),
        cached_usd=None if price.cached_nano is None else to_usd(price.cached_nano),
        output_usd=to_usd(price.output_nano),
        source=price.source,
        by=price.by,
        begun=price.starts_on <= today,
    )


def price_line(desk: Desk, model: str) -> str:
    """What a model costs today, in one sentence."""
    today = desk.services.clock.now().date()
    with desk.services.database.read() as tx:
        found = prices.price_of(tx, model, today)
    if found is None:
        return f"{model} has no known price. Set one: assay prices {model} --input USD --output USD"
    return (
        f"{model}: ${to_usd(found.input):,.2f} in, ${to_usd(found.output):,.2f} out per million tokens"
        f" on {today.isoformat()}"
    )
