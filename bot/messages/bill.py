"""The bill of a month: the total first, then what makes it up, dearest first, and a picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.desk.bills import BillLine, BillView
from engine.models.money import NANO

LINES = 40
BARS = 12


@dataclass(frozen=True)
class Line:
    """One component as it is told: money in US dollars, prices per million tokens; ``days`` are named where it is not
    the whole month."""

    slug: str
    component: str
    model: str
    simulated: bool
    days: str
    calls: int
    cost_usd: float | None
    unpriced: int
    input_usd: float | None
    output_usd: float | None
    source: str


@dataclass(frozen=True)
class Bill:
    """The bill of a month. ``split`` says that a price changed in it; ``more`` lines are left out.

    The picture shows US dollars of each side (or feature) over ``categories``.
    """

    template: ClassVar[str] = "bill/month"
    bill: BillView
    lines: tuple[Line, ...]
    more: int
    split: bool
    cost_usd: float | None
    billed_usd: float | None
    compared_usd: float | None
    difference: float | None
    categories: tuple[str, ...]
    prompted: tuple[float, ...]
    tuned: tuple[float, ...]

    @classmethod
    def example(cls) -> Bill:
        """A month in which a price changed, calls had no price, and the invoice differed."""
        return month(example())


def month(found: BillView) -> Bill:
    """A bill as it is told."""
    shown = found.weeks if found.slug else _by_feature(found)
    bars = shown if found.cost_nano else ()  # no picture of nothing
    billed, compared = found.billed_nano, found.compared_nano
    return Bill(
        bill=found,
        lines=tuple(_line(line, found) for line in found.lines[:LINES]),
        more=max(len(found.lines) - LINES, 0),
        split=any(line.first != f"{found.period}-01" for line in found.lines),
        cost_usd=_usd(found.cost_nano),
        billed_usd=_usd(billed),
        compared_usd=_usd(compared),
        difference=None if billed is None or not compared else billed / compared - 1.0,
        categories=tuple(name for name, *_ in bars[:BARS]),
        prompted=tuple(round(prompted / NANO, 2) for _, prompted, _ in bars[:BARS]),
        tuned=tuple(round(tuned / NANO, 2) for *_, tuned in bars[:BARS]),
    )


def _line(line: BillLine, found: BillView) -> Line:
    whole = line.first == f"{found.period}-01" and not any(
        other.first != line.first for other in found.lines if (other.slug, other.model) == (line.slug, line.model)
    )
    return Line(
        slug=line.slug,
        component=line.component,
        model=line.model,
        simulated=line.simulated,
        days="" if whole else f"{line.first} to {line.last}",
        calls=line.calls,
        cost_usd=_usd(line.cost_nano),
        unpriced=line.unpriced,
        input_usd=_usd(line.input_nano),
        output_usd=_usd(line.output_nano),
        source=line.source,
    )


def _by_feature(found: BillView) -> tuple[tuple[str, int, int], ...]:
    """Cost of each feature by side, dearest first."""
    sums: dict[str, list[int]] = {}
    for line in found.lines:
        sides = sums.setdefault(line.slug, [0, 0])
        sides[line.component.startswith("tuned")] += line.cost_nano or 0
    dearest = sorted(sums.items(), key=lambda one: (-sum(one[1]), one[0]))
    return tuple((slug, prompted, tuned) for slug, (prompted, tuned) in dearest)


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO


def example() -> BillView:
    """The bill of a feature whose model became cheaper in the middle of the month."""
    before = BillLine(
        slug="ticket-router",
        component="prompted",
        model="gpt-4o-mini",
        simulated=False,
        first="2026-10-01",
        last="2026-10-14",
        calls=410_000,
        tokens_in=332_000_000,
        tokens_in_cached=90_000_000,
        tokens_out=1_640_000,
        cost_nano=44_034_000_000,
        input_nano=150_000_000,
        output_nano=600_000_000,
        source="genai-prices 0.2.3",
    )
    after = before.model_copy(
        update={
            "first": "2026-10-15",
            "last": "2026-10-31",
            "calls": 500_000,
            "cost_nano": 27_310_000_000,
            "input_nano": 75_000_000,
            "source": "contract of October",
        }
    )
    other = before.model_copy(
        update={
            "component": "tuned, shadow",
            "model": "triage-tuned-3",
            "last": "2026-10-31",
            "calls": 1_200,
            "cost_nano": None,
            "unpriced": 1_200,
            "input_nano": None,
            "output_nano": None,
            "source": "nobody knows its price",
        }
    )
    return BillView(
        slug="ticket-router",
        period="2026-10",
        is_running=False,
        lines=(before, after, other),
        cost_nano=71_344_000_000,
        unpriced=1_200,
        unpriced_models=("triage-tuned-3",),
        billed_nano=74_900_000_000,
        compared_nano=71_344_000_000,
        weeks=(
            ("1 to 7", 21_900_000_000, 0),
            ("8 to 14", 22_134_000_000, 0),
            ("15 to 21", 11_500_000_000, 0),
            ("22 to 28", 11_410_000_000, 0),
            ("29 to 31", 4_400_000_000, 0),
        ),
        snapshot="genai-prices-0.2.3+2026-10-31+e3b0c44298fc",
        list_day="2026-09-01",
        list_is_old=True,
        until="2026-10-31",
    )
