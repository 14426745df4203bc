"""What the bot does with inbox and outbox: accept a delivery once, claim what waits, say how sending went."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.desk import Desk
from engine.models.actor import Role
from engine.models.base import Value
from engine.models.mail import MailState, MessageRef, Once, Outbox
from engine.store import features, labels, mail, queues, roles
from engine.store.database import Tx

PROJECT, HOME, HOMES, FILE = mail.PROJECT, mail.HOME, mail.HOMES, mail.FILE
SENT, READY = MailState.SENT, MailState.READY
DELIVERY = "deliver"  # the method of a row that holds an accepted delivery until its effect is done
FETCH = "fetch_file"  # the method of a row that holds a file a person sent until it was read
TOLD = "told"  # the kind of a row that tells a feature's owner something
LINE = (Role.OWNER, Role.ADMIN)  # who is told in an owner's place, in this order
_HEAD_START = timedelta(
    seconds=3
)  # the thread that accepted a delivery works it off; the sender takes over a dead one's


class Shown(Value):
    """The message that shows a row: where it stands, what was rendered last, when."""

    ts: str
    sha: str
    version: int
    seconds_ago: float


class Home(Value):
    """One person's Home as it was shown last: the hash Slack gave it, and the sha of what it showed ("": never).

    ``start`` is how many features stand before the first that it shows.
    """

    person: str
    hash: str
    sha: str
    start: int = 0


class Depth(Value):
    """How the outbox stands: rows that wait, age of the oldest in seconds, rows given up."""

    waiting: int
    oldest_seconds: float
    dead: int


def accept(desk: Desk, once: Once, payload: dict[str, Any], *, method: str = DELIVERY) -> int:
    """Take a delivery and keep it until its effect is done, in one transaction; the row's id.

    Raises ``Repeated`` for a delivery that was taken before.
    """
    clock = desk.services.clock
    with desk.services.database.write() as tx:
        mail.take(tx, clock, once)
        row = mail.add(tx, clock, "", method, payload={**payload, "once": once.model_dump()}, delay=_HEAD_START)
        return row.id or 0


def take(desk: Desk, once: Once) -> None:
    """Remember a delivery whose only effect is a call to Slack. Raises ``Repeated``."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)


def post(desk: Desk, channel: str, method: str, payload: dict[str, Any]) -> None:
    """Have one call to Slack made, until it succeeds or a day has passed."""
    with desk.services.database.write() as tx:
        mail.enqueue_post(tx, desk.services.clock, channel, method, payload=payload)


def project(desk: Desk, entity: str, entity_id: str, kind: str, *, channel: str) -> None:
    """Have the message of a row show its newest state."""
    with desk.services.database.write() as tx:
        mail.enqueue_projection(tx, desk.services.clock, entity, entity_id, kind=kind, channel=channel)


def due(desk: Desk) -> list[Outbox]:
    """Rows that may go now, oldest first."""
    with desk.services.database.read() as tx:
        return mail.due(tx, desk.services.clock.now())


def one(desk: Desk, row_id: int) -> Outbox:
    """A row by its id."""
    with desk.services.database.read() as tx:
        return mail.by_id(tx, row_id)


def claim(desk: Desk, row: Outbox) -> bool:
    """Mark a row as being sent; false when somebody else did."""
    with desk.services.database.write() as tx:
        return mail.claim(tx, row)


def keep_place(desk: Desk, row: Outbox, ts: str) -> None:
    """Remember, while a row is being sent, where the first half of it stands."""
    with desk.services.database.write() as tx:
        mail.settle(tx, row.id or 0, MailState.SENDING, not_before=row.not_before, ts=ts)


def settle(
    desk: Desk, row: Outbox, state: MailState, *, wait_seconds: float = 0.0, ts: str = "", error: str = ""
) -> None:
    """Say how sending went; ``wait_seconds`` is when to try again."""
    again = desk.services.clock.now() + timedelta(seconds=wait_seconds)
    with desk.services.database.write() as tx:
        mail.settle(tx, row.id or 0, state, not_before=again, ts=ts, error=error)


def tell_owner(desk: Desk, channel: str, payload: dict[str, Any]) -> None:
    """Tell the owner of the channel's feature something about the channel, at most once a day."""
    now = desk.services.clock.now()
    once = Once(team="", key=f"shut-out/{channel}/{now:%Y-%m-%d}", kind="notice")
    with desk.services.database.write() as tx:
        feature = next((one for one in features.every(tx) if one.channel == channel), None)
        if feature is not None and not mail.is_taken(tx, once):
            mail.take(tx, desk.services.clock, once)
            _tell(desk, tx, feature.owner, feature.slug, payload=payload)


