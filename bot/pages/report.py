"""The report of one investigation as a page: the verdict, its numbers, its pictures, and how to recompute it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot import charts
from bot.blockkit import figures
from bot.charts import Confusion, IntervalPlot
from bot.messages.verdict import VerdictMessage, verdict
from engine.desk import Desk, investigations
from engine.errors import NotFound

_FILTERS = {
    "count": figures.count,
    "lasting": figures.lasting,
    "ms": figures.ms,
    "nano": figures.nano,
    "percent": figures.percent,
    "plus": figures.plus,
    "points": figures.points,
    "usd": figures.usd,
}


@dataclass(frozen=True)
class ReportPage:
    """Everything the page shows; ``record`` is the stored decision record."""

    verdict: VerdictMessage
    plot: IntervalPlot
    candidate: Confusion
    prompted: Confusion
    record: dict[str, Any]


def page(desk: Desk, run_id: str) -> str:
    """The report as HTML. Raises ``NotFound`` for a run without a verdict."""
    (run,) = investigations.status(desk, run_id if run_id.startswith("inv-") else f"inv-{run_id}")
    if not run.record:
        raise NotFound(f"{run_id[:40]} has no verdict (it is {run.state}).", hint=f"/assay status {run_id[:40]}")
    return _words().get_template("report/verdict.html.j2").render(view=report(verdict(run), run.record))


def report(told: VerdictMessage, record: dict[str, Any]) -> ReportPage:
    """The page of a decision record."""
    quality, dev = told.quality, record["dev"]
    return ReportPage(
        told,
        charts.interval(quality.low, quality.difference, quality.high, quality.margin),
        charts.confusion(dev["classes"], dev["candidate_confusion"]),
        charts.confusion(dev["classes"], dev["prompted_confusion"]),
        record,
    )


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
