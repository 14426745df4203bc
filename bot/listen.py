"""What Bolt calls: take a delivery, acknowledge it, and only then do what takes time (docs/slack.md).

Payloads of Slack are read here and nowhere else; inside, everything is a ``Place``, words, or a form's values.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, BoltResponse

from bot import files, grammar, payloads
from bot.blockkit.render import View, render, render_form
from bot.homes import Homes
from bot.inbox import Deliveries
from bot.messages import notice
from bot.metrics import REQUESTS
from bot.router import REGISTRY, Answer, AnswerForm, FieldErrors, Filled, Form, Upload
from bot.surface import Place, Slack, SlackRefused
from engine.desk import mail
from engine.errors import Refused, Repeated, Unavailable, Upstream
from engine.models.mail import Once

log = logging.getLogger(__name__)

NUMBERED = re.compile(r"\.\d+$")
RUN_WORDS = "verb.run"  # the button that runs the words it carries
MakeForm = Callable[[], Form | Answer]
SPENT = "exchanged_trigger_id"  # the form is open already
CLOSED = ("not_found", "view_not_found")
EXPIRED = ("expired_trigger_id", "invalid_trigger_id")


class Listener:
    """Everything that may arrive, catch-alls included: nothing is ever left unanswered."""

    def __init__(
        self, deliveries: Deliveries, slack: Slack, homes: Homes, boundary: Callable[[Place, Any], None]
    ) -> None:
        self._deliveries = deliveries
        self._homes = homes
        self._slack = slack
        self._boundary = boundary

    def command(self, ack: Ack, body: dict[str, Any]) -> None:
        """``/assay …``."""
        place = Place(body.get("user_id", ""), body.get("channel_id", ""), body.get("response_url", ""))
        key = str(body.get("trigger_id") or payloads.sha(body))
        once = Once(team=payloads.team(body), key=key, kind="command")
        self._words(ack, str(body.get("text", "")), place, once, trigger=str(body.get("trigger_id", "")))

    def action(self, ack: Ack, body: dict[str, Any]) -> None:
        """A button, a menu or a link that was pressed."""
        pressed = body["actions"][0]
        action_id = NUMBERED.sub("", str(pressed.get("action_id", "")))  # .2 for a second one in a row
        value = str(pressed.get("value", ""))
        place = payloads.place_of(body)
        key = "/".join((place.person, payloads.where(body), action_id, str(pressed.get("action_ts", ""))))
        once = Once(team=payloads.team(body), key=key, kind="press")
        trigger = str(body.get("trigger_id", ""))
        button = REGISTRY.buttons.get(action_id)
        if action_id == RUN_WORDS:
            self._words(ack, value, place, once, trigger=trigger)
        elif button is None:
            _timed(ack, "press")
            if pressed.get("url") is None and not action_id.startswith("link."):
                self._boundary(place, lambda: _stale(self._deliveries, body))
        elif button.opens:
            self._open(ack, place, once, trigger, make=lambda: self._deliveries.pressed_form(action_id, value, place))
        else:
            payload = {"kind": "press", "action": action_id, "value": value, "message_ts": payloads.message_ts(body)}
            self._accept(ack, place, once, payload)

    def view(self, ack: Ack, body: dict[str, Any]) -> None:
        """A form that was sent: errors are told beside its fields, effects are stored before it closes."""
        view = body["view"]
        channel, _, carried = str(view.get("private_metadata", "")).partition(" ")
        place = Place(body["user"]["id"], channel)
        key = f"{view['id']}/{payloads.sha(view.get('state', {}))}"
        once = Once(team=payloads.team(body), key=key, kind="form")
        handle = REGISTRY.forms.get(view.get("callback_id", ""))
        if handle is None:
            _timed(ack, "unknown")
            log.info("slack.unknown", extra={"id": view.get("callback_id", "")})
            return
        values, sent = payloads.values(view)

        def fill() -> Filled:
            actor = self._deliveries.sender_of_form(place)
            return Filled(
                desk=self._deliveries.hasty, actor=actor, values=values, files=sent, carried=carried, once=once
            )

        self._boundary(place, lambda: self._taken(ack, view, handle, fill, once=once))
        if ack.response is None:  # it broke on our side, and the person was told so
            _timed(ack, "form")

    def _taken(
        self, ack: Ack, view: dict[str, Any], handle: AnswerForm, fill: Callable[[], Filled], *, once: Once
    ) -> View | None:
        """Take a form before it closes; what cannot be taken is told beside a field, or to the person where none is."""
        try:
            filled = fill()
            answer = handle(filled)
            row_id = self._deliveries.keep_files(filled, answer) if isinstance(answer, Upload) else None
        except FieldErrors as error:
            ack(response_action="errors", errors=error.errors)
            return None
        except Repeated:
            _timed(ack, "form")
            return None
        except (Refused, Upstream) as error:
            field = payloads.first_field(view)
            if not field:
                _timed(ack, "form")
                if self._deliveries.is_first(once):
                    raise
                return None
            ack(response_action="errors", errors={field: str(error)})
            return None
        _timed(ack, "form")
        if row_id is not None:
            self._deliveries.work_off(row_id)
        return answer.view if isinstance(answer, Answer) else None

    def keep(self, body: dict[str, Any], context: dict[str, Any], next_: Callable[[], Any]) -> Any:  # noqa: ANN401 (Bolt's)
        """A mention or a direct message is a command, a file may be labels: kept before Bolt acknowledges the event.

        Where the database is busy Slack is told to send it again.
        """
        place, payload = payloads.asked_by_event(payloads.part(body, "event"))
        if payload:
            try:
                kept = self._deliveries.accept(_event_once(body), place, payload)
            except Unavailable:
                REQUESTS.labels(kind="event", outcome="busy").inc()
                return BoltResponse(status=503)
            context["row_id"] = kept
        REQUESTS.labels(kind="event", outcome="taken").inc()
        return next_()

    def event(self, body: dict[str, Any], context: dict[str, Any]) -> None:
        """What was kept is worked off; an opened Home is filled. Bolt acknowledged it."""
        event = payloads.part(body, "event")
        place = Place(str(event.get("user") or ""), str(event.get("channel") or ""))
        if event.get("type") == "app_home_opened" and event.get("tab", "home") == "home":
            if self._deliveries.is_first(_event_once(body)):
                seen = str(payloads.part(event, "view").get("hash") or "")
                self._boundary(place, lambda: self._homes.opened(place.person, seen))
        elif context.get("row_id") is not None:
            self._deliveries.work_off(context["row_id"])

    def shortcut(self, ack: Ack, body: dict[str, Any]) -> None:
        """A shortcut that was picked from a message's menu, or from the one beside the message box."""
        callback, place = str(body.get("callback_id", "")), payloads.place_of(body)
        if callback not in REGISTRY.shortcuts:
            self._boundary(place, lambda: _stale(self._deliveries, body))
            self.passed(ack, body)
            return
        trigger = str(body.get("trigger_id", ""))
        sent = tuple(files.sent(one) for one in payloads.parts(payloads.part(body, "message"), "files"))
        once = Once(team=payloads.team(body), key=trigger or payloads.sha(body), kind="shortcut")
        self._open(ack, place, once, trigger, make=lambda: self._deliveries.picked_form(callback, sent, place))

    def passed(self, ack: Ack, body: dict[str, Any]) -> None:
        """What we know of and do nothing about."""
        _timed(ack, "other")
        log.info("slack.passed", extra={"type": body.get("type", "")})

    def _words(self, ack: Ack, words: str, place: Place, once: Once, *, trigger: str) -> None:
        try:
            asked = grammar.parse(words)
        except Refused as error:
            message = render(notice.refused(error))
            ack(text=message.text, blocks=message.blocks)
            REQUESTS.labels(kind="command", outcome="refused").inc()
            return
        command = REGISTRY.commands[asked.verb]
        if command.opens(asked):
            again = asked.line()
            self._open(ack, place, once, trigger, make=lambda: self._deliveries.form(words, place), again=again)
        else:
            self._accept(ack, place, once, {"kind": "words", "words": words})

    def _accept(self, ack: Ack, place: Place, once: Once, payload: dict[str, Any]) -> None:
        try:
            row_id = self._deliveries.accept(once, place, payload)
        except Unavailable as error:
            self._busy(ack, place, once, str(error))
            return
        _timed(ack, once.kind)
        if row_id is not None:
            self._deliveries.work_off(row_id)

    def _busy(self, ack: Ack, place: Place, once: Once, why: str) -> None:
        _timed(ack, once.kind)
        self._boundary(place, lambda: notice.Refusal(why, "If it stays busy: /assay doctor"))

    def _open(self, ack: Ack, place: Place, once: Once, trigger: str, *, make: MakeForm, again: str = "") -> None:
        """Open a form once; ``again`` are the words that ask for it anew when Slack's three seconds were over."""
        try:
            is_first = self._deliveries.is_first(once)
        except Unavailable as error:
            self._busy(ack, place, once, str(error))
            return
        _timed(ack, once.kind)
        if is_first:
            self._boundary(place, lambda: self._opened(place, trigger, make, again))

    def _opened(self, place: Place, trigger: str, make: MakeForm, again: str) -> View | None:
        found = make()
        if not isinstance(found, Form):
            return found.view
        form = render_form(found.view)
        form["private_metadata"] = f"{place.channel} {form['private_metadata']}"  # the channel to answer in comes along
        form["external_id"] = payloads.sha(trigger)  # a second try of this one opening is known by it
        verb = again.partition(" ")[0]
        try:
            self._slack.open_form(trigger, form)
        except SlackRefused as error:
            if error.code == SPENT:
                return None
            if error.code in CLOSED:
                gone = "The form was closed before it was ready."
                return notice.Refusal(gone, "Ask again, and it opens.", suggestion=verb, words=again)
            if error.code not in EXPIRED:
                raise
            late = "The form took too long to open; Slack allows three seconds."
            return notice.Refusal(late, "Ask again, and it opens.", suggestion=verb, words=again)
        self._deliveries.meet(place.person)
        return None


def _event_once(body: dict[str, Any]) -> Once:
    return Once(team=payloads.team(body), key=str(body.get("event_id")), kind="event")


def _stale(deliveries: Deliveries, body: dict[str, Any]) -> View:
    place = payloads.place_of(body)
    mail.refresh(deliveries.desk, place.channel, payloads.message_ts(body))
    said = "This button is from an older version of Assay."
    return notice.Refusal(said, "What waits for you: /assay approvals")


def _timed(ack: Ack, kind: str) -> None:
    ack()
    REQUESTS.labels(kind=kind, outcome="taken").inc()