def pass_on(desk: Desk, row: Outbox) -> bool:
    """What an owner cannot be told any more goes to the feature's next owner, else to an admin; false for nobody."""
    with desk.services.database.write() as tx:
        feature = features.find(tx, row.entity_id) if row.kind == TOLD else None
        if feature is None:
            return False
        line = [feature.owner, *(one for role in LINE for one in roles.people(tx, role, feature.id))]
        line = list(dict.fromkeys(line))
        following = line[line.index(row.channel) + 1 :] if row.channel in line else []
        if following:
            _tell(desk, tx, following[0], feature.slug, payload=row.payload)
        return bool(following)


def _tell(desk: Desk, tx: Tx, person: str, slug: str, *, payload: dict[str, Any]) -> None:
    row = mail.add(tx, desk.services.clock, person, "chat.postMessage", payload=payload)
    row.entity, row.entity_id, row.kind = "feature", slug, TOLD


def recover(desk: Desk) -> int:
    """At start-up: rows that were being sent when a bot died are looked for before they are sent again."""
    with desk.services.database.write() as tx:
        mail.forget_taken(tx, desk.services.clock.now())
        return mail.recover(tx)


def shown(desk: Desk, row: Outbox) -> Shown | None:
    """The message that shows the row's entity in its channel, or none yet."""
    with desk.services.database.read() as tx:
        found = mail.ref(tx, row.entity, row.entity_id, row.kind, channel=row.channel)
    if found is None or not found.ts:
        return None
    age = (desk.services.clock.now() - found.updated_at).total_seconds()
    return Shown(ts=found.ts, sha=found.rendered_sha, version=found.entity_version, seconds_ago=age)


def show_as(desk: Desk, row: Outbox, *, ts: str, sha: str, version: int) -> None:
    """Remember which message shows the row's entity, and that the row is sent, in one transaction."""
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        mail.point(tx, row, ts=ts, sha=sha, version=version, at=now)
        mail.settle(tx, row.id or 0, MailState.SENT, ts=ts)


def refresh(desk: Desk, channel: str, ts: str) -> bool:
    """Have whatever a message shows rendered again; false when the message shows nothing of ours."""
    with desk.services.database.write() as tx:
        found = mail.ref_at(tx, channel, ts)
        if found is None:
            return False
        found.rendered_sha = ""  # somebody pressed something stale, so what Slack shows is not what we believe
        tx.add(found)
        mail.enqueue_projection(
            tx, desk.services.clock, found.entity, found.entity_id, kind=found.kind, channel=found.channel
        )
        return True


def open_home(desk: Desk, person: str) -> Home:
    """Note that a person looks at their Home, so that it is kept new from now on; what it shows."""
    with desk.services.database.write() as tx:
        return _home(mail.open_home(tx, person, desk.services.clock.now()))


def home(desk: Desk, person: str) -> Home | None:
    """What a person's Home shows, none for a person who never opened it."""
    with desk.services.database.read() as tx:
        found = mail.ref(tx, HOME, person, HOME, channel=person)
        return None if found is None else _home(found)


def turn_home(desk: Desk, person: str, start: int) -> None:
    """Have a person's Home show the features from ``start`` on."""
    with desk.services.database.write() as tx:
        found = mail.ref(tx, HOME, person, HOME, channel=person)
        if found is not None:
            found.entity_version, found.rendered_sha = start, ""
            tx.add(found)
            mail.enqueue_home(tx, desk.services.clock, person)


def show_home(desk: Desk, shown: Home) -> None:
    """Remember what a Home shows now. Who looked when is not changed."""
    with desk.services.database.write() as tx:
        found = mail.ref(tx, HOME, shown.person, HOME, channel=shown.person)
        if found is not None:
            found.ts, found.rendered_sha = shown.hash, shown.sha
            tx.add(found)


def _home(found: MessageRef) -> Home:
    return Home(person=found.entity_id, hash=found.ts, sha=found.rendered_sha, start=found.entity_version)


def spread_homes(desk: Desk) -> None:
    """Have each Home that was opened lately shown anew."""
    clock = desk.services.clock
    with desk.services.database.write() as tx:
        for found in mail.homes(tx, clock.now()):
            mail.enqueue_home(tx, clock, found.entity_id)


def feature_at(desk: Desk, channel: str, ts: str) -> str:
    """The slug of the feature a message of ours is about; "" for any other message, and for one about several."""
    with desk.services.database.read() as tx:
        found = mail.ref_at(tx, channel, ts)
        match found.entity if found else "":
            case "feature":
                return found.entity_id if found else ""
            case "investigation" | "labelling":
                return features.slug_of_run(tx, found.entity_id if found else "")
            case "draft":
                draft = labels.draft(tx, found.entity_id if found else "")
                return features.by_id(tx, draft.feature_id).slug if draft else ""
            case "queue":
                return features.by_id(tx, queues.by_name(tx, found.entity_id if found else "").feature_id).slug
            case _:
                return ""


def depth(desk: Desk) -> Depth:
    """How the outbox stands."""
    with desk.services.database.read() as tx:
        waiting, oldest, dead = mail.depth(tx)
    age = (desk.services.clock.now() - oldest).total_seconds() if oldest else 0.0
    return Depth(waiting=waiting, oldest_seconds=age, dead=dead)
