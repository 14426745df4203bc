"""How fast one workspace is written to: a post a second in each channel, updates by the minute, and Slack's pauses."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

POST_SECONDS, POST_BURST = 1.0, 3  # a channel takes a post a second (docs/slack.md)
UPDATES_A_MINUTE = 40
HOMES_A_MINUTE = 60  # views.publish takes 100 and more (tier 4, unverified)
WAIT_MOST = 60.0


@dataclass
class Pace:
    """When each channel and method may be called again; everything here is forgotten at a restart."""

    monotonic: Callable[[], float] = time.monotonic
    posts: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    updates: deque[float] = field(default_factory=deque[float])
    homes: deque[float] = field(default_factory=deque[float])
    rests: dict[str, float] = field(default_factory=dict[str, float])

    def wait_for_post(self, channel: str) -> float:
        """Seconds until a channel takes another post."""
        sent = self.posts[channel]
        while sent and self.monotonic() - sent[0] > POST_SECONDS * POST_BURST:
            sent.popleft()
        return self._rest(channel) if len(sent) < POST_BURST else sent[0] + POST_SECONDS * POST_BURST - self.monotonic()

    def wait_for_update(self) -> float:
        """Seconds until the workspace takes another update."""
        return max(self._rest("chat.update"), self._within_a_minute(self.updates, UPDATES_A_MINUTE))

    def wait_for_home(self) -> float:
        """Seconds until the workspace takes another Home."""
        return self._within_a_minute(self.homes, HOMES_A_MINUTE)

    def _within_a_minute(self, sent: deque[float], most: int) -> float:
        while sent and self.monotonic() - sent[0] > WAIT_MOST:
            sent.popleft()
        return 0.0 if len(sent) < most else sent[0] + WAIT_MOST - self.monotonic()

    def rest(self, name: str, seconds: float) -> None:
        """Slack asked for a pause."""
        self.rests[name] = self.monotonic() + seconds

    def _rest(self, name: str) -> float:
        return max(self.rests.get(name, 0.0) - self.monotonic(), 0.0)
