"""What comes in from people: taken once, kept until its effect is done, worked off, answered.

An accepted delivery is a row before it is acknowledged, so a killed bot loses none; its effect carries its own name,
so a delivery worked off twice takes effect once (docs/slack.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from bot import access, files, grammar, payloads
from bot.access import Groups, People, Person
from bot.blockkit.render import View
from bot.files import CONVERSATION_BYTES, MODAL_BYTES, SentFile
from bot.grammar import Asked
from bot.messages import labels as told
from bot.messages import notice
from bot.metrics import DUPLICATES
from bot.router import REGISTRY, Answer, Filled, Form, Picked, Press, Upload, Words
from bot.surface import Place, Slack
from engine.desk import Desk, labels, mail, roles
from engine.errors import OtherColumns, Refused, Repeated, Upstream
from engine.models.actor import Actor, Role
from engine.models.mail import Once, Outbox

log = logging.getLogger(__name__)

HASTE_SECONDS = 1.25  # a delivery waits so long in line and again for another process; then its person is told
MET_SECONDS = 24 * 3600.0

# Runs work for a person and tells them what came of it, errors included. Given by ``bot.app``.
Boundary = Callable[[Place, Callable[[], View | None]], None]


class Deliveries:
    """Accepts what people send and works it off, in this thread or, after a crash, in the sender's."""

    def __init__(self, desk: Desk, slack: Slack, people: People, groups: Groups, *, boundary: Boundary) -> None:
        self.desk = desk
        self.hasty = _hasty(desk)
        self._slack = slack
        self._people = people
        self._groups = groups
        self._boundary = boundary

    def accept(self, once: Once, place: Place, payload: dict[str, Any], *, method: str = mail.DELIVERY) -> int | None:
        """Keep a delivery until its effect is done; none for one that was taken before."""
        try:
            return mail.accept(self.hasty, once, {**payload, "place": asdict(place)}, method=method)
        except Repeated:
            DUPLICATES.labels(kind=once.kind).inc()
            return None

    def is_first(self, once: Once) -> bool:
        """Take a delivery whose only effect is a call to Slack; false for one that was taken before."""
        try:
            mail.take(self.hasty, once)
        except Repeated:
            DUPLICATES.labels(kind=once.kind).inc()
            return False
        return True

    def keep_files(self, filled: Filled, upload: Upload) -> int | None:
        """Keep the files of a form until they were read; none for a form that was taken before."""
        assert filled.once is not None, "what Slack delivers has a name"
        place = Place(filled.actor.id, filled.actor.channel)
        files = [asdict(one) for one in upload.files]
        kind = "form" if filled.files else "shared"
        payload = {"kind": kind, "slug": upload.slug, "files": files, "columns": dict(upload.columns)}
        return self.accept(filled.once, place, payload, method=mail.FETCH)

    def work_off(self, row_id: int) -> None:
        """Do what an accepted delivery asks for, unless the sender does it already."""
        row = mail.one(self.desk, row_id)
        if not mail.claim(self.desk, row):
            return
        try:
            (self.fetch if row.method == mail.FETCH else self.effect)(row)
        except Upstream as error:  # nothing was done yet; the sender tries again until Slack says who this is
            mail.settle(self.desk, row, mail.READY, wait_seconds=1.0, error=str(error))
            return
        mail.settle(self.desk, row, mail.SENT)

    def effect(self, row: Outbox) -> None:
        """Do what a delivery asks for and answer. Twice is once: the effect has a name of its own.

        Raises ``Upstream`` while Slack does not say who asks: then nothing was done.
        """
        place = Place(**row.payload["place"])
        self._learn(place.person)
        once = Once.model_validate(row.payload["once"]).effect()
        match row.payload["kind"]:
            case "press":
                self._boundary(place, lambda: self._pressed(row.payload, place, once))
            case "dropped":
                self._boundary(place, lambda: self._dropped(row.payload["file"], place, once))
            case _:
                self._boundary(place, lambda: self._said(row.payload["words"], place, once))

    def fetch(self, row: Outbox) -> None:
        """Read the files of an accepted upload; the preview comes as a message of its own. Raises as ``effect``."""
        place = Place(**row.payload["place"])
        self._learn(place.person)
        once = Once.model_validate(row.payload["once"]).effect()
        for number, said in enumerate(row.payload["files"]):
            named = once.model_copy(update={"key": f"{once.key}{number}"})
            sent = SentFile(**said)
            most = CONVERSATION_BYTES if row.payload["kind"] == "shared" else MODAL_BYTES
            self._boundary(
                place, lambda sent=sent, named=named, most=most: self._read(row, place, sent, named, most=most)
            )

    def form(self, words: str, place: Place) -> Form | Answer:
        """What an asking that opens a form opens. Raises ``Refused``."""
        asked = grammar.parse(words)
        actor = self._actor(place, known_only=True)
        access.check(self.desk, actor, asked)
        command = REGISTRY.commands[asked.verb]
        return command.handle(Words(desk=self.desk, actor=actor, asked=asked, forms=True))

    def picked_form(self, callback_id: str, sent: tuple[SentFile, ...], place: Place) -> Form | Answer:
        """What a shortcut opens. Raises ``Refused``."""
        actor = self._actor(place, known_only=True)
        access.refuse_guest(actor, "this shortcut")
        return REGISTRY.shortcuts[callback_id](Picked(desk=self.desk, actor=actor, files=sent))

    def pressed_form(self, action_id: str, value: str, place: Place) -> Form | Answer:
        """What a button that opens a form opens. Raises ``Refused``."""
        actor = self._actor(place, known_only=True)
        found = REGISTRY.buttons[action_id].handle(Press(desk=self.desk, actor=actor, value=value))
        assert found is not None, "a button that opens a form gives one"
        return found

    def meet(self, person: str) -> None:
        """Learn who somebody is before they send the form that was opened for them."""
        try:
            self._learn(person)
        except Upstream as error:
            log.info("person.unknown", extra={"why": type(error).__name__})

    def sender_of_form(self, place: Place) -> Actor:
        """Who sends a form: they were met when it was opened. Asks Slack where that was longer ago than a day.

        Raises ``Upstream``.
        """
        person = self._people.known(place.person, within=MET_SECONDS) or self._people.ask(place.person)
        return Actor(id=place.person, role=_role(person), channel=place.channel)

    def _said(self, words: str, place: Place, once: Once) -> View | None:
        asked = grammar.parse(words)
        actor = self._actor(place)
        admin = self._people.ask(place.person).is_workspace_admin
        self._count_anew(asked)
        access.check(self.desk, actor, asked, is_workspace_admin=admin)
        command = REGISTRY.commands[asked.verb]
        changing = once if command.changes(asked) else None
        if asked.verb in ("roles", "register"):
            self._people.check_named(asked)
            self._groups.check_named(self.desk, asked)
        found = command.handle(Words(desk=self.desk, actor=actor, asked=asked, once=changing, forms=True))
        # A message opens no form, for only a press or a command carries what Slack opens one for.
        return found.view if isinstance(found, Answer) else notice.asks_for_form(asked)

    def _count_anew(self, asked: Asked) -> None:
        """Before a vote: who gives it and who gave one before must be able to now. Raises ``Upstream``."""
        if asked.verb == access.APPROVE:
            self._count_votes_anew(asked.word())
        elif asked.verb == access.REJECT:
            self._groups.count_anew(self.desk, roles.slug_of_request(self.desk, asked.word()))
        elif asked.verb == "ready" and asked.word(1) == access.APPROVE:
            self._groups.count_anew(self.desk, asked.word())

    def _count_votes_anew(self, token: str) -> None:
        self._groups.count_anew(self.desk, roles.slug_of_request(self.desk, token))
        self._people.count_votes_anew(self.desk, token)

    def _learn(self, person: str) -> None:
        """Who asks, and who is in the groups that have a role. Raises ``Upstream`` while it is not known who."""
        self._people.ask(person)
        self._groups.learn(self.desk)

    def _pressed(self, payload: dict[str, Any], place: Place, once: Once) -> View | None:
        button = REGISTRY.buttons[payload["action"]]
        actor = self._actor(place)
        if not button.looks:
            access.refuse_guest(actor, "this button")
        if payload["action"] == access.APPROVE_BUTTON:
            self._count_votes_anew(payload["value"].rpartition(".")[0])
        try:
            found = button.handle(Press(desk=self.desk, actor=actor, value=payload["value"], once=once))
        except Refused:
            if payload.get("message_ts"):  # whatever was pressed is stale: show how it really stands
                mail.refresh(self.desk, place.channel, payload["message_ts"])
            raise
        return found.view if isinstance(found, Answer) else None

    def _read(self, row: Outbox, place: Place, sent: SentFile, once: Once, *, most: int) -> View | None:
        known = sent if sent.url else files.sent(self._slack.file(sent.id))
        content = self._slack.fetch_file(known, most)
        actor, columns = self._actor(place), row.payload.get("columns")
        return self._previewed(actor, row.payload["slug"], known, content=content, columns=columns or {}, once=once)

    def _dropped(self, file_id: str, place: Place, once: Once) -> View | None:
        """A file that was dropped: into a thread of ours it is read, in direct messages its way in is offered."""
        said = self._slack.file(file_id)
        thread, sent = payloads.thread_in(said, place.channel), files.sent(said)
        slug = mail.feature_at(self.desk, place.channel, thread) if thread else ""
        if not slug:
            return notice.Dropped(sent.id, sent.name) if place.channel.startswith("D") else None
        if not files.may_hold_labels(sent.name):
            return None
        actor = self._actor(place)
        access.check_words(self.desk, actor, f"labels {slug} next")
        content = self._slack.fetch_file(sent, CONVERSATION_BYTES)
        return self._previewed(actor, slug, sent, content=content, columns={}, once=once)

    def _previewed(
        self, actor: Actor, slug: str, sent: SentFile, *, content: bytes, columns: dict[str, str], once: Once
    ) -> View | None:
        """The preview comes as a message of its own; where the file's columns are other ones, a form asks for them."""
        try:
            labels.preview(self.desk, actor, slug, sent.name, content=content, columns=columns, once=once)
        except OtherColumns as error:
            return told.other_columns(slug, sent.id, error) if error.columns else notice.refused(error)
        return None

    def _actor(self, place: Place, *, known_only: bool = False) -> Actor:
        person = self._people.known(place.person) if known_only else self._people.ask(place.person)
        return Actor(id=place.person, role=_role(person), channel=place.channel)


def _role(person: Person | None) -> Role:
    return Role.GUEST if person is not None and person.reads_only else Role.MEMBER


def _hasty(desk: Desk) -> Desk:
    """The desk for what must be acknowledged within three seconds."""
    services = replace(desk.services, database=desk.services.database.patient(HASTE_SECONDS))
    return replace(desk, services=services)
