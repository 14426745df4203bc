"""Contenders as a verdict tells them: prompted options, candidates, gates and the classes that lag. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.models.money import NANO

AUDITED = "audited"
CHEAPER = "cheaper"  # the option there is none of where no other model is listed
WEAK_SHOWN = 3  # classes; the report has them all


@dataclass(frozen=True)
class Option:
    """One prompted option on dev; ``why`` says why it was not tried ("" for one that was).

    ``quality`` is what the board shows of it, none where it was no new best; ``call_usd`` is none where unknown. A call
    is so many ``samples``; where they vote, ``alone`` is how well one does, shown where ``quality`` is.
    """

    name: str
    model: str
    simulated: bool
    quality: float | None
    valid_share: float | None
    latency_p95_ms: float | None
    call_usd: float | None
    why: str
    went_on: bool
    samples: int = 1
    alone: float | None = None


@dataclass(frozen=True)
class Weak:
    """A class on which the candidate is furthest behind prompting on dev: recall of both, and its interval."""

    name: str
    rows: int
    recall: float
    low: float
    high: float
    prompted: float


@dataclass(frozen=True)
class GateLine:
    """A blocker or gate that is worth a line: it failed, is unknown, or guards what the team named."""

    name: str
    status: str
    value: float | None
    limit: float | None


@dataclass(frozen=True)
class Pairs:
    """What preference pairs gave: how many, the share of dev pairs whose chosen text is the likelier, before and after.

    The shares are none where dev has no pairs.
    ``undone`` is "", or why the candidate is what it was before them.
    """

    count: int
    before: float | None
    after: float | None
    undone: str


@dataclass(frozen=True)
class Rung:
    """One candidate on dev; ``was_run`` is false where it was not, ``skipped`` and ``alarm`` say why.

    ``words`` say what it is. ``quality`` is what the board shows of it, none where it was no new best.
    ``went_on`` marks the chosen one where the sealed rows were opened;
    ``is_unproven`` one that is the best shown, but not surely better than the chosen. Memory ran out in training where
    its batches were taken in more than one of ``parts``; ``runtime`` is what was chosen on a GPU, and why;
    ``pairs`` is there where it learned from rejected texts too.
    """

    name: str
    words: str
    was_run: bool
    quality: float | None
    valid_share: float | None
    latency_p95_ms: float | None
    seconds: float
    skipped: str
    alarm: str
    went_on: bool
    is_unproven: bool
    parts: int = 1
    runtime: str = ""
    pairs: Pairs | None = None


def options(record: dict[str, Any]) -> tuple[Option, ...]:
    """The prompted options of a record."""
    shown, chosen = _shown(record, "prompted"), record["prompted"]["contender"]
    return tuple(
        Option(
            name=one["contender"],
            model=one["model"],
            simulated=bool(one.get("simulated")),
            quality=shown.get(one["contender"]),
            valid_share=one.get("valid_share"),
            latency_p95_ms=one.get("latency_p95_ms"),
            call_usd=None if one.get("call_nano") is None else one["call_nano"] / NANO,
            why=one.get("why") or "",
            went_on=one["contender"] == chosen and _is_opened(record),
            samples=one.get("samples", 1),
            alone=one.get("dev_alone") if one["contender"] in shown else None,
        )
        for one in record.get("contenders", ())
    )


def missed(record: dict[str, Any]) -> tuple[str, ...]:
    """Prompted options that there are and that could not be tried, so that nobody knows whether one is better."""
    found = options(record)
    usual = next((one.model for one in found), "")
    return tuple(one.name for one in found if one.why and (one.name != CHEAPER or one.model not in ("", usual)))


def rungs(record: dict[str, Any]) -> tuple[Rung, ...]:
    """The candidates of a record."""
    shown, chosen = _shown(record, "tuned"), record["candidate"]["contender"]
    return tuple(_rung(line, chosen, shown, is_opened=_is_opened(record)) for line in record.get("rungs", ()))


def _rung(line: dict[str, Any], chosen: str, shown: dict[str, float], *, is_opened: bool) -> Rung:
    quality = shown.get(line["contender"])
    best = max(shown.values(), default=0.0)
    return Rung(
        name=line["contender"],
        words=line.get("words") or line["contender"],
        was_run=line.get("dev_score") is not None,
        quality=quality,
        valid_share=line.get("valid_share"),
        latency_p95_ms=line.get("latency_p95_ms"),
        seconds=line.get("seconds") or 0.0,
        skipped=line.get("skipped") or "",
        alarm=line.get("alarm") or "",
        went_on=line["contender"] == chosen and is_opened,
        parts=2 ** int(line.get("halved") or 0),
        runtime=line.get("runtime") or "",
        pairs=_pairs(line.get("pairs")),
        is_unproven=quality is not None and quality == best and line["contender"] != chosen,
    )


def _is_opened(record: dict[str, Any]) -> bool:
    """Whether anything went on to the sealed rows: a look of 0 opened none."""
    return record.get("seal_look") != 0


def _pairs(told: dict[str, Any] | None) -> Pairs | None:
    if not told:
        return None
    return Pairs(told["pairs"], told.get("preferred_before"), told.get("preferred"), told["pairs_undone"])


def _shown(record: dict[str, Any], side: str) -> dict[str, float]:
    """What the board shows, by contender: the scores that were a new best when they came."""
    lines = record.get("leaderboard", {}).get(side, {}).get("lines", ())
    return {line["name"]: line["shown"] for line in lines if line["is_best"]}


def gates(lines: Sequence[dict[str, Any]]) -> tuple[GateLine, ...]:
    """The gates of a record that are worth a line; the audit has a line of its own."""
    told = (
        line
        for line in lines
        if (line["status"] in ("fail", "unknown") and line["name"] != AUDITED) or line["name"].startswith("slice ")
    )
    return tuple(GateLine(line["name"], line["status"], line["value"], line["limit"]) for line in told)


def weak(lines: Sequence[dict[str, Any]]) -> tuple[Weak, ...]:
    """The classes furthest behind, worst first; none where the candidate is behind on none."""
    known = [line for line in lines if line["candidate"] and line["prompted"]]
    behind = sorted(known, key=lambda line: line["candidate"]["estimate"] - line["prompted"]["estimate"])
    return tuple(
        Weak(
            name=line["name"],
            rows=line["rows"],
            recall=line["candidate"]["estimate"],
            low=line["candidate"]["low"],
            high=line["candidate"]["high"],
            prompted=line["prompted"]["estimate"],
        )
        for line in behind[:WEAK_SHOWN]
        if line["candidate"]["estimate"] < line["prompted"]["estimate"]
    )
