"""Keep the sealed part honest: who belongs to it, which texts copy it, what one look costs and lets out.

Knows nothing of the ledger of looks or of labels; `engine/store` keeps those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from engine.rules import checks, copies
from engine.rules.bucket import bucket
from engine.rules.copies import LIKENESS, NearCopy

Part = Literal["train", "dev", "sealed"]

# One-sided alpha of looks 1, 2 and 3; the sum is .025 (docs/rules.md 3).
_LOOK_ALPHAS = (0.020, 0.004, 0.001)
_STEP_LEAST = 0.005


def look_alpha(look: int) -> float:
    """Give the one-sided alpha of look 1, 2 or 3 at one sealed version: .020, .004, .001.

    Raises ValueError for any other look: seal a new version instead.
    """
    number = checks.count("look", look, 1)
    if number > len(_LOOK_ALPHAS):
        raise ValueError(f"look is {look!r}; a sealed version has {len(_LOOK_ALPHAS)} looks, seal a new version")
    return _LOOK_ALPHAS[number - 1]


def next_alpha(look: int) -> float:
    """Give the one-sided alpha that rows found wanting at this look are judged at: the next look's.

    After the last look a new version is sealed, which begins at the first. Raises ValueError as ``look_alpha`` does.
    """
    look_alpha(look)
    return _LOOK_ALPHAS[look % len(_LOOK_ALPHAS)]


def released_difference(difference: float, sd: float, rows: int) -> float:
    """Round a sealed difference to the nearest multiple of max(.005, sd/sqrt(rows)), so that little leaks.

    Raises ValueError for a negative sd or fewer than 1 row.
    """
    lead = checks.number("difference", difference)
    step = release_step(sd, rows)
    return round(lead / step) * step


def release_step(sd: float, rows: int) -> float:
    """Give the step of the grid that sealed figures are rounded to: max(.005, sd/sqrt(rows)).

    Raises ValueError for a negative sd or fewer than 1 row.
    """
    return max(_STEP_LEAST, _standard_error(sd, rows))


def ladder(best: float | None, score: float, sd: float, rows: int) -> float:
    """Give the dev score to show: a new best only if it beats the old by more than sd/sqrt(rows) (Blum and Hardt 2015).

    With no old best the score itself. Raises ValueError for a negative sd or fewer than 1 row.
    """
    shown = checks.number("score", score)
    step = _standard_error(sd, rows)
    if best is None:
        return shown
    old = checks.number("best", best)
    return shown if shown > old + step else old


def part(group: str, salt: str, dev: float, sealed: float) -> Part:
    """Put a whole group (customer, document, thread) into train, dev or sealed by hash, for ever.

    `dev` and `sealed` are shares of groups. Raises ValueError for an empty group or salt, or shares that pass 1.
    """
    dev_share, sealed_share = checks.share("dev", dev), checks.share("sealed", sealed)
    if dev_share + sealed_share > 1.0:
        raise ValueError(f"dev is {dev!r} and sealed is {sealed!r}; together they cannot exceed 1")
    if not group:
        raise ValueError(f"group is {group!r}; it must not be empty")
    place = bucket(salt, group)
    if place < sealed_share:
        return "sealed"
    return "dev" if place < sealed_share + dev_share else "train"


def near_copies(sealed: Sequence[str], others: Sequence[str], threshold: float = LIKENESS) -> tuple[NearCopy, ...]:
    """Find every pair of a sealed and another text whose 3-word shingles have a Jaccard similarity >= `threshold`.

    Words are \\w+ of the NFKC-normalised, casefolded text; fewer than 3 words make one shingle. Exact.
    Indexes, ordered by sealed then other. Raises ValueError for no texts or a threshold outside (0, 1].
    """
    least = checks.share("threshold", checks.above("threshold", threshold))
    for name, texts in (("sealed", sealed), ("others", others)):
        if not texts:
            raise ValueError(f"{name} is empty; at least one text is needed")
    return tuple(sorted(copies.pairs(sealed, others, least), key=lambda copy: (copy.sealed, copy.other)))


def _standard_error(sd: float, rows: int) -> float:
    return checks.number("sd", sd, 0.0) / math.sqrt(checks.count("rows", rows, 1))
