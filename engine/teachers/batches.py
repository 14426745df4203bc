"""Have an endpoint answer many questions in batches at its lower price, resumed by what was stored of each batch.

A batch's money is held before anything is uploaded, and stays held until nothing more comes of it. What a batch leaves
without a reply is left for single calls.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, islice

from engine.clock import Clock
from engine.errors import KeyRejected, Upstream
from engine.models.investigation import BatchState, PaidBatch, PaidReply
from engine.rules.cost import TokenPrices
from engine.store import replies
from engine.store.database import Database
from engine.teachers.batch_client import BatchClient, Handed
from engine.teachers.forecast import PROBES
from engine.teachers.ledger import FREE, Asked, Ledger, paid_reply
from engine.teachers.pace import Pace, Tempo
from engine.teachers.prices import cost_nano, price_of
from engine.teachers.replies import Question, Reply

log = logging.getLogger(__name__)

CALLS_LEAST = 2_000  # docs/engine.md: fewer calls are made one by one
_HELD_SHARE = 0.1  # of those; a cap that allows fewer at once is better used by single calls, which settle at once
_BYTES_MOST = 100_000_000  # of one file; OpenAI takes 200 MB
_LOOKS = 120  # failed looks in a row before the pass ends for now: an hour at the longest wait
_LONG_WAIT = 20  # doublings after which no wait is longer
_BOOKED = 200  # replies in one transaction

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Bulk:
    """What a pass through batches needs. ``ledger.price`` is theirs; fewer calls than ``least`` make none."""

    client: BatchClient
    ledger: Ledger
    pace: Pace
    tempo: Tempo
    least: int = CALLS_LEAST


def is_worth_it(calls: int, least: int = CALLS_LEAST) -> bool:
    """Whether so many calls, the probes among them, are handed over in a batch where who asked wants that."""
    return calls - PROBES >= least


def resume(bulk: Bulk, questions: Sequence[Question], tell: Tell) -> None:
    """See through what was handed over before, by this run or by one that was called off. As ``hand_over``."""
    known = {question.key: question for question in questions}
    with _waiting(bulk):
        for batch in _left_over(bulk):
            if batch.state is BatchState.CANCELLED and not _is_ending(bulk, batch):
                continue
            _follow(bulk, batch, known, tell)


def is_left_over(ledger: Ledger, base_url: str) -> bool:
    """Whether batches at an endpoint hold calls that a pass of this run, with batches or without, must see through."""
    with ledger.database.read() as tx:
        return bool(replies.batches(tx, ledger.run_id) or replies.called_off(tx, base_url))


def _is_ending(bulk: Bulk, batch: PaidBatch) -> bool:
    """Ask again for the end of one that was called off. False where the endpoint does not know it: nothing comes."""
    batch_id = batch.batch_id or _found(bulk.client, bulk.ledger.database, batch)
    try:
        if batch_id:
            bulk.client.cancel(batch_id)
    except KeyRejected as error:
        log.warning("batch.lost", extra={"run": batch.run_id, "why": str(error)})
        _end(bulk.ledger.database, batch.token)
        return False
    return True


def hand_over(bulk: Bulk, questions: Sequence[Question], tell: Tell) -> None:
    """Have batches answer what they can; the replies lie in the ledger. ``tell`` may raise: the batch goes on.

    An endpoint without a Batch API leaves the questions as they are; one that is down stops the pass, and what was
    handed over is looked at in the next one. Raises ``KeyRejected``.
    """
    known, left = {question.key: question for question in questions}, list(questions)
    with _waiting(bulk):
        while len(left) >= bulk.least and bulk.client.offers():
            batch = _held(bulk, _fitting(left))
            if batch is None or not _follow(bulk, batch, known, tell):
                return
            left = _unanswered(bulk.ledger, left)


@contextmanager
def _waiting(bulk: Bulk) -> Generator[None]:
    try:
        yield
    except KeyRejected:
        raise
    except Upstream as error:
        log.warning("batch.waits", extra={"run": bulk.ledger.run_id, "why": type(error).__name__})
        bulk.pace.stop()


def call_off(client: BatchClient, database: Database, clock: Clock, batch: PaidBatch) -> None:
    """End a batch; what was answered by then is paid and booked, now or by the next pass at this endpoint."""
    batch_id = batch.batch_id or _found(client, database, batch)
    if not batch_id:
        _end(database, batch.token)
        return
    client.cancel(batch_id)
    handed = client.look(batch_id)
    if handed.is_over:
        _collect(client, database, clock, batch=batch, handed=handed)


def _follow(bulk: Bulk, batch: PaidBatch, known: dict[str, Question], tell: Tell) -> bool:
    """See a batch through to its end; whether it brought anything. Raises ``Upstream``."""
    database = bulk.ledger.database
    batch_id = batch.batch_id or _found(bulk.client, database, batch) or _sent(bulk, batch, known)
    if not batch_id:
        _end(database, batch.token)
        return False
    looks = 0
    while True:
        handed = _patiently(bulk, lambda: bulk.client.look(batch_id))
        tell(handed.answered, batch.calls)
        if handed.is_over:
            return _collect(bulk.client, database, bulk.ledger.clock, batch=batch, handed=handed) > 0
        if not bulk.pace.rest(bulk.tempo.wait(min(looks, _LONG_WAIT))):
            return False
        looks += 1


def _patiently(bulk: Bulk, look: Callable[[], Handed]) -> Handed:
    """A look, tried again while the endpoint does not answer: a batch is not given up for that."""
    for attempt in range(_LOOKS):
        try:
            return look()
        except KeyRejected:
            raise
        except Upstream:
            bulk.pace.rest(bulk.tempo.wait(min(attempt, _LONG_WAIT)))
    return look()


def _found(client: BatchClient, database: Database, batch: PaidBatch) -> str:
    """The endpoint's id of a batch that was created before its id was stored, "" where it was not."""
    handed = client.find(batch.token)
    return "" if handed is None else _remembered(database, batch.token, handed)


