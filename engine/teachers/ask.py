"""Ask a prompted option a list of rows: every distinct question once, under a hard cap, remembered for ever.

Knows nothing of splits or flows. The contract is the table of docs/engine.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

from engine.clock import Clock, SystemClock
from engine.errors import Invalid, KeyRejected
from engine.models.investigation import PaidReply, Prediction
from engine.rules.cost import TokenPrices
from engine.settings import Settings
from engine.store.database import Database
from engine.teachers import batches, samples
from engine.teachers.batch_client import batch_client
from engine.teachers.batches import Bulk
from engine.teachers.client import Client
from engine.teachers.forecast import PROBES
from engine.teachers.keys import is_loopback, key_for
from engine.teachers.ledger import FREE, Ledger
from engine.teachers.pace import CONCURRENCY, Pace, Tempo
from engine.teachers.prices import price_of
from engine.teachers.replies import Question
from engine.teachers.slot import Answered, Slot
from engine.teachers.votes import AskedRow, AskSpec, answers_of, questions_of, samples_of

Progress = Callable[[int, int, float | None], None]


@dataclass(frozen=True)
class Asked:
    """Predictions of the answered rows in their order, and the counts of this pass as the job's result.

    ``counts``: paid_calls, reused, input_tokens, output_tokens, nano_usd, unanswered, refused and cut (rows), stopped
    ("" or why), oldest_at, the moment of the oldest reply that was used ("" without any), and alone, how well one of
    several samples does (``Answers.alone``).
    """

    predictions: list[Prediction]
    counts: dict[str, Any]


def ask_rows(
    database: Database,
    settings: Settings,
    spec: AskSpec,
    *,
    rows: Sequence[AskedRow],
    examples: Sequence[AskedRow],
    progress: Progress,
    clock: Clock | None = None,
    tempo: Tempo | None = None,
) -> Asked:
    """Ask every row that the ledger has no reply for. ``progress`` may raise to end the pass; what was paid is kept."""
    try:
        questions = questions_of(spec, rows, examples)
    except Invalid as error:
        return Asked([], {**_counts([], unanswered=len(rows), stopped=str(error)), **_unusable([])})
    clock = clock or SystemClock()
    price = _price(database, clock, spec)
    ledger = Ledger(
        database=database,
        clock=clock,
        run_id=spec.config["run_id"],
        budget_nano=spec.config["budget_nano"],
        price=price or FREE,
    )
    ledger.release_lost()
    is_timed = "batch_from" not in spec.config  # a contender's latency is measured; a teacher's is nobody's concern
    since, each = spec.config.get("fresh_since", ""), samples_of(spec)
    questions = samples.fresh(ledger, questions, since, is_timed=is_timed, each=each)
    distinct = list({question.key: question for question in questions}.values())
    answers = {key: Answered(reply, is_paid_now=False) for key, reply in ledger.find(distinct).items()}
    unknown = [question for question in distinct if question.key not in answers]
    progress(len(answers), len(distinct), None)
    pace = Pace()
    if unknown:
        try:
            calls = Calls(ledger, _key(settings, spec, price), pace, tempo or Tempo(), progress)
            least = spec.config.get("batch_from", 0)
            if least or (not is_timed and batches.is_left_over(ledger, spec.config["base_url"])):
                answers |= _in_batches(calls, unknown, clock, least=least)
            answers |= _replies(calls, [question for question in unknown if question.key not in answers])
        except KeyRejected as error:
            pace.stop(str(error))
    read = answers_of(spec, rows, questions, {key: answer.reply for key, answer in answers.items()})
    missing = len(rows) - len(read.predictions)
    counts = _counts(list(answers.values()), unanswered=missing, stopped=pace.why)
    given = [answers[question.key].reply for question in questions if question.key in answers]
    return Asked(read.predictions, {**counts, **_unusable(given), "alone": read.alone})


def _price(database: Database, clock: Clock, spec: AskSpec) -> TokenPrices | None:
    with database.read() as tx:
        price = price_of(tx, spec.config["model"], clock.now().date())
    return price or (FREE if is_loopback(spec.config["base_url"]) else None)


def _key(settings: Settings, spec: AskSpec, price: TokenPrices | None) -> str:
    """The key to ask with. Raises ``KeyRejected`` when there is none, or no price to keep the cap by."""
    if price is None:
        raise KeyRejected(
            f"Nobody knows what {spec.config['model']} costs, so the budget could not be kept; nothing was asked. "
            "Say what it costs: /assay settings prices"
        )
    return key_for(settings, spec.config["base_url"])


@dataclass(frozen=True)
class Calls:
    """What the paid calls of a pass share."""

    ledger: Ledger
    key: str
    pace: Pace
    tempo: Tempo
    progress: Progress


def _in_batches(calls: Calls, questions: Sequence[Question], clock: Clock, *, least: int) -> dict[str, Answered]:
    """What batches answered, after the first few questions were asked one by one, which tell what it costs.

    With 0 as the ``least`` no batch is made: what was handed over before is seen through.
    """
    first, mine = questions[0], calls.ledger.run_id
    with calls.ledger.database.read() as tx:
        price = price_of(tx, first.model, clock.now().date(), is_batch=True)

    def tell(done: int, of: int) -> None:
        calls.progress(done, of, None)

    with batch_client(first.base_url, first.model, calls.key) as client:
        bulk = Bulk(client, replace(calls.ledger, price=price or calls.ledger.price), calls.pace, calls.tempo, least)
        batches.resume(bulk, questions, tell)
        known = calls.ledger.find(questions)
        left = [question for question in questions if question.key not in known]
        if least and batches.is_worth_it(len(left), least) and not calls.pace.is_stopped:
            probes = _replies(replace(calls, pace=Pace()), left[:PROBES])
            if len(probes) == PROBES:
                batches.hand_over(bulk, left[PROBES:], tell)
    return {key: Answered(one, is_paid_now=one.run_id == mine) for key, one in calls.ledger.find(questions).items()}


def _replies(calls: Calls, questions: Sequence[Question]) -> dict[str, Answered]:
    """What came back, by key. Ends when every question was answered or given up, or the pass was stopped."""
    answers: dict[str, Answered] = {}
    if not questions:
        return answers
    pace, progress = calls.pace, calls.progress
    with Client(questions[0].base_url, calls.key) as client, ThreadPoolExecutor(CONCURRENCY, "ask") as pool:
        slot = Slot(client, calls.ledger, pace, calls.tempo)
        asked = {pool.submit(slot.answer, question): question for question in questions}
        try:
            for done, future in enumerate(as_completed(asked), start=1):
                answer = future.result()
                if answer is not None:
                    answers[asked[future].key] = answer
                progress(done, len(questions), None)
        finally:
            pace.stop()  # calls under way come in and are booked; nothing more is sent
    return answers


def _unusable(replies: Sequence[PaidReply]) -> dict[str, int]:
    """Rows whose reply was refused or cut short; both are paid for, neither is an answer."""
    refused = sum(reply.refusal or reply.finish == "content_filter" for reply in replies)
    cut = sum(not reply.refusal and reply.finish == "length" for reply in replies)
    return {"refused": refused, "cut": cut}


def _counts(answers: Sequence[Answered], *, unanswered: int, stopped: str) -> dict[str, Any]:
    paid = [answer.reply for answer in answers if answer.is_paid_now]
    return {
        "paid_calls": len(paid),
        "reused": len(answers) - len(paid),
        "input_tokens": sum(reply.tokens_in for reply in paid),
        "output_tokens": sum(reply.tokens_out for reply in paid),
        "nano_usd": sum(reply.cost_nano or 0 for reply in paid),
        "unanswered": unanswered,
        "stopped": stopped,
        "oldest_at": min((answer.reply.at.isoformat() for answer in answers), default=""),
    }
