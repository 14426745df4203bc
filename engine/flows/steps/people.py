"""What happens to a queued text: shown to one person at a time, answered, disputed, settled; and what a queue makes.

Blind: nobody sees what another said before a text is settled. People who differ are settled by a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from engine.errors import Invalid
from engine.flows.steps import agreeing, answers, pairing, versions, written
from engine.models.actor import Actor
from engine.models.feature import Feature
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, Said, TextState, Turn
from engine.models.labels import LabelRow, LabelSet, Origin, Provenance, Source
from engine.rules.annotators import Agreement, agreement
from engine.rules.gates import HUMANS_LEAST
from engine.services import Services
from engine.store import deeds, features, labels, mail, queues
from engine.store.database import Tx

CARD = "card"
MINUTES_MOST = 5.0  # longer than that before one text is a pause, not labelling
HELD = timedelta(minutes=30)  # how long a text lies before a person who does not answer


def choices(feature: Feature, queue: LabelQueue) -> tuple[str, ...]:
    """What a person may answer: the feature's labels, which text reads better, or whether an answer is right.

    None where they write it.
    """
    of = {QueuePurpose.PAIRS: pairing.CHOICES, QueuePurpose.ANSWERS: answers.CHOICES}
    return of.get(queue.purpose) or tuple(feature.labels)


def open_turn(tx: Tx, queue: LabelQueue, person: str) -> Turn | None:
    """The text this person has before them, or none."""
    found = [turn for turns in queues.turns(tx, queue.id or 0).values() for turn in turns]
    return next((turn for turn in found if turn.person == person and turn.said is None), None)


def next_turn(tx: Tx, services: Services, queue: LabelQueue, person: str) -> Turn | None:
    """The text to show this person: the open one, else a dispute they had no part in, else one that lacks an answer."""
    known = open_turn(tx, queue, person)
    if known is not None or queue.state is not QueueState.OPEN:
        return known
    now = services.clock.now()
    turns = queues.turns(tx, queue.id or 0)
    for state in (TextState.DISPUTED, TextState.WAITING):
        for text in queues.texts(tx, queue.id or 0, state):
            given = turns.get(text.id or 0, [])
            held = [turn for turn in given if turn.said is None and turn.asked_at > now - HELD]
            missing = 1 if state is TextState.DISPUTED else text.wanted - len(_first(given))
            if all(turn.person != person for turn in given) and len(held) < missing:
                settles = state is TextState.DISPUTED
                return queues.add_turn(tx, Turn(text_id=text.id or 0, person=person, settles=settles, asked_at=now))
    return None


def answer(tx: Tx, services: Services, queue: LabelQueue, *, turn: Turn, said: Said, label: str) -> None:
    """Keep what a person said of their text, and settle the text where nothing is missing any more."""
    now = services.clock.now()
    turn.said, turn.answer, turn.answered_at = said, label if said is Said.LABEL else "", now
    turn.minutes = min((now - turn.asked_at).total_seconds() / 60.0, MINUTES_MOST)
    turn.version += 1
    tx.add(turn)
    tx.flush()
    text = queues.text(tx, turn.text_id)
    old = "" if _is_audit(queue) else text.given  # an old label is a first voice; a teacher's has none
    _settle(features.by_id(tx, queue.feature_id), text, queues.turns(tx, queue.id or 0)[text.id or 0], turn, old=old)
    tx.add(text)
    queue.version += 1
    tx.add(queue)
    tx.flush()
    tell_turn(tx, services, turn)
    tell_queue(tx, services, queue)


def close_when_done(tx: Tx, services: Services, feature: Feature, queue: LabelQueue, *, actor: Actor) -> None:
    """Close a queue whose last text is settled; one that would make a version of one class stays open."""
    counts = queues.counts(tx, queue.id or 0)
    missing = counts[TextState.WAITING] + counts[TextState.DISPUTED]
    if queue.state is QueueState.OPEN and not missing and not why_open(tx, queue):
        close(tx, services, feature, queue, actor=actor)


def why_open(tx: Tx, queue: LabelQueue) -> str:
    """Why a queue without missing answers is not closed, "" where nothing keeps it open."""
    try:
        rows = _rows(tx, queue, given=False)
        if queue.purpose is QueuePurpose.LABEL and rows:
            versions.refuse_one_class_of(tx, queue.feature_id, rows, versions.placed(tx, queue.feature_id, rows))
    except Invalid as error:
        return str(error)
    return ""


def close(tx: Tx, services: Services, feature: Feature, queue: LabelQueue, *, actor: Actor) -> None:
    """End a queue: measure agreement, and make the next label version of what is settled.

    Labels of a teacher, and old ones, that people gave otherwise are replaced. Pairs and answers make no version: they
    stand beside a judge's word, and beside the grades. Raises ``Invalid`` where the version would hold one class.
    """
    why = why_open(tx, queue)
    if why:
        raise Invalid(why)
    found = _measured(tx, feature, queue)
    queue.agreement = asdict(found)
    label_set = _version(tx, services, feature, queue, actor=actor)
    queue.label_set_id = label_set.id if label_set else None
    queues.close(tx, queue, QueueState.CLOSED, services.clock.now())
    after = {
        "queue": queue.name,
        "version": label_set.name if label_set else "",
        "kappa": found.kappa,
        "rows": found.rows,
    }
    deeds.record(
        tx, services.clock, actor, "close a queue",
        entity="label_queue", entity_id=queue.name, feature_id=queue.feature_id, after=after,
    )  # fmt: skip
    for turns in queues.turns(tx, queue.id or 0).values():
        for turn in turns:
            if turn.said is None:
                turn.version += 1
                tx.add(turn)
                tell_turn(tx, services, turn)
    tell_queue(tx, services, queue)


def tell_queue(tx: Tx, services: Services, queue: LabelQueue) -> None:
    """Have the queue's one message show how it stands."""
    mail.enqueue_projection(tx, services.clock, "queue", queue.name, kind=CARD, channel=queue.channel)