def _sent(bulk: Bulk, batch: PaidBatch, known: dict[str, Question]) -> str:
    """Hand a batch over; its id, "" where the endpoint refuses it or nobody wants its calls any more."""
    with bulk.ledger.database.read() as tx:
        held = replies.held_of(tx, batch.token)
    questions = [known[key] for key in sorted(held) if key in known]
    if not questions or batch.state is BatchState.CANCELLED:
        return ""
    try:
        handed = bulk.client.hand_over(batch.token, questions)
    except KeyRejected as error:
        log.warning("batch.refused", extra={"run": batch.run_id, "why": str(error)})
        return ""
    return _remembered(bulk.ledger.database, batch.token, handed)


def _remembered(database: Database, token: str, handed: Handed) -> str:
    with database.write() as tx:
        batch = replies.batch_of(tx, token)
        batch.batch_id = handed.id
        if batch.state is BatchState.HELD:
            batch.state = BatchState.SENT
        tx.add(batch)
    return handed.id


def _collect(client: BatchClient, database: Database, clock: Clock, *, batch: PaidBatch, handed: Handed) -> int:
    """Book what came of a batch that is over, and free the rest of what it held; how many replies there were."""
    with database.read() as tx:
        held = replies.held_of(tx, batch.token)
        price = price_of(tx, batch.model, batch.at.date(), is_batch=True) or FREE
    asked = Asked(batch.run_id, batch.base_url, batch.model)
    booked = 0
    for some in _some(client.replies(handed)):
        rows = [
            paid_reply(key, reply, asked, at=clock.now(), cost=_cost(price, reply, most=held[key]))
            for key, reply in some
            if key in held
        ]
        _book(database, rows)
        booked += len(rows)
    _end(database, batch.token)
    log.info("batch.ended", extra={"run": batch.run_id, "calls": batch.calls, "replies": booked})
    return booked


def _cost(price: TokenPrices, reply: Reply, *, most: int) -> int:
    """Nano-dollars; a reply that does not count its tokens is booked at the worst case that was held for it."""
    if not reply.tokens_in and reply.text:
        return most
    return cost_nano(price, reply.tokens_in, reply.tokens_cached, reply.tokens_out)


def _some(found: Iterator[tuple[str, Reply]]) -> Iterator[list[tuple[str, Reply]]]:
    while some := list(islice(found, _BOOKED)):
        yield some


def _book(database: Database, rows: Sequence[PaidReply]) -> None:
    with database.write() as tx:
        for row in rows:
            replies.settle(tx, row)


def _held(bulk: Bulk, questions: Sequence[Question]) -> PaidBatch | None:
    """A batch with its money held; none where the cap allows too few calls at once."""
    token = secrets.token_hex(12)
    held = bulk.ledger.hold_batch(token, questions)
    if len(held) >= _HELD_SHARE * bulk.least:
        return _row(bulk.ledger.database, token)
    if held:
        _end(bulk.ledger.database, token)
    return None


def _fitting(questions: Sequence[Question]) -> Sequence[Question]:
    """As many of the questions as one file takes."""
    sizes = accumulate(question.input_tokens_most for question in questions)
    return questions[: sum(size <= _BYTES_MOST for size in sizes)]


def _unanswered(ledger: Ledger, questions: Sequence[Question]) -> list[Question]:
    known = ledger.find(questions)
    return [question for question in questions if question.key not in known]


def _left_over(bulk: Bulk) -> list[PaidBatch]:
    """What is left of this run's batches, and what comes of those at this endpoint that were called off."""
    with bulk.ledger.database.read() as tx:
        mine = replies.batches(tx, bulk.ledger.run_id)
        off = replies.called_off(tx, bulk.client.base_url)
        others = [batch for batch in off if batch.run_id != bulk.ledger.run_id]
        tx.expunge_all()
        return [*mine, *others]


def _row(database: Database, token: str) -> PaidBatch:
    with database.read() as tx:
        batch = replies.batch_of(tx, token)
        tx.expunge_all()
        return batch


def _end(database: Database, token: str) -> None:
    with database.write() as tx:
        replies.end_batch(tx, token)
