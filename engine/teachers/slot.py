"""One of the threads that ask: hold the money, send, book the reply, and only then go on."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import BadReply, KeyRejected, RateLimited, Unavailable
from engine.models.investigation import PaidReply
from engine.models.money import to_usd
from engine.store.replies import Elsewhere, Held, Short
from engine.teachers.client import Client
from engine.teachers.ledger import Ledger
from engine.teachers.pace import Pace, Tempo
from engine.teachers.replies import Question, Reply

_LOOK_AGAIN = 0.05  # seconds between looks at money or a reply that another call under way will free
_LOOKS = 2400  # two minutes: longer than any call takes
_BOOKINGS = 30  # a reply that arrived must be kept: a busy database is tried for minutes


@dataclass(frozen=True)
class Answered:
    """A booked reply, and whether this pass paid for it."""

    reply: PaidReply
    is_paid_now: bool


@dataclass(frozen=True)
class Slot:
    """What the threads share."""

    client: Client
    ledger: Ledger
    pace: Pace
    tempo: Tempo

    def answer(self, question: Question) -> Answered | None:
        """A reply, or none when the endpoint gave none in all tries or the pass was stopped (``pace.why``)."""
        for attempt in range(self.tempo.tries):
            wait = self.tempo.wait(attempt)
            try:
                return self._asked(question)
            except RateLimited as error:
                self.pace.halve()
                wait = max(wait, error.retry_after)
                if wait > self.tempo.patience:
                    self.pace.stop()  # it asks everybody to stay away for long: the rows stay without an answer
            except (Unavailable, BadReply):
                self.pace.failed()
            except KeyRejected as error:
                self.pace.stop(str(error))
            if not self.pace.rest(wait):
                return None
        return None

    def _asked(self, question: Question) -> Answered | None:
        for _ in range(_LOOKS):
            with self.pace.slot() as may_send:
                if not may_send:
                    return None
                reserved = self.ledger.reserve(question)
                if isinstance(reserved, PaidReply):
                    return Answered(reserved, is_paid_now=False)
                if isinstance(reserved, Held):
                    return Answered(self._paid(question), is_paid_now=True)
                if isinstance(reserved, Short) and not reserved.held_nano:
                    self.pace.stop(self._used_up(question, reserved))
                    return None
                if isinstance(reserved, Elsewhere) and reserved.in_batch:
                    return None  # somebody's batch may take a day: the row has no answer yet
            self.pace.rest(_LOOK_AGAIN)
        return None

    def _paid(self, question: Question) -> PaidReply:
        """Send and book. Every error but a reply's frees what was held."""
        try:
            reply = self.client.send(question)
        except (RateLimited, Unavailable, BadReply, KeyRejected):
            self.ledger.release(question)
            raise
        paid = self._booked(question, reply)
        self.pace.clean()
        return paid

    def _booked(self, question: Question, reply: Reply) -> PaidReply:
        for _ in range(_BOOKINGS):
            try:
                return self.ledger.settle(question, reply)
            except Unavailable:
                continue
        return self.ledger.settle(question, reply)

    def _used_up(self, question: Question, short: Short) -> str:
        next_usd, paid_usd = to_usd(self.ledger.worst_nano(question)), to_usd(short.paid_nano)
        return (
            f"The budget of ${to_usd(self.ledger.budget_nano):,.2f} is used up: ${paid_usd:,.4f} is paid and the next "
            f"call to {question.model} could cost ${next_usd:,.4f}. What was paid is kept; start again with a higher "
            "budget=…"
        )
