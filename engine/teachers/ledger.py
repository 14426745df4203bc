"""A run's side of the paid-reply ledger: reserve before a call is sent, book when its reply has arrived.

Each method is one short transaction, so that a killed process leaves a reply booked or a call reserved, never half.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.clock import Clock
from engine.models.investigation import PaidBatch, PaidReply, Reservation
from engine.rules.cost import TokenPrices
from engine.store import replies
from engine.store.database import Database
from engine.store.replies import Bill, Reserved
from engine.teachers.prices import cost_nano
from engine.teachers.replies import Question, Reply

log = logging.getLogger(__name__)

FREE = TokenPrices(input=0, output=0)
_LOST_AFTER = timedelta(minutes=15)  # no call takes 60 s fifteen times: its process is dead


class Asked(NamedTuple):
    """Who paid for a call, and whom it asked."""

    run_id: str
    base_url: str
    model: str


@dataclass(frozen=True)
class Ledger:
    """What a run may spend and has spent. ``price`` is of the one model it asks; safe to use from several threads."""

    database: Database
    clock: Clock
    run_id: str
    budget_nano: int
    price: TokenPrices

    def release_lost(self) -> int:
        """Free what an earlier, dead process of this run had reserved; call before the first call is sent."""
        with self.database.write() as tx:
            lost = replies.release_lost(tx, self.run_id, older_than=self.clock.now() - _LOST_AFTER)
        if lost:
            log.warning("reservations.released", extra={"run": self.run_id, "calls": lost})
        return lost

    def find(self, questions: Sequence[Question]) -> dict[str, PaidReply]:
        """The replies there are already, whoever paid for them."""
        with self.database.read() as tx:
            found = replies.find(tx, [question.key for question in questions])
            tx.expunge_all()  # the replies are read long after this transaction
            return found

    def in_batches(self, questions: Sequence[Question]) -> set[str]:
        """Keys of the questions that some batch holds without a reply yet."""
        with self.database.read() as tx:
            return replies.in_batches(tx, [question.key for question in questions])

    def reserve(self, question: Question) -> Reserved:
        """Hold the worst case of a call, or give its reply, or say why it must not be sent."""
        wanted = Reservation(
            key=question.key, run_id=self.run_id, amount_nano=self.worst_nano(question), at=self.clock.now()
        )
        with self.database.write() as tx:
            return replies.reserve(tx, wanted, budget_nano=self.budget_nano)

    def settle(self, question: Question, reply: Reply) -> PaidReply:
        """Book a reply and free what was held for it."""
        cost = cost_nano(self.price, reply.tokens_in, reply.tokens_cached, reply.tokens_out)
        asked = Asked(self.run_id, question.base_url, question.model)
        paid = paid_reply(question.key, reply, asked, at=self.clock.now(), cost=cost)
        with self.database.write() as tx:
            replies.settle(tx, paid)
        return paid

    def release(self, question: Question) -> None:
        """Free what was held for a call that brought no reply."""
        with self.database.write() as tx:
            replies.release(tx, question.key)

    def bill(self) -> Bill:
        """What the run has paid."""
        with self.database.read() as tx:
            return replies.bill(tx, self.run_id)

    def worst_nano(self, question: Question) -> int:
        """The most a call can cost: every byte a token, nothing cached, and a reply as long as allowed."""
        dearest = max(self.price.input, self.price.cached_input or 0)
        worst = TokenPrices(input=dearest, output=self.price.output)
        return cost_nano(worst, question.input_tokens_most, 0, question.output_tokens_most)

    def hold_batch(self, token: str, questions: Sequence[Question]) -> list[Question]:
        """Hold the worst case of as many of the questions as the budget allows, for one batch; those that are held."""
        now, first = self.clock.now(), questions[0]
        batch = PaidBatch(
            token=token, run_id=self.run_id, base_url=first.base_url, model=first.model, calls=0, at=now
        )  # fmt: skip
        wanted = [
            Reservation(key=one.key, run_id=self.run_id, amount_nano=self.worst_nano(one), batch=token, at=now)
            for one in questions
        ]
        with self.database.write() as tx:
            held = set(replies.hold_batch(tx, batch, wanted, budget_nano=self.budget_nano))
        return [one for one in questions if one.key in held]


def paid_reply(key: str, reply: Reply, asked: Asked, *, at: datetime, cost: int) -> PaidReply:
    """A reply as the row it is kept as; ``cost`` is nano-dollars."""
    return PaidReply(
        key=key,
        run_id=asked.run_id,
        base_url=asked.base_url,
        model=asked.model,
        text=reply.text,
        finish=reply.finish,
        refusal=reply.refusal,
        tokens_in=reply.tokens_in,
        tokens_cached=reply.tokens_cached,
        tokens_out=reply.tokens_out,
        cost_nano=cost,
        latency_ms=reply.latency_ms,
        at=at,
    )
