"""Ask a prompted option a list of rows: every distinct question once, under a hard cap, remembered for ever.

Knows nothing of splits or flows. The contract is the table of docs/engine.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any, Protocol

from engine.approaches import Approach, Parsed, Task
from engine.approaches.registry import approach_of
from engine.clock import Clock, SystemClock
from engine.errors import Invalid, KeyRejected
from engine.models.investigation import PaidReply, Prediction
from engine.rules.cost import TokenPrices
from engine.settings import Settings
from engine.store.database import Database
from engine.teachers import batches, options, samples
from engine.teachers.batch_client import batch_client
from engine.teachers.batches import Bulk
from engine.teachers.client import Client
from engine.teachers.forecast import PROBES
from engine.teachers.keys import is_loopback, key_for
from engine.teachers.ledger import FREE, Ledger
from engine.teachers.pace import CONCURRENCY, Pace, Tempo
from engine.teachers.prices import price_of
from engine.teachers.replies import Question, is_answer, sent_parameters
from engine.teachers.slot import Answered, Slot

Progress = Callable[[int, int, float | None], None]


class AskedRow(Protocol):
    """A row as the job reads it from its dataset."""

    @property
    def id(self) -> str:
        """The label's row id."""
        ...

    @property
    def input(self) -> str:
        """The text to ask about."""
        ...

    @property
    def output(self) -> str:
        """The expected answer; for examples the one that is shown."""
        ...


class AskSpec(Protocol):
    """The job: ``config`` as ``engine.flows.steps.ask`` makes it, and the seed the examples are drawn by."""

    @property
    def config(self) -> dict[str, Any]:
        """run_id, contender, base_url, model, prompt, parameters, budget_nano, attempt, fresh_since; the task's body.

        ``fresh_since`` is a moment in ISO format: an older reply is asked for again (""; any age will do). so many
        questions as ``batch_from`` (0: none) are answered by the endpoint's Batch API.
        """
        ...

    @property
    def seed(self) -> int:
        """Seed."""
        ...


@dataclass(frozen=True)
class Asked:
    """Predictions of the answered rows in their order, and the counts of this pass as the job's result.

    ``counts``: paid_calls, reused, input_tokens, output_tokens, nano_usd, unanswered, refused and cut (rows), stopped
    ("" or why), and oldest_at, the moment of the oldest reply that was used ("" without any).
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
    questions = samples.fresh(ledger, questions, spec.config.get("fresh_since", ""), is_timed=is_timed)
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
    predictions = _predictions(spec, rows, questions, answers)
    missing = len(rows) - len(predictions)
    counts = _counts(list(answers.values()), unanswered=missing, stopped=pace.why)
    given = [answers[question.key].reply for question in questions if question.key in answers]
    return Asked(predictions, {**counts, **_unusable(given)})


def questions_of(spec: AskSpec, rows: Sequence[AskedRow], examples: Sequence[AskedRow]) -> list[Question]:
    """One question per row, equal ones for equal texts. Raises ``Invalid`` for a prompt that cannot be rendered."""
    config = spec.config
    addition = options.addition_of(config["contender"], Task.read(config), examples=examples, seed=spec.seed)
    parameters = sent_parameters(config["base_url"], config["parameters"])
    return [
        Question(
            base_url=config["base_url"],
            model=config["model"],
            messages=options.messages(config["contender"], config["prompt"], row.input, addition=addition),
            parameters=parameters,
        )
        for row in rows
    ]


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


def _predictions(
    spec: AskSpec, rows: Sequence[AskedRow], questions: Sequence[Question], answers: dict[str, Answered]
) -> list[Prediction]:
    approach = approach_of(spec.config["approach"])
    task = Task.read(spec.config)
    return [
        _graded(row, answers[question.key].reply, approach, task)
        for row, question in zip(rows, questions, strict=True)
        if question.key in answers
    ]


def _graded(row: AskedRow, reply: PaidReply, approach: Approach, task: Task) -> Prediction:
    """A refused or cut reply is an invalid answer: wrong and paid for, never left out."""
    usable = is_answer(reply.finish, refusal=reply.refusal)
    said = approach.parse(reply.text, task) if usable else Parsed(output=reply.text, valid=False)
    grade = approach.grade(row.output, said, task)
    return Prediction(
        row_id=row.id,
        output=said.output,
        correct=grade == 1.0,
        score=grade,
        valid=said.valid,
        latency_ms=reply.latency_ms,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
    )


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
