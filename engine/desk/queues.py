"""Have people label texts, audit labels or answers, or compare texts, blind: one at a time for each person."""

from __future__ import annotations

from engine.desk import Desk
from engine.errors import Conflict, Invalid, NotAllowed, NotReady
from engine.flows.steps import drawing, openings, people, queued, written
from engine.flows.steps.queued import QueueView, TurnView
from engine.flows.steps.written import Field, Way
from engine.models.actor import Actor
from engine.models.feature import ApproachName, Feature
from engine.models.labelling import LabelQueue, QueuePurpose, QueueState, Said, Turn
from engine.models.mail import Once
from engine.store import features, mail, queues

__all__ = ["DOUBLE_SHARE", "Field", "QueueView", "TurnView", "Way"]

DOUBLE_SHARE = 0.10


def start(
    desk: Desk,
    actor: Actor,
    slug: str,
    *,
    size: int,
    double: float | None = None,
    purpose: QueuePurpose = QueuePurpose.LABEL,
    once: Once | None = None,
) -> QueueView:
    """Open a queue of captured texts, of labels or answers to audit, or of pairs of texts to compare.

    Raises ``Invalid`` for a size or share out of range, ``Conflict`` while one is open, ``NotReady`` where no text is
    left, no 100 to audit are, no two texts were written yet, or texts of people were to be found alike.
    """
    _check(slug, size, double or 0.0, purpose)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        share = _double(feature, purpose, double)
        known = queues.find_open(tx, feature.id or 0)
        if known is not None:
            raise Conflict(
                f"{slug} has an open queue already, {known.name}. Nothing was changed.",
                hint=f"Label with it, /assay labels {slug} next, or end it: /assay labels {slug} close",
            )
        of, texts = drawing.texts(tx, feature, size, purpose)
        queue = openings.open_queue(tx, desk.services, feature, texts, actor=actor, purpose=of, double=share)
        return queued.queue_view(tx, queue)


def show(desk: Desk, slug: str) -> QueueView:
    """The feature's open queue. Raises ``NotFound``, ``NotReady``."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        return queued.queue_view(tx, queues.open_of(tx, feature.id or 0, slug))


def by_name(desk: Desk, name: str) -> QueueView:
    """A queue by its name. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return queued.queue_view(tx, queues.by_name(tx, name))


def turn(desk: Desk, turn_id: int) -> TurnView:
    """A text before a person. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return queued.turn_view(tx, queues.turn(tx, turn_id))


def mine(desk: Desk, actor: Actor, turn_id: int) -> TurnView:
    """A text that waits for this person's answer. Raises ``NotAllowed``, and ``Conflict`` where none is awaited."""
    with desk.services.database.read() as tx:
        found = queues.turn(tx, turn_id)
        queue = queues.by_id(tx, queues.text(tx, found.text_id).queue_id)
        _check_turn(actor, features.by_id(tx, queue.feature_id), queue, found)
        return queued.turn_view(tx, found)


def take(desk: Desk, actor: Actor, slug: str, *, once: Once | None = None) -> TurnView:
    """The next text for this person, the one they have open where there is one; it comes to them alone.

    Raises ``NotReady`` when nothing waits for them.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        queue = queues.open_of(tx, feature.id or 0, slug)
        found = people.next_turn(tx, desk.services, queue, actor.id)
        if found is None:
            raise NotReady(
                f"Nothing of {slug} waits for you now: what is left waits for another person, or lies before one.",
                hint=f"How it stands: /assay labels {slug} show",
            )
        people.tell_turn(tx, desk.services, found)
        return queued.turn_view(tx, found)


def answer(
    desk: Desk, actor: Actor, turn_id: int, said: Said, *, label: str = "", once: Once | None = None
) -> TurnView | None:
    """Keep what a person says of their text, and give them the next one; none when nothing waits for them.

    Where answers are no list, ``label`` is what they wrote: a text, or a JSON object. A text is answered once: raises
    ``Conflict`` for the second time and for a closed queue, ``NotAllowed`` for somebody else's, ``Invalid`` for a label
    that is not in the list or does not fit the schema, naming the field.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        queue = queues.by_id(tx, queues.text(tx, queues.turn(tx, turn_id).text_id).queue_id)
        features.alone(tx, queue.feature_id)
        found = queues.turn(tx, turn_id)
        tx.refresh(found)
        tx.refresh(queue)
        feature = features.by_id(tx, queue.feature_id)
        text = queues.text(tx, found.text_id).input
        kept = _checked(actor, feature, queue, turn=found, text=text, said=said, label=label)
        people.answer(tx, desk.services, queue, turn=found, said=said, label=kept)
        following = people.next_turn(tx, desk.services, queue, actor.id)
        if following is not None:
            people.tell_turn(tx, desk.services, following)
        people.close_when_done(tx, desk.services, feature, queue, actor=actor)
        return queued.turn_view(tx, following) if following else None


