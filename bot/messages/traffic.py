"""What a feature's calls look like: how many, how dear, how fast, how steady, and what is not known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.desk.volumes import MonthRow, OpeningRow, TrafficView, proposals
from engine.models.money import NANO

LISTED = 60
PROPOSED = 10
STEADY = 0.1  # a mix of prompts that moved by less is steady

Lack = Literal["traffic", "sums", "recent", "history", "price", "latency", "texts"]


@dataclass(frozen=True)
class Traffic:
    """The traffic of one feature. ``low`` and ``high`` are its smallest and largest whole week."""

    template: ClassVar[str] = "traffic/show"
    traffic: TrafficView
    cost_usd: float | None
    months: tuple[tuple[MonthRow, float | None], ...]
    low: int | None
    high: int | None
    steady: bool | None
    names: tuple[str, ...]
    counts: tuple[float, ...]
    lacks: tuple[Lack, ...]

    @classmethod
    def example(cls) -> Traffic:
        """Three months of calls of which not everything is known."""
        return shown(example())


def shown(found: TrafficView) -> Traffic:
    """Traffic as it is told."""
    counts = [calls for _, calls in found.weeks]
    return Traffic(
        traffic=found,
        cost_usd=_usd(found.cost_nano),
        months=tuple((one, _usd(one.cost_nano)) for one in found.months),
        low=min(counts, default=None),
        high=max(counts, default=None),
        steady=None if found.moved is None else found.moved < STEADY,
        names=tuple(name for name, _ in found.weeks),
        counts=tuple(float(count) for count in counts),
        lacks=found.missing,  # pyright: ignore[reportArgumentType] # the desk's words are these
    )


@dataclass(frozen=True)
class Row:
    """One feature in the overview."""

    slug: str
    model: str
    simulated: bool
    calls: int
    known: bool
    cost_usd: float | None
    unpriced: int
    error_share: float | None


@dataclass(frozen=True)
class Found:
    """A prompt that is worth a feature of its own; ``begins`` are the words its calls are told by, "" for none."""

    name: str
    inside: str
    text: str
    begins: str
    calls: int
    cost_usd: float | None


@dataclass(frozen=True)
class Overview:
    """The traffic of all features, and the prompts in it that nobody registered; both the dearest first."""

    template: ClassVar[str] = "traffic/overview"
    rows: tuple[Row, ...]
    more: int
    found: tuple[Found, ...]

    @classmethod
    def example(cls) -> Overview:
        """A feature whose log holds two prompts, and one without traffic."""
        none = TrafficView(slug="tone-check", model="gpt-4o-mini", simulated=False, missing=("traffic",))
        return overview((example(), none))


def overview(found: tuple[TrafficView, ...]) -> Overview:
    """The traffic of all features as it is told."""
    rows = tuple(
        Row(
            slug=one.slug,
            model=one.model,
            simulated=one.simulated,
            calls=one.calls,
            known="traffic" not in one.missing,
            cost_usd=_usd(one.cost_nano),
            unpriced=one.unpriced,
            error_share=one.error_share,
        )
        for one in found
    )
    prompts = tuple(
        Found(one.name, one.inside, one.text, one.begins, one.calls, _usd(one.cost_nano)) for one in proposals(found)
    )
    return Overview(rows[:LISTED], max(len(rows) - LISTED, 0), prompts[:PROPOSED])


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO


def example() -> TrafficView:
    """Six weeks of a log that holds two prompts."""
    months = (
        MonthRow(
            period="2026-09", calls=610_000, cost_nano=61_000_000_000, unpriced=0, p95_ms=1_390.0, error_share=0.0019
        ),
        MonthRow(
            period="2026-10",
            calls=910_000,
            cost_nano=91_200_000_000,
            unpriced=1_200,
            p95_ms=1_430.0,
            error_share=0.0021,
        ),
    )
    return TrafficView(
        slug="ticket-router",
        model="gpt-4o-mini",
        simulated=False,
        since="2026-09-12",
        until="2026-10-31",
        days=30,
        calls=880_000,
        cost_nano=88_000_000_000,
        unpriced=1_200,
        error_share=0.0021,
        cached_share=0.31,
        hit_share=0.0,
        p50_ms=640.0,
        p95_ms=1_430.0,
        ttft_ms=None,
        prompt_tokens=812.0,
        answer_tokens=4.0,
        models=(("gpt-4o-mini", 0.98), ("triage-tuned-3", 0.02)),
        months=months,
        weeks=(("09-19", 190_000), ("09-26", 201_000), ("10-03", 205_000), ("10-10", 198_000), ("10-17", 210_000)),
        openings=(
            OpeningRow(
                text="Sort this ticket into one of:",
                share=0.71,
                size=0.6,
                first="2026-10-02",
                last="2026-10-31",
                own=True,
            ),
            OpeningRow(
                text="Rewrite this answer in our tone:", share=0.24, size=0.35, first="2026-10-19", last="2026-10-31"
            ),
        ),
        texts=2_000,
        moved=0.24,
        missing=("history", "price"),
    )
