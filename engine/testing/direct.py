"""A flow run straight through, without durability: for tests of what flows decide. Implements ``Stepper``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate

from engine.flows.durable import P, Pending, R
from engine.services import Services

POLLS_MOST = 1_000


class DirectStepper:
    """Calls each step once and remembers the names, in order; ``sleep`` passes at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.names: list[str] = []
        self.slept: list[float] = []

    def step(self, name: str, fn: Callable[Concatenate[Services, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of calling the step now."""
        assert name not in self.names, f"step {name} was named twice"
        self.names.append(name)
        return fn(self._services, *args, **kwargs)

    def until(
        self, name: str, fn: Callable[Concatenate[Services, P], R | Pending], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The first answer that is not ``Pending``."""
        assert name not in self.names, f"step {name} was named twice"
        self.names.append(name)
        for _ in range(POLLS_MOST):
            answer = fn(self._services, *args, **kwargs)
            if not isinstance(answer, Pending):
                return answer
        raise AssertionError(f"step {name} never came to an end")

    def sleep(self, seconds: float) -> None:
        """Remember the wait."""
        self.slept.append(seconds)
