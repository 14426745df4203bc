"""A batch that does not fit is taken in halves, then in quarters: same rows, same step. Loaded by jobs alone."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from engine.errors import OutOfMemory
from engine.train.profile import HALVINGS

log = logging.getLogger(__name__)


class Portions:
    """In how many parts batches are taken: in one, after the first shortage of memory in 2, after the second in 4.

    ``halved`` counts the shortages. What once was too much is not tried again.
    """

    def __init__(self, halved: int = 0) -> None:
        self.halved = halved

    def through(
        self, batch: list[int], work: Callable[[list[int]], None], *, begin: Callable[[], None] = lambda: None
    ) -> None:
        """Work on the rows of a batch, part by part; when memory runs out, ``begin`` again with parts half as large.

        Raises ``OutOfMemory`` when a quarter of the batch is too much as well.
        """
        while not self._worked(batch, work, begin):
            self.halve(len(batch))  # here, not where it was caught: there the error still holds the tensors

    def _worked(self, batch: list[int], work: Callable[[list[int]], None], begin: Callable[[], None]) -> bool:
        size = self._size(len(batch))
        begin()
        try:
            for at in range(0, len(batch), max(size, 1)):
                work(batch[at : at + size])
        except (MemoryError, RuntimeError) as error:
            if not is_shortage(error):
                raise
            return False
        return True

    def halve(self, rows: int) -> None:
        """From now on parts are half as large. Raises ``OutOfMemory`` the third time."""
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.halved == HALVINGS:
            raise OutOfMemory(
                f"the device ran out of memory with batches of {rows}, then with {self._size(rows)} of their rows at a "
                "time; shorten the longest texts, take smaller weights (ASSAY_ENCODER, ASSAY_DECODER), or a device "
                "with more memory, and investigate again: what is done is kept"
            )
        self.halved += 1
        log.warning("batch.halved", extra={"rows": rows, "at_a_time": self._size(rows)})

    def _size(self, rows: int) -> int:
        return -(-rows // 2**self.halved)


def is_shortage(error: BaseException) -> bool:
    """Whether memory ran out: torch says so by a class of its own on a GPU, by words alone on a processor."""
    words = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in words
