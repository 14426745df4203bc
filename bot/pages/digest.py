"""The digest of a month as a page for managers: what was saved, whether it is still worth it, what to decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot import charts
from bot.blockkit import figures
from bot.charts import Columns
from bot.messages.digest import Month, month
from engine.desk import Desk, digests

_FILTERS: dict[str, Callable[..., str]] = {
    "count": figures.count,
    "figure": figures.figure,
    "percent": figures.percent,
    "points": figures.points,
    "several": figures.several,
    "size": figures.size,
    "usd": figures.usd,
}


@dataclass(frozen=True)
class DigestPage:
    """Everything the page shows."""

    month: Month
    plot: Columns


def page(desk: Desk, period: str) -> str:
    """The digest of a month as HTML. Raises ``NotFound``."""
    told = month(digests.show(desk, period))
    plot = charts.columns(told.months, (told.paid, told.prompted))
    return _words().get_template("digest/month.html.j2").render(view=DigestPage(told, plot))


@cache
def _words() -> Environment:
    made = Environment(
        loader=PackageLoader("templates", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_known,
    )
    made.filters.update(_FILTERS)
    return made


def _known(value: object) -> object:
    return figures.UNKNOWN if value is None else value
