"""A queue and a text before a person, as people see them. Tells nobody what others said while it is open."""

from __future__ import annotations

from engine.flows.steps import agreeing, answers, people
from engine.flows.steps.written import Field, Way, fields, way
from engine.models.base import Value
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, Said, TextState, Turn
from engine.rules.annotators import Again
from engine.store import features, labels, queues
from engine.store.database import Tx


class QueueView(Value):
    """A queue as people see it. ``agreement`` is ``engine.rules.annotators.Agreement``, empty while it is open.

    In an audit it is the teacher's labels, or the grades of answers, against people's word. ``wrong_labels`` are ids of
    rows whose label people found wrong when they audited answers. ``again`` is ``Again`` of the old
    labels among its texts.
    """

    name: str
    slug: str
    purpose: QueuePurpose
    state: QueueState
    size: int
    double_share: float
    waiting: int
    disputed: int
    settled: int
    left_out: int
    people: tuple[tuple[str, int], ...]
    minutes: float
    agreement: dict[str, float | int | None]
    by: str
    channel: str = ""
    version: str = ""
    why_open: str = ""
    wrong_labels: tuple[str, ...] = ()
    again: Again = Again(0)
    number: int = 1


class TurnView(Value):
    """One text before one person: what it is, what they may say, and what they said.

    Of a pair ``text`` is the brief, ``first`` and ``second`` are the texts to compare; who wrote which is not told.
    ``way`` is how they answer; ``fields`` are those of an object that is written field by field. Of an answer
    (``is_answer``) ``text`` is the question, ``first`` the answer, ``second`` the label, reached by ``rationale``.
    """

    turn_id: int
    slug: str
    queue: str
    text: str
    classes: tuple[str, ...]
    settles: bool
    said: Said | None
    answer: str
    person: str
    place: int
    size: int
    is_open: bool
    first: str = ""
    second: str = ""
    way: Way = Way.CHOICE
    fields: tuple[Field, ...] = ()
    is_answer: bool = False
    rationale: str = ""
    number: int = 1


def queue_view(tx: Tx, queue: LabelQueue) -> QueueView:
    """A queue as people see it, inside a transaction."""
    feature, counts = features.by_id(tx, queue.feature_id), queues.counts(tx, queue.id or 0)
    settled = queues.settled(tx, queue.id or 0)
    made = labels.by_id(tx, queue.label_set_id) if queue.label_set_id else None
    is_open = queue.state is QueueState.OPEN
    return QueueView(
        name=queue.name,
        slug=feature.slug,
        purpose=queue.purpose,
        state=queue.state,
        size=queue.size,
        double_share=queue.double_share,
        waiting=counts[TextState.WAITING],
        disputed=counts[TextState.DISPUTED],
        settled=counts[TextState.SETTLED],
        left_out=sum(not one.output for one in settled),
        people=tuple(queues.people(tx, queue.id or 0).items()),
        minutes=queues.minutes(tx, queue.id or 0),
        agreement={} if is_open else queue.agreement,  # while it is open, a figure would tell what others said
        again=Again(0) if is_open else agreeing.again_in(tx, feature, queue),
        by=queue.by,
        channel=queue.channel,
        version=made.name if made else "",
        why_open=people.why_open(tx, queue) if is_open else "",
        wrong_labels=() if is_open else tuple(one.row_id for one in settled if _is_label_wrong(queue, one)),
        number=queue.version,
    )


def turn_view(tx: Tx, turn: Turn) -> TurnView:
    """A text before a person, inside a transaction."""
    text = queues.text(tx, turn.text_id)
    queue = queues.by_id(tx, text.queue_id)
    feature = features.by_id(tx, queue.feature_id)
    is_pair = queue.purpose in (QueuePurpose.PAIRS, QueuePurpose.ANSWERS)  # two texts are shown, and words pressed
    return TurnView(
        turn_id=turn.id or 0,
        slug=feature.slug,
        queue=queue.name,
        text=text.input,
        classes=people.choices(feature, queue),
        settles=turn.settles,
        said=turn.said,
        answer=turn.answer,
        person=turn.person,
        place=queues.people(tx, queue.id or 0).get(turn.person, 0) + (turn.said is None),
        size=queue.size,
        is_open=queue.state is QueueState.OPEN,
        first=text.first,
        second=text.second,
        way=Way.CHOICE if is_pair else way(feature),
        fields=() if is_pair else fields(feature),
        is_answer=queue.purpose is QueuePurpose.ANSWERS,
        rationale=text.rationale,
        number=turn.version,
    )


def _is_label_wrong(queue: LabelQueue, text: QueuedText) -> bool:
    return queue.purpose is QueuePurpose.ANSWERS and text.output == answers.LABEL_WRONG
