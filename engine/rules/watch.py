"""What a team decides about the monthly look at its models, and when a shutdown or a retraining is told.

Knows nothing of traffic, labels or messages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from engine.rules import checks

NOTICE_DAYS = (180, 90, 30, 7)  # a shutdown is told once at each (docs/rules.md 8)
DAYS_PER_MONTH = 365.25 / 12
ESCALATION_RISE = 0.5  # retraining is due when half as many calls again are passed on as at the start
_NAME = re.compile(r"[^\s,=]{1,120}")


@dataclass(frozen=True)
class RebaselinePolicy:
    """Which prompted models are tried each month, and what that may cost.

    ``models`` is a comma list; ``budget_usd`` the most a month's calls may cost (0: nothing is asked); ``rows`` the
    most sealed rows asked; ``switching_usd`` what changing over to another model costs once. ``shutdowns`` is a comma
    list of ``model=day``; a feature's slug stands for its tuned model.
    """

    models: str = ""
    budget_usd: float = 0.0
    rows: int = 400
    alpha: float = 0.025
    switching_usd: float = 1_200.0
    shutdowns: str = ""


@dataclass(frozen=True)
class DriftPolicy:
    """How a month's calls are held against those the verdict was made of.

    At most ``calls`` of each count: among millions every idle difference is beyond chance.
    """

    calls: int = 1_000
    bins: int = 10
    alpha: float = 0.01


@dataclass(frozen=True)
class AuditPolicy:
    """How a live model is held against labels that people give to fresh calls.

    ``rows`` fresh labels a month are asked of people (0: nobody is asked); fewer than ``rows_least`` say nothing;
    ``odds`` is the e-value at which its quality is called broken. ``double`` of the month's texts go to two people, and
    once a quarter ``again`` old rows are asked for among them (0: none).
    """

    rows: int = 100
    rows_least: int = 50
    odds: float = 20.0
    double: float = 0.05
    again: int = 30


def models(words: str) -> tuple[str, ...]:
    """The models of a comma list, each once. Raises ValueError for a name with spaces or an equals sign."""
    found = tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    for name in found:
        if not _NAME.fullmatch(name):
            raise ValueError(f"models names {name[:40]!r}; a model's name has no space and no equals sign")
    return found


def shutdowns(words: str) -> dict[str, date]:
    """The shutdown days of a comma list ``model=2027-01-31``. Raises ValueError for a part that is none."""
    found: dict[str, date] = {}
    for part in (part.strip() for part in words.split(",") if part.strip()):
        name, _, day = part.partition("=")
        try:
            found[name.strip()] = date.fromisoformat(day.strip())
        except ValueError as error:
            raise ValueError(f"shutdowns holds {part[:60]!r}; like gpt-4o-mini=2027-01-31 is needed") from error
    return found


def notice(days: int) -> int | None:
    """The notice a shutdown in so many days calls for: the nearest of 180, 90, 30 and 7 already reached; else None."""
    return min((step for step in NOTICE_DAYS if days <= step), default=None)


def retrain_due(
    *,
    days_old: int | None,
    cadence_months: float,
    escalation: float | None,
    first: float | None,
    changed: Sequence[str],
    audited: str = "",
) -> tuple[str, ...]:
    """Why retraining is due: by age, by calls passed on (now against at the start), by labels that ``changed``,
    by what people's labels of fresh calls say (``audited``, "" for nothing).
    """
    due: list[str] = []
    cadence = checks.above("cadence_months", cadence_months) * DAYS_PER_MONTH
    if days_old is not None and days_old > cadence:
        due.append(f"{days_old} days since it was trained, {cadence:.0f} planned")
    if escalation is not None and first is not None and first > 0.0 and escalation > first * (1.0 + ESCALATION_RISE):
        due.append("far more calls are passed on than at the start")
    if changed:
        due.append(f"the labels changed: {', '.join(changed)}")
    if audited:
        due.append(audited)
    return tuple(due)
