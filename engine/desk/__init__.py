"""The counter: one function per verb, one transaction, one deed. Slack, ``assay say`` and the shell call the same ones.

Every verb is ``verb(desk, actor, …, once=None) -> noun``; ``once`` is the inbox key, inserted in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.flows.dbos_durable import open_durable
from engine.flows.durable import Durable
from engine.services import Services


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What every desk function is given first."""

    services: Services
    durable: Durable

    def close(self) -> None:
        """Give every connection back."""
        self.durable.close()
        self.services.database.close()


def open_desk(services: Services) -> Desk:
    """A desk over a durable client: it enqueues, it never runs flows."""
    return Desk(services=services, durable=open_durable(services))
