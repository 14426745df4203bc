"""Programs that die at moments drawn by a seed: under a database that kills its writers, or as processes by kill -9."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Generator
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


def kill_again_and_again(target: Callable[..., None], *given: str, seed: int, times: int, within: float) -> int:
    """Start ``target(*given, ready)`` that many times and kill -9 each within so many seconds of ready; who died."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([target.__module__])
    draw = random.Random(seed)
    died = 0
    for _ in range(times):
        ready = forks.Event()
        child = forks.Process(target=target, args=(*given, ready))
        child.start()
        assert ready.wait(60)
        child.join(draw.random() * within)
        if child.is_alive():
            os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        died += child.exitcode == -signal.SIGKILL
        child.close()
    return died
