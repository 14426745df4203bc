"""Measure how far raters agree beyond chance.

Knows nothing of who rated or what; None means undefined, because every rating is the same category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from engine.rules import checks

Ratings = Sequence[Hashable]


def cohen_kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Give Cohen's (1960) kappa of two raters from a square table of counts, 2 or more categories.

    None when every rating is the same category. Raises ValueError for broken counts, another shape or no rating.
    """
    rows = checks.square_table("table", table)
    n = sum(map(sum, rows))
    by_chance = sum(sum(row) * sum(column) for row, column in zip(rows, zip(*rows, strict=True), strict=True))
    if by_chance == n * n:
        return None
    agreed = sum(row[place] for place, row in enumerate(rows))
    return (n * agreed - by_chance) / (n * n - by_chance)


def gwet_ac1(table: Sequence[Sequence[int]]) -> float:
    """Give Gwet's (2008) AC1 of two raters, which does not fall when one category is common.

    Raises ValueError for broken counts, another shape or no rating.
    """
    rows = checks.square_table("table", table)
    n = sum(map(sum, rows))
    shares = [(sum(row) + sum(column)) / (2 * n) for row, column in zip(rows, zip(*rows, strict=True), strict=True)]
    by_chance = sum(share * (1.0 - share) for share in shares) / (len(rows) - 1)
    agreed = sum(row[place] for place, row in enumerate(rows)) / n
    return (agreed - by_chance) / (1.0 - by_chance)


def krippendorff_alpha(ratings: Sequence[Sequence[Hashable | None]], level: str = "nominal") -> float | None:
    """Give Krippendorff's (2011) alpha of raters x items; a rating of None is missing.

    `level` is "nominal" or "interval" (numbers, squared differences). None when every rating is the same category.
    Raises ValueError for rows of different length, no item rated twice, or an unknown level.
    """
    checks.choice("level", level, _DISAGREEMENTS)
    disagreement = _DISAGREEMENTS[level]
    units = [unit for unit in _units(ratings, level) if len(unit) >= 2]
    if not units:
        raise ValueError(f"ratings has {len(ratings)} raters and no item rated twice; agreement needs one")
    pooled = [value for unit in units for value in unit]
    if len(set(pooled)) == 1:
        return None
    observed = sum(disagreement(unit) / (len(unit) - 1) for unit in units) / len(pooled)
    expected = disagreement(pooled) / (len(pooled) * (len(pooled) - 1))
    return 1.0 - observed / expected


def _units(ratings: Sequence[Sequence[Hashable | None]], level: str) -> list[list[Hashable]]:
    if not ratings or not ratings[0]:
        raise ValueError(f"ratings is {ratings!r}; at least one rater and item are needed")
    for rater, row in enumerate(ratings):
        checks.same_length("ratings[0]", ratings[0], f"ratings[{rater}]", row)
        for place, value in enumerate(row):
            _check_rating(f"ratings[{rater}][{place}]", value, level)
    return [[value for value in column if value is not None] for column in zip(*ratings, strict=True)]


def _check_rating(name: str, value: Hashable | None, level: str) -> None:
    if value is not None and (level == "interval" or isinstance(value, float)):
        checks.number(name, value)


def _nominal(values: Ratings) -> float:
    """Count ordered pairs of different values."""
    return len(values) ** 2 - sum(count**2 for count in Counter(values).values())


def _interval(values: Ratings) -> float:
    """Sum squared differences over ordered pairs."""
    numbers = [checks.number("ratings", value) for value in values]
    middle = sum(numbers) / len(numbers)
    return 2.0 * len(numbers) * sum((value - middle) ** 2 for value in numbers)


_DISAGREEMENTS: dict[str, Callable[[Ratings], float]] = {"nominal": _nominal, "interval": _interval}
