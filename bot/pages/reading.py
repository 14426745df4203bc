"""The readiness of one feature: its conditions with evidence, its money over the months, what to measure next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bot import links
from bot.messages.reading import ReadingMessage, reading
from bot.pages import paper
from engine.desk import Desk, readiness, reports
from engine.desk.readiness import ConditionView
from engine.desk.reports import FeatureReport
from engine.errors import NotFound


@dataclass(frozen=True)
class ReadingPage:
    """Everything the page shows. ``counts`` are conditions by status, in the order of this list."""

    told: ReadingMessage
    more: FeatureReport
    counts: tuple[tuple[str, int], ...]
    overridden: tuple[ConditionView, ...]
    priced_on: date | None
    is_stale: bool


STATUSES = ("pass", "fail", "unknown", "overridden")


def page(desk: Desk, slug: str, key: str) -> str:
    """The page as HTML, as the feature is known now. Raises ``NotFound``, for a key of another address too."""
    if not links.opens(desk.services.settings, "readings", slug, key):
        raise NotFound("There is no such page, or its address has run out.", hint="/assay ready SLUG gives a new one.")
    return paper.page("report/reading", view(reading(readiness.read(desk, slug)), reports.of_feature(desk, slug)))


def view(told: ReadingMessage, more: FeatureReport) -> ReadingPage:
    """The page of a reading."""
    conditions = told.reading.conditions
    statuses = [one.status for one in conditions]
    snapshot = told.reading.price_snapshot
    return ReadingPage(
        told=told,
        more=more,
        counts=tuple((status, statuses.count(status)) for status in STATUSES if status in statuses),
        overridden=tuple(one for one in conditions if one.override and one.override.approved_by),
        priced_on=paper.priced_on(snapshot),
        is_stale=paper.is_stale(snapshot, more.read_at.date()),
    )
