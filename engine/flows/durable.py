"""The port that makes a flow durable: results are recorded once; steps execute at least once."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from engine.models.base import Value
from engine.services import Services
from engine.store.database import Tx

P = ParamSpec("P")
R = TypeVar("R")


class Queue(StrEnum):
    """Light work is quick and may overlap; heavy work is one at a time; waiting work rests on an endpoint for hours."""

    LIGHT = "light"
    HEAVY = "heavy"
    WAITING = "waiting"


class Run(Value):
    """One run of a flow as the port lists it. ``state`` is queued, running, done, failed or cancelled."""

    run_id: str
    flow: str
    state: str
    error: str = ""


class Pending(Value):
    """What a polled step answers while its external work is under way; never recorded."""

    seconds: float = 1.0


class Stepper(Protocol):
    """What a flow body is given: it may do nothing else but call these."""

    def step(self, name: str, fn: Callable[Concatenate[Services, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The recorded result of the step ``name``, or that of calling ``fn(services, …)`` now, recorded."""
        ...

    def until(
        self, name: str, fn: Callable[Concatenate[Services, P], R | Pending], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Ensure and poll: call ``fn`` until it answers something else than ``Pending``, and record that answer alone.

        Each call of ``fn`` lasts at most 5 s; polls are not recorded, so a restart simply polls again.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; survives a restart."""
        ...


class Durable(Protocol):
    """The durable engine: any program may enqueue, only the holder of the engine's lock may start."""

    def enqueue(self, tx: Tx, flow: str, run_id: str, args: dict[str, Any], *, queue: Queue) -> None:
        """Ask for a run inside the caller's transaction; a roll-back leaves nothing."""
        ...

    def cancel(self, run_id: str) -> None:
        """Mark a run cancelled: no further step begins."""
        ...

    def runs(self, *, state: str | None = None) -> list[Run]:
        """Runs known, newest first."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...
