"""What each rung tries, as rows set beforehand: the first is the recipe that was measured (docs/engine.md).

No batch is larger than the first row's: a training's memory is told by that one before it begins.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.models.investigation import Effort, Recipe
from engine.train.profile import TRAIN_BATCH

TRIED = {Effort.QUICK: 1, Effort.NORMAL: 3, Effort.THOROUGH: 8}
SEEDS = {Effort.QUICK: 1, Effort.NORMAL: 1, Effort.THOROUGH: 3}  # of the finalist: docs/decisions/0046


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to train: the peak rate, passes over the rows, rows of a batch; a rank of 0 learns all weights."""

    lr: float
    epochs: int = 2
    batch: int = TRAIN_BATCH
    rank: int = 0
    head_lr: float = 0.0

    @property
    def settings(self) -> dict[str, float | int | str]:
        """As a recipe keeps them; alpha is twice the rank."""
        adapters = {"rank": self.rank, "alpha": 2 * self.rank} if self.rank else {}
        head = {"head_lr": self.head_lr} if self.head_lr else {}
        return {"lr": self.lr, "epochs": self.epochs, "batch": self.batch, **adapters, **head}


LORA_ENCODER = (
    Row(lr=1e-3, rank=16),
    Row(lr=5e-4, rank=16),
    Row(lr=2e-3, rank=16),
    Row(lr=1e-3, rank=8),
    Row(lr=1e-3, rank=32),
    Row(lr=1e-3, rank=16, epochs=3),
    Row(lr=5e-4, rank=32, epochs=3),
    Row(lr=2e-3, rank=8),
)
LORA_CAUSAL = (
    Row(lr=5e-4, rank=16, batch=8),
    Row(lr=2e-4, rank=16, batch=8),
    Row(lr=1e-3, rank=16, batch=8),
    Row(lr=5e-4, rank=8, batch=8),
    Row(lr=5e-4, rank=32, batch=8),
    Row(lr=5e-4, rank=16, batch=8, epochs=3),
    Row(lr=2e-4, rank=32, batch=8, epochs=3),
    Row(lr=1e-3, rank=8, batch=8),
)
FULL_ENCODER = (
    Row(lr=1e-4, head_lr=1e-3),
    Row(lr=5e-5, head_lr=1e-3),
    Row(lr=2e-4, head_lr=1e-3),
    Row(lr=1e-4, head_lr=1e-2),
    Row(lr=3e-5, head_lr=1e-3),
    Row(lr=1e-4, head_lr=1e-3, epochs=3),
    Row(lr=5e-5, head_lr=1e-2),
    Row(lr=5e-5, head_lr=1e-3, epochs=3),
)
FULL_DECODER = (
    Row(lr=1e-4, batch=8),
    Row(lr=5e-5, batch=8),
    Row(lr=2e-4, batch=8),
    Row(lr=2e-5, batch=8),
    Row(lr=3e-4, batch=8),
    Row(lr=1e-4, batch=8, epochs=3),
    Row(lr=5e-5, batch=8, epochs=3),
    Row(lr=1e-4, batch=4),
)


def recipe_of(rung: str, rows: tuple[Row, ...], effort: Effort, seed: int) -> Recipe:
    """The first row as the recipe, and as its rivals as many of the others as the effort tries."""
    first, *rivals = (Recipe(rung=rung, name=rung, seed=seed, settings=row.settings) for row in rows[: TRIED[effort]])
    return first.model_copy(update={"rivals": tuple(rivals)})


def adapted(rung: str, rows: tuple[Row, ...], effort: Effort, seed: int) -> list[Recipe]:
    """Of a rung that adapts: none when quick, else ``recipe_of``."""
    return [] if effort is Effort.QUICK else [recipe_of(rung, rows, effort, seed)]


def seeded(finalist: Recipe, effort: Effort) -> list[Recipe]:
    """The finalist's recipe alone, no rival beside it, with each further seed that the effort trains it with."""
    return [
        Recipe(
            rung=finalist.rung,
            name=f"{finalist.name}-seed{number + 1}",
            seed=finalist.seed + number,
            settings=finalist.settings,
        )
        for number in range(1, SEEDS[effort])
    ]
