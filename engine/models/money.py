"""Money as integer nano-dollars, and how it is written for people."""

from datetime import date, datetime
from typing import NewType

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime

NanoUsd = NewType("NanoUsd", int)
NANO = 1_000_000_000


def from_usd(dollars: float) -> NanoUsd:
    """Nano-dollars of an amount in dollars, rounded to the nearest."""
    return NanoUsd(round(dollars * NANO))


def to_usd(amount: int) -> float:
    """Dollars of an amount in nano-dollars; for forecasts and for people, never for booking."""
    return amount / NANO


class Price(Table, table=True):
    """One dated row of the team's own price table; it wins over the bundled prices for its model from that day on.

    Prices are nano-dollars per million tokens.
    """

    __table_args__ = (UniqueConstraint("model", "starts_on"),)

    id: int | None = Field(default=None, primary_key=True)
    model: str = Field(max_length=200, index=True)
    starts_on: date
    input_nano: int = Field(sa_type=BigInteger)
    cached_nano: int | None = Field(default=None, sa_type=BigInteger)
    output_nano: int = Field(sa_type=BigInteger)
    source: str
    by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
