"""What the database holds after ingest, whole, and what it must hold, computed the plain way."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from engine.models.call import HourlyUsage
from engine.models.evidence import StageCount, StageScore, StageUnit
from engine.models.money import Price
from engine.models.spool import Example, PendingFeedback, SpoolPosition, Tally
from engine.rules import frame
from engine.rules.cost import TokenPrices, Tokens, call_cost
from engine.rules.frame import Flag, name_hash
from engine.rules.hours import HISTOGRAMS, SUMS
from engine.services import Services
from engine.store import prices
from tests.ingest.spooled import MODELS, plainly

PRICE = TokenPrices(input=2_000_000_000, output=8_000_000_000, cached_input=1_000_000_000)
BOTH = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
_STORED = (StageCount, StageScore, StageUnit, Example, PendingFeedback, Tally, SpoolPosition)


def some_prices(services: Services, input_nano: int = PRICE.input) -> None:
    """A price of each model."""
    with services.database.write() as tx:
        for model in MODELS:
            row = Price(
                model=model,
                starts_on=date(2026, 1, 1),
                input_nano=input_nano,
                cached_nano=PRICE.cached_input,
                output_nano=PRICE.output,
                source="test",
                by="U1",
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            prices.add(tx, row)


def slow_cost(one: frame.Frame) -> int | None:
    """What one call costs, none where that is unknown."""
    if one.flags & Flag.CACHE_HIT:
        return 0
    if 200 <= one.status < 300 and (one.tokens_in < 0 or one.tokens_out < 0):
        return None
    fed = max(one.tokens_in, 0)
    cached = min(max(one.tokens_in_cached, 0), fed)
    written = min(max(one.tokens_cache_write, 0), fed - cached)
    return call_cost(Tokens(fed, max(one.tokens_out, 0), cached_input=cached, cache_write=written), PRICE)


def totals(services: Services) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Every hourly row: its key, its sums that are not 0, its histograms' bytes."""
    with services.database.read() as tx:
        rows = list(tx.exec(select(HourlyUsage)))
    return {
        (row.hour, row.assigned, row.served, row.model, row.source, row.status_class, row.role): {
            **{name: getattr(row, name) for name in SUMS if getattr(row, name)},
            **{name: getattr(row, name) for name in HISTOGRAMS if getattr(row, name)},
        }
        for row in rows
    }


def sums_alone(found: dict[tuple[Any, ...], dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, int]]:
    """The same without histograms."""
    return {key: {name: value for name, value in row.items() if name in SUMS} for key, row in found.items()}


def expected(frames: list[frame.Frame]) -> dict[tuple[Any, ...], dict[str, int]]:
    """What ``sums_alone`` must be."""
    names = {name_hash(model): model for model in MODELS}
    return {(key[0], key[2], key[3], names[key[4]], *key[5:]): row for key, row in plainly(frames, slow_cost).items()}


def everything(services: Services) -> dict[str, Any]:
    """All that ingest stores, bit for bit, but for row numbers and when it was stored."""
    with services.database.read() as tx:
        tables = {table.__name__: _rows(list(tx.exec(select(table)))) for table in _STORED}
    home = services.settings.home / "calls"
    files = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    return {"hours": totals(services), "files": files, **tables}


def _rows(rows: list[SQLModel]) -> list[str]:
    return sorted(str(sorted(row.model_dump(exclude={"id", "at"}).items())) for row in rows)
