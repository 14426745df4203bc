"""A clock for tests: it stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class FixedClock:
    """Stands at a moment; ``move`` lets time pass."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The moment it stands at."""
        return self.moment

    def move(self, **passed: float) -> None:
        """Let time pass, as ``timedelta`` counts it: ``move(hours=3)``."""
        self.moment += timedelta(**passed)
