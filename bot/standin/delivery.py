"""Carry envelopes to the app and bring acknowledgements back, trying again when none comes within 3 seconds.

Knows nothing of what the envelopes say, nor whether a WebSocket or signed HTTP carries them.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from bot.blockkit.shape import Json
from bot.standin.refusals import Unanswered

log = logging.getLogger(__name__)

Kind = Literal["slash_commands", "interactive", "events_api"]
PATIENCE_SECONDS = 3.0
TRIES = 4


@dataclass(frozen=True)
class Envelope:
    """One delivery; the id stays the same when it is tried again."""

    kind: Kind
    payload: Json
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempt: int = 0
    reason: str = ""


class Carrier(Protocol):
    """A way to the app."""

    async def carry(self, envelope: Envelope, patience: float) -> Json:
        """The acknowledgement's payload (empty when it has none); raises Unanswered."""
        ...


class Delivery:
    """The post office: one carrier, and the tries still under way."""

    def __init__(self, carrier: Carrier, patience: float = PATIENCE_SECONDS) -> None:
        self.carrier = carrier
        self.patience = patience
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, kind: Kind, payload: Json) -> Json:
        """Deliver and wait for the acknowledgement. Raises Unanswered at once; the further tries go on unseen."""
        envelope = Envelope(kind, payload)
        try:
            return await self.carrier.carry(envelope, self.patience)
        except Unanswered as missed:
            self._start(replace(envelope, attempt=1, reason=missed.reason))
            raise

    def tell(self, payload: Json) -> None:
        """Deliver an event; nobody waits for it."""
        self._start(Envelope("events_api", payload))

    def _start(self, envelope: Envelope) -> None:
        task = asyncio.create_task(self._persist(envelope))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _persist(self, envelope: Envelope) -> None:
        while envelope.attempt < TRIES:
            try:
                await self.carrier.carry(envelope, self.patience)
            except Unanswered as missed:
                envelope = replace(envelope, attempt=envelope.attempt + 1, reason=missed.reason)
            else:
                return
        log.warning("envelope.dropped", extra={"kind": envelope.kind, "reason": envelope.reason})

    async def close(self) -> None:
        """Give up what is still under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
