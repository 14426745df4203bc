"""People's labelling queues, their texts and turns: rows only. Who is shown what is decided at the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from engine.errors import NotFound, NotReady
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, Said, TextState, Turn


@dataclass(frozen=True)
class Judged:
    """A text of a queue whose answers are in: the label it had, what people settled on, and who said what, in order.

    ``output`` is "" where nobody could tell, and where two differed and the queue ended before a third settled it.
    """

    row_id: str
    given: str
    output: str
    by: dict[str, str]


def add(tx: Session, queue: LabelQueue, texts: Sequence[QueuedText]) -> LabelQueue:
    """Store a queue with its texts."""
    tx.add(queue)
    tx.flush()
    for text in texts:
        text.queue_id = queue.id or 0
    tx.add_all(texts)
    tx.flush()
    return queue


def find_open(tx: Session, feature_id: int) -> LabelQueue | None:
    """The feature's open queue, or none."""
    return tx.exec(select(LabelQueue).where(LabelQueue.open_feature_id == feature_id)).one_or_none()


def open_of(tx: Session, feature_id: int, slug: str) -> LabelQueue:
    """The feature's open queue. Raises ``NotReady``."""
    found = find_open(tx, feature_id)
    if found is None:
        raise NotReady(f"No queue of {slug} is open.", hint=f"Open one: /assay labels {slug} queue=50")
    return found


def by_name(tx: Session, name: str) -> LabelQueue:
    """The queue of that name. Raises ``NotFound``."""
    found = tx.exec(select(LabelQueue).where(LabelQueue.name == name)).one_or_none()
    if found is None:
        raise NotFound(f"There is no queue {name[:40]!r}.", hint="Open one: /assay labels SLUG queue=50")
    return found


def by_id(tx: Session, queue_id: int) -> LabelQueue:
    """The queue of that key."""
    return tx.get_one(LabelQueue, queue_id)


def texts(tx: Session, queue_id: int, state: TextState | None = None) -> list[QueuedText]:
    """A queue's texts in their order; of one state where it is named."""
    query = select(QueuedText).where(QueuedText.queue_id == queue_id)
    if state is not None:
        query = query.where(QueuedText.state == state)
    return list(tx.exec(query.order_by(col(QueuedText.number))))


def text(tx: Session, text_id: int) -> QueuedText:
    """The text of that key."""
    return tx.get_one(QueuedText, text_id)


def counts(tx: Session, queue_id: int) -> dict[TextState, int]:
    """How many texts stand where."""
    query = select(QueuedText.state, func.count()).where(QueuedText.queue_id == queue_id).group_by(QueuedText.state)
    found = dict(tx.exec(query).all())
    return {state: int(found.get(state, 0)) for state in TextState}


def turns(tx: Session, queue_id: int) -> dict[int, list[Turn]]:
    """Every turn of a queue by its text, in the order they were answered; those not answered come last."""
    query = select(Turn).join(QueuedText, col(QueuedText.id) == Turn.text_id).where(QueuedText.queue_id == queue_id)
    found: dict[int, list[Turn]] = {}
    ordered = sorted(tx.exec(query), key=lambda turn: (turn.answered_at is None, turn.answered_at, turn.id))
    for turn in ordered:
        found.setdefault(turn.text_id, []).append(turn)
    return found


def turn(tx: Session, turn_id: int) -> Turn:
    """The turn of that key. Raises ``NotFound``."""
    found = tx.get(Turn, turn_id)
    if found is None:
        raise NotFound("There is no such text to label.", hint="Take the next one: /assay labels SLUG next")
    return found


def add_turn(tx: Session, made: Turn) -> Turn:
    """Show a text to a person; the row has an id afterwards."""
    tx.add(made)
    tx.flush()
    return made


def people(tx: Session, queue_id: int) -> dict[str, int]:
    """How many texts each person answered, most first."""
    query = (
        select(Turn.person, func.count())
        .join(QueuedText, col(QueuedText.id) == Turn.text_id)
        .where(QueuedText.queue_id == queue_id, col(Turn.said).in_((Said.LABEL, Said.UNCLEAR)))
        .group_by(Turn.person)
    )
    return dict(sorted(((person, int(n)) for person, n in tx.exec(query)), key=lambda pair: (-pair[1], pair[0])))


def minutes(tx: Session, queue_id: int) -> float:
    """What people spent on a queue so far."""
    query = select(func.sum(Turn.minutes)).join(QueuedText, col(QueuedText.id) == Turn.text_id)
    return float(tx.exec(query.where(QueuedText.queue_id == queue_id)).one() or 0.0)


def settled(tx: Session, queue_id: int) -> list[QueuedText]:
    """The settled texts of a queue."""
    return texts(tx, queue_id, TextState.SETTLED)


def judged(tx: Session, queue_id: int) -> list[Judged]:
    """The texts of a queue whose answers are in, disputed ones too: without them everybody would seem to agree.

    ``by`` holds first answers alone, not the words that settled a dispute.
    """
    said = turns(tx, queue_id)
    return [
        Judged(one.row_id, one.given, one.output, _first_labels(said.get(one.id or 0, [])))
        for one in texts(tx, queue_id)
        if one.state is not TextState.WAITING
    ]


def _first_labels(given: Sequence[Turn]) -> dict[str, str]:
    return {turn.person: turn.answer for turn in given if turn.said is Said.LABEL and not turn.settles}


def closed(tx: Session, feature_id: int, purpose: QueuePurpose | None = None) -> list[LabelQueue]:
    """The feature's closed queues, oldest first."""
    query = select(LabelQueue).where(LabelQueue.feature_id == feature_id, LabelQueue.state == QueueState.CLOSED)
    if purpose is not None:
        query = query.where(LabelQueue.purpose == purpose)
    return list(tx.exec(query.order_by(col(LabelQueue.id))))


def asking_again(tx: Session, feature_id: int) -> list[LabelQueue]:
    """The feature's queues for labels that ask for old labels again among their texts, oldest first."""
    again = select(QueuedText.queue_id).where(QueuedText.given != "")
    query = select(LabelQueue).where(
        LabelQueue.feature_id == feature_id, LabelQueue.purpose == QueuePurpose.LABEL, col(LabelQueue.id).in_(again)
    )
    return list(tx.exec(query.order_by(col(LabelQueue.id))))


def close(tx: Session, queue: LabelQueue, state: QueueState, at: datetime) -> None:
    """End a queue; its feature may have another."""
    queue.state, queue.closed_at, queue.open_feature_id = state, at, None
    queue.version += 1
    tx.add(queue)
    tx.flush()


def paired(tx: Session, feature_id: int) -> list[QueuedText]:
    """The pairs people settled in closed queues, oldest first."""
    query = (
        select(QueuedText)
        .join(LabelQueue, col(LabelQueue.id) == QueuedText.queue_id)
        .where(
            LabelQueue.feature_id == feature_id,
            LabelQueue.purpose == QueuePurpose.PAIRS,
            LabelQueue.state == QueueState.CLOSED,
            QueuedText.state == TextState.SETTLED,
            QueuedText.output != "",
        )
        .order_by(col(QueuedText.id))
    )
    return list(tx.exec(query))