def tell_turn(tx: Tx, services: Services, turn: Turn) -> None:
    """Have the text stand before its person, alone."""
    mail.enqueue_projection(tx, services.clock, "turn", str(turn.id), kind=CARD, channel=turn.person)


def agreed_twice(tx: Tx, feature_id: int) -> Agreement:
    """Agreement over every text that two people labelled in a closed queue; what they said of answers is no label."""
    closed = [queue for queue in queues.closed(tx, feature_id) if queue.purpose != QueuePurpose.ANSWERS]
    rows = [row for queue in closed for row in queues.judged(tx, queue.id or 0)]
    return agreeing.twice(features.by_id(tx, feature_id), rows)


def audited(tx: Tx, feature_id: int) -> Agreement:
    """Answers, or a teacher's labels, against people's word over every closed audit: answers where 100 were audited.

    Fewer of them do not take the place of more labels.
    """
    newest = labels.newest_or_none(tx, feature_id)
    said = answers.audited(tx, feature_id, newest.id or 0) if newest else Agreement(0)
    found = [
        row for queue in queues.closed(tx, feature_id, QueuePurpose.AUDIT) for row in queues.judged(tx, queue.id or 0)
    ]
    taught = _against(features.by_id(tx, feature_id), found)
    return said if said.rows >= min(taught.rows, HUMANS_LEAST) else taught


def _settle(feature: Feature, text: QueuedText, given: list[Turn], turn: Turn, *, old: str) -> None:
    if turn.said is Said.SKIP or text.state is TextState.SETTLED:
        return
    if turn.settles:
        text.state, text.output = TextState.SETTLED, turn.answer
        return
    first = _first(given)
    if len(first) < text.wanted or text.state is TextState.DISPUTED:
        return
    said = written.alike(feature, [*filter(None, (old,)), *(one.answer for one in first)])
    if len(set(said)) == 1:
        text.state, text.output = TextState.SETTLED, said[0]
    else:
        text.state = TextState.DISPUTED


def _first(given: list[Turn]) -> list[Turn]:
    """The answers before any dispute; who cannot tell has answered too."""
    return [turn for turn in given if not turn.settles and turn.said in (Said.LABEL, Said.UNCLEAR)]


def _is_audit(queue: LabelQueue) -> bool:
    """Whether people check what a teacher or a rule said."""
    return queue.purpose in (QueuePurpose.AUDIT, QueuePurpose.ANSWERS)


def _measured(tx: Tx, feature: Feature, queue: LabelQueue) -> Agreement:
    found = queues.judged(tx, queue.id or 0)
    return _against(feature, found) if _is_audit(queue) else agreeing.twice(feature, found)


def _against(feature: Feature, found: Sequence[queues.Judged]) -> Agreement:
    """The teacher's labels against what people settled on."""
    pairs = [written.alike(feature, (row.given, row.output)) for row in found if row.output]
    return agreement([(given, said) for given, said in pairs])


def _rows(tx: Tx, queue: LabelQueue, *, given: bool) -> list[LabelRow]:
    """What people settled of the texts that had a label already, or of those that had none."""
    turns = queues.turns(tx, queue.id or 0)
    return [
        LabelRow(
            line=text.number,
            id=text.row_id,
            input=text.input,
            output=text.output,
            source=Source.PERSON,
            minutes=sum(turn.minutes for turn in turns.get(text.id or 0, [])),
        )
        for text in queues.texts(tx, queue.id or 0, TextState.SETTLED)
        if text.output and bool(text.given) is given
    ]


def _differs(feature: Feature, given: str, said: str) -> bool:
    return len(set(written.alike(feature, (given, said)))) > 1


def _version(tx: Tx, services: Services, feature: Feature, queue: LabelQueue, *, actor: Actor) -> LabelSet | None:
    """Store what people settled. Their word takes the place of a label they gave otherwise, and keeps its part."""
    if queue.purpose in (QueuePurpose.PAIRS, QueuePurpose.ANSWERS):
        return None
    before = agreeing.labels_given(tx, queue)
    again = [row for row in _rows(tx, queue, given=True) if row.id in before]
    changed = [
        row.model_copy(update={"group": before[row.id].group})
        for row in again
        if _differs(feature, before[row.id].output, row.output)
    ]
    rows, gone = [*_rows(tx, queue, given=False), *changed], [before[row.id] for row in changed]
    if not rows:
        return None
    made = Provenance(by=queue.by or actor.id, origin=Origin.PEOPLE, rights=feature.rights, run_id=queue.name)
    return versions.store(tx, services, feature, rows, actor=actor, made=made, gone=gone)
