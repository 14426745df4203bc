"""The readiness of one feature: its conditions with evidence, its money over the months, what to measure next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot import links
from bot.messages.reading import ReadingMessage, reading
from bot.pages import paper
from engine.desk import Desk, readiness, reports
from engine.desk.readiness import ConditionView
from engine.desk.reports import FeatureReport


@dataclass(frozen=True)
class ReadingPage:
    """Everything the page shows. ``counts`` are conditions by status, in the order of this list."""

    told: ReadingMessage
    more: FeatureReport
    addresses: Mapping[str, str]
    counts: tuple[tuple[str, int], ...]
    overridden: tuple[ConditionView, ...]
    priced_on: date | None
    is_stale: bool


STATUSES = ("pass", "fail", "unknown", "overridden")


def page(desk: Desk, slug: str, signature: str) -> str:
    """The page as HTML, as the feature is known now. Raises ``NotFound``, for a signature of another address too."""
    links.check(desk, links.Shelf.READING, slug, signature)
    more = reports.of_feature(desk, slug)
    addresses = {one.run_id: links.path(desk, links.Shelf.REPORT, one.run_id) for one in more.verdicts}
    return paper.page("report/reading", view(reading(readiness.read(desk, slug)), more, addresses))


def view(told: ReadingMessage, more: FeatureReport, addresses: Mapping[str, str]) -> ReadingPage:
    """The page of a reading; ``addresses`` are paths of reports, by run."""
    conditions = told.reading.conditions
    statuses = [one.status for one in conditions]
    snapshot = told.reading.price_snapshot
    return ReadingPage(
        told=told,
        more=more,
        addresses=addresses,
        counts=tuple((status, statuses.count(status)) for status in STATUSES if status in statuses),
        overridden=tuple(one for one in conditions if one.override and one.override.approved_by),
        priced_on=paper.priced_on(snapshot),
        is_stale=paper.is_stale(snapshot, more.read_at.date()),
    )
