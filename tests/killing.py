"""A database under which a program dies: at moments drawn by a seed, before a transaction is kept or just after."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from engine.services import Services
from engine.store.database import Database, Tx


class Killed(BaseException):
    """The program is gone, in the middle of what it did; no handler of errors sees it."""


class KillingDatabase(Database):
    """Kills whoever writes, now and then; ``kills`` counts."""

    def __init__(self, over: Database, seed: int, *, chance: float) -> None:
        super().__init__(over.engine)
        self._draw = random.Random(seed)
        self._chance = chance
        self.kills = 0

    @contextmanager
    def write(self) -> Generator[Tx]:
        """A transaction that is kept or not, but not always lived through."""
        with super().write() as tx:
            yield tx
            self._maybe()  # before the commit: nothing of it is kept
        self._maybe()  # after it: all of it is kept, and nobody hears so

    def _maybe(self) -> None:
        if self._draw.random() < self._chance:
            self.kills += 1
            raise Killed


def under(services: Services, seed: int, *, chance: float) -> tuple[Services, KillingDatabase]:
    """The same deployment, whose writers die now and then."""
    database = KillingDatabase(services.database, seed, chance=chance)
    return replace(services, database=database), database
