"""Say how many labels to upload so that a part grows by so many rows: parts are drawn by hash, whole groups at a time.

Knows nothing of labels, seals or who uploads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.distributions import normal_quantile
from engine.rules.power import EvalPolicy

CHANCE = 0.8  # as the power of a plan: four uploads of five bring the rows they were made for
_DEV_ROWS = 100  # beside the least of train and sealed part: about 600 rows in all
_FIGURES = 2


@dataclass(frozen=True)
class Parting:
    """How uploaded rows fall: shares of groups that go to dev and to the sealed part, and the mean rows of a group."""

    dev: float
    sealed: float
    rows_per_group: float = 1.0

    @property
    def train(self) -> float:
        """The share that goes to train."""
        return 1.0 - self.dev - self.sealed


def uploads_needed(rows: int, share: float, *, rows_per_group: float = 1.0, chance: float = CHANCE) -> int:
    """Count the rows to upload so that a part with this share of groups grows by ``rows``, with this chance.

    G groups of m rows bring m * Binomial(G, s) rows; by the normal approximation m (G s - z sqrt(G s (1 - s))) reaches
    ``rows`` at sqrt(G) = (z sqrt(s(1-s)) + sqrt(z^2 s(1-s) + 4 s rows/m)) / 2s. Rounded up; 0 for no rows.
    Raises ValueError for a share outside (0, 1], fewer than 1 row a group, or a chance outside [.5, 1).
    """
    wanted = checks.count("rows", rows)
    part = checks.share("share", checks.above("share", share))
    size = checks.number("rows_per_group", rows_per_group, 1.0)
    z = normal_quantile(checks.number("chance", chance, 0.5, math.nextafter(1.0, 0.0)))
    if wanted == 0:
        return 0
    spread = part * (1.0 - part)
    root = (z * math.sqrt(spread) + math.sqrt(z * z * spread + 4.0 * part * wanted / size)) / (2.0 * part)
    return max(wanted, math.ceil(root * root * size - 1e-9))


def rows_missing(
    train: int, sealed: int, rows: int, policy: EvalPolicy | None = None, parting: Parting | None = None
) -> int:
    """About how many labelled rows to upload before an investigation can be; 0 when train and sealed part suffice.

    ``rows`` are there in all; without ``parting`` nothing is parted yet, and about 600 rows are the least.
    Raises ValueError for negative counts or shares out of range.
    """
    rules = policy or EvalPolicy()
    short = (
        rules.train_rows_least - checks.count("train", train),
        rules.sealed_rows_least - checks.count("sealed", sealed),
    )
    if max(short) <= 0:
        return 0
    if parting is None:
        return max(rules.train_rows_least + rules.sealed_rows_least + _DEV_ROWS - checks.count("rows", rows), 1)
    shares = parting.train, parting.sealed
    pairs = [(lack, share) for lack, share in zip(short, shares, strict=True) if lack > 0]
    return max(uploads_needed(lack, share, rows_per_group=parting.rows_per_group) for lack, share in pairs)


def about(count: int) -> int:
    """Round a count up to two figures, as it is told: 1,163 is about 1,200. Raises ValueError for a negative count."""
    known = checks.count("count", count)
    step = 10 ** max(len(str(known)) - _FIGURES, 0)
    return math.ceil(known / step) * step