def say(desk: Desk, actor: Actor, slug: str, word: str, *, once: Once | None = None) -> TurnView | None:
    """The same by words: a label or what they write, ``skip`` or ``unclear``, for the text they have open.

    Raises as ``answer``.
    """
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        queue = queues.open_of(tx, feature.id or 0, slug)
        found = people.open_turn(tx, queue, actor.id)
        choices = people.choices(feature, queue)
        spelled = {name.casefold(): name for name in choices}
    if found is None:
        raise NotReady(f"You have no text of {slug} before you.", hint=f"Take one: /assay labels {slug} next")
    label = spelled.get(word.strip().casefold(), "")
    if not choices and word.strip().casefold() not in ("skip", "unclear"):
        label = word
    other = {"skip": Said.SKIP, "unclear": Said.UNCLEAR}.get(word.strip().casefold())
    if not label and other is None:
        raise Invalid(f"{word[:40]!r} is no answer here.", hint=f"One of: {', '.join(choices)}, skip, unclear.")
    return answer(desk, actor, found.id or 0, Said.LABEL if label else other or Said.SKIP, label=label, once=once)


def close(desk: Desk, actor: Actor, slug: str, *, once: Once | None = None) -> QueueView:
    """End the open queue: what is settled becomes a label version. Raises ``NotReady``, ``Invalid`` for one class."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        queue = queues.open_of(tx, feature.id or 0, slug)
        tx.refresh(queue)
        people.close(tx, desk.services, feature, queue, actor=actor)
        return queued.queue_view(tx, queue)


def _check(slug: str, size: int, share: float, purpose: QueuePurpose) -> None:
    word = "queue" if purpose is QueuePurpose.LABEL else purpose.value
    least = drawing.AUDIT_LEAST if purpose is QueuePurpose.AUDIT else 1
    if not least <= size <= openings.SIZE_MOST:
        raise Invalid(
            f"{word} is {size:,}; it must be {least:,} to {openings.SIZE_MOST:,} texts.",
            hint=f"For example: /assay labels {slug} {word}={max(50, least)}",
        )
    if not 0.0 <= share <= 1.0:
        raise Invalid(f"double is {share:g}; it must be 0 to 100 %.", hint="For example: double=10%")


def _double(feature: Feature, purpose: QueuePurpose, asked: float | None) -> float:
    """The share that goes to two people. No two people write one text alike, so those are compared, never counted."""
    if feature.approach is not ApproachName.VOICE or purpose is QueuePurpose.PAIRS:
        return (0.0 if purpose is QueuePurpose.AUDIT else DOUBLE_SHARE) if asked is None else asked
    if asked or purpose is QueuePurpose.AUDIT:
        raise NotReady(
            f"{feature.slug} is voice: no two people write one text alike, so nothing says how far they agree.",
            hint=f"Have people compare texts: /assay labels {feature.slug} pairs=120",
        )
    return 0.0


def _checked(
    actor: Actor, feature: Feature, queue: LabelQueue, *, turn: Turn, text: str, said: Said, label: str
) -> str:
    """The label as it is kept, "" for none."""
    _check_turn(actor, feature, queue, turn)
    choices = people.choices(feature, queue)
    if said is not Said.LABEL:
        return ""
    if not choices:
        return written.label(feature, text, label)
    if label not in choices:
        raise Invalid(f"That is no answer to a text of {feature.slug}.", hint=f"One of: {', '.join(choices)}")
    return label


def _check_turn(actor: Actor, feature: Feature, queue: LabelQueue, turn: Turn) -> None:
    if turn.person != actor.id:
        raise NotAllowed("This text lies before somebody else.", hint=f"Yours: /assay labels {feature.slug} next")
    if turn.said is not None:
        raise Conflict(f"You said {turn.answer or turn.said.value} already. Nothing was changed.")
    if queue.state is not QueueState.OPEN:
        raise Conflict(f"{queue.name} is closed. Nothing was changed.", hint=f"/assay labels {feature.slug} show")
