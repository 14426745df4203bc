"""The report of one investigation: what was asked, what was found, what it costs, and how to check all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot import links
from bot.charts.confusion import Confusion, confusion
from bot.charts.forest import Row
from bot.messages.verdict import VerdictMessage, verdict
from bot.pages import paper
from engine.desk import Desk, investigations, reports
from engine.desk.reports import CascadeView, Forecast, Interval, Needs, RunReport
from engine.errors import NotFound

_DRAWN_MOST = 16  # classes in the picture; the table has all
_INVALID = "invalid"


@dataclass(frozen=True)
class ClassLine:
    """One class on dev: its rows, and the share each side got right with its 95 % interval; none without rows."""

    name: str
    rows: int
    tuned: Interval | None
    prompted: Interval | None


@dataclass(frozen=True)
class RunPage:
    """Everything the page shows; ``record`` is the stored decision record, in which an older run may lack a part."""

    told: VerdictMessage
    record: dict[str, Any]
    more: RunReport
    needs: Needs | None
    forecast: Forecast | None
    cascade: CascadeView | None
    classes: tuple[ClassLine, ...]
    classes_drawn: tuple[Row, ...]
    tuned: Confusion | None
    prompted: Confusion | None
    priced_on: date | None
    is_stale: bool


def page(desk: Desk, run_id: str, signature: str) -> str:
    """The report as HTML. Raises ``NotFound`` for a run without a verdict, and for a signature of another address."""
    links.check(desk, links.Shelf.REPORT, run_id, signature)
    return shown(desk, run_id)


def shown(desk: Desk, run_id: str) -> str:
    """The report as HTML, for whoever may see it. Raises ``NotFound`` for a run without a verdict."""
    (run,) = investigations.status(desk, run_id if run_id.startswith("inv-") else f"inv-{run_id}")
    if not run.record:
        raise NotFound(f"{run_id[:40]} has no verdict (it is {run.state}).", hint=f"/assay status {run_id[:40]}")
    today = desk.services.clock.now().date()
    return paper.page("report/verdict", report(verdict(run), run.record, reports.of_run(desk, run.run_id), today))


def report(told: VerdictMessage, record: dict[str, Any], more: RunReport, today: date) -> RunPage:
    """The page of a decision record, as it is seen on a day."""
    snapshot = str(record.get("price_snapshot") or "")
    dev: dict[str, Any] = record.get("dev") or {}
    names: Sequence[str] = dev.get("classes", ())
    ours, theirs = dev.get("candidate_confusion"), dev.get("prompted_confusion")
    classes = tuple(_class(*line) for line in zip(names, ours or (), theirs or (), range(len(names)), strict=True))
    return RunPage(
        told=told,
        record=record,
        more=more,
        needs=reports.needs_of(record),
        forecast=reports.forecast_of(record),
        cascade=reports.cascade_of(record),
        classes=classes,
        classes_drawn=_furthest_apart(classes),
        tuned=confusion(names, ours, _INVALID) if ours else None,
        prompted=confusion(names, theirs, _INVALID) if theirs else None,
        priced_on=paper.priced_on(snapshot),
        is_stale=paper.is_stale(snapshot, today),
    )


def _class(name: str, ours: Sequence[int], theirs: Sequence[int], place: int) -> ClassLine:
    sides = [reports.likely(line[place], sum(line)) if sum(line) else None for line in (ours, theirs)]
    return ClassLine(name, sum(ours), *sides)


def _furthest_apart(lines: Sequence[ClassLine]) -> tuple[Row, ...]:
    """The classes for the picture, in their own order: all, or those where the sides differ most."""
    known = [line for line in lines if line.tuned and line.prompted]
    widest = sorted(known, key=_gap, reverse=True)[:_DRAWN_MOST]
    return tuple(Row(line.name, line.tuned, line.prompted) for line in known if line in widest)


def _gap(line: ClassLine) -> float:
    return abs(line.tuned.estimate - line.prompted.estimate) if line.tuned and line.prompted else 0.0
