"""End the batches of calls that a run which ends early has handed over; what they answered is booked when it comes."""

from __future__ import annotations

import logging

from engine.errors import Upstream
from engine.services import Services
from engine.store import replies
from engine.teachers import batches
from engine.teachers.batch_client import batch_client
from engine.teachers.keys import key_for

TIMEOUT_SECONDS = 2.0  # a run ends within five seconds, whatever the endpoint does

log = logging.getLogger(__name__)


def call_off(services: Services, run_id: str) -> None:
    """End them. One that the endpoint does not end now is ended by the next labelling at that endpoint."""
    with services.database.write() as tx:
        left = replies.call_off(tx, run_id)
        tx.expunge_all()
    for batch in left:
        try:
            key = key_for(services.settings, batch.base_url)
            with batch_client(batch.base_url, batch.model, key, timeout=TIMEOUT_SECONDS) as client:
                batches.call_off(client, services.database, services.clock, batch)
        except Upstream as error:
            log.warning("batch.not_cancelled", extra={"run": run_id, "why": type(error).__name__})
