"""What a person does on the page, turned into what Slack would send the app, and the answer applied.

Knows nothing of HTML; what it says to a person comes from `templates/standin/notice.txt.j2`.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from bot.blockkit.shape import Json, mappings, string
from bot.standin import files, messages, methods_chat, payloads, people, state, tickets
from bot.standin.context import Standin
from bot.standin.files import Upload
from bot.standin.messages import Place
from bot.standin.notices import notice
from bot.standin.refusals import ApiRefused, Unanswered
from bot.standin.room import Channel, Person, Room

log = logging.getLogger(__name__)

NAME = re.compile(r"(?<![\w<])([@#])([\w.-]*\w)")


@dataclass(frozen=True)
class Hand:
    """Somebody at the page: who, and the address they reached it under."""

    standin: Standin
    person: Person
    base_url: str

    @property
    def room(self) -> Room:
        """The room they are in."""
        return self.standin.room

    def whisper(self, place: Place, text: str) -> None:
        """A line from the stand-in itself that only this person sees."""
        private = Place(place.channel, place.thread_ts, self.person.id)
        messages.post(self.room, private, "USLACKBOT", {"text": text})


def escaped(room: Room, text: str, *, named: bool) -> str:
    """Text as Slack hands it to apps: `& < >` escaped, @name and #channel turned into ids."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    persons = {found.name: found.id for found in people.persons(room)}
    channels = {found.name: found.id for found in people.channels(room) if not found.dm_with}

    def link(found: re.Match[str]) -> str:
        sign, name = found.group(1), found.group(2)
        known = (persons if sign == "@" else channels).get(name.lower())
        if known is None:
            return found.group(0)
        return f"<{sign}{known}|{name}>" if named or sign == "#" else f"<{sign}{known}>"

    return NAME.sub(link, safe)


async def say(hand: Hand, place: Place, text: str) -> None:
    """Send a line: the app's command, an invitation, or a message."""
    word, _, rest = text.strip().partition(" ")
    work = hand.room.workspace
    if word == work.command and not place.thread_ts:
        await _command(hand, place, rest.strip())
    elif word == work.command:
        hand.whisper(place, notice("no_command_in_thread", command=work.command))
    elif word == "/invite" and rest.strip().lower().lstrip("@") == work.app_name.lower():
        people.app_joins(hand.room, place.channel)
        hand.whisper(place, notice("app_invited", app=work.app_name))
    elif word.startswith("/"):
        hand.whisper(place, notice("unknown_command", command=word, known=work.command))
    elif text.strip():
        share(hand, place, text, [])


async def _command(hand: Hand, place: Place, text: str) -> None:
    where = people.channel(hand.room, place.channel)
    assert where is not None
    payload = payloads.command(hand.room, hand.person, where, escaped(hand.room, text, named=True))
    answers = {"channel": place.channel, "user": hand.person.id}
    payload["response_url"] = tickets.issue_response_url(hand.room, hand.base_url, answers)
    payload["trigger_id"] = hand.standin.triggers.issue(hand.person.id)
    try:
        answer = await hand.standin.delivery.ask("slash_commands", payload)
    except Unanswered as missed:
        hand.whisper(place, notice("unanswered", app=hand.room.workspace.app_name, reason=missed.reason))
        return
    if answer.get("text") or answer.get("blocks"):
        _acknowledged(hand, place, answer)


def _acknowledged(hand: Hand, place: Place, answer: Json) -> None:
    reader = "" if answer.get("response_type") == "in_channel" else hand.person.id
    try:
        content = methods_chat.checked(answer)
    except ApiRefused as refused:
        log.warning("acknowledgement.refused", extra={"code": refused.code})
        hand.whisper(place, notice("bad_answer", code=refused.code, problems=refused.more.get("errors", [])))
        return
    messages.post(hand.room, Place(place.channel, "", reader), hand.room.workspace.bot_user_id, content)


def share(hand: Hand, place: Place, text: str, file_ids: list[str]) -> None:
    """Post a person's message, with files or without, and tell the app what its events promise."""
    room, where = hand.room, people.channel(hand.room, place.channel)
    assert where is not None
    shared = [files.complete(room, file_id, title="", channel=where.id) for file_id in file_ids]
    content: Json = {"text": escaped(room, text, named=False), "files": shared}
    if shared:
        content["subtype"] = "file_share"
    body = messages.post(room, place, hand.person.id, content)
    for file in shared:
        files.place(room, string(file.get("id")), where.id, body)
    if not where.has_app:
        return
    if where.dm_with:
        hand.standin.delivery.tell(payloads.event(room, payloads.message_event(where, body)))
    elif f"<@{room.workspace.bot_user_id}>" in string(body.get("text")):
        hand.standin.delivery.tell(payloads.event(room, payloads.message_event(where, body, mention=True)))
    for file in shared:
        inner = payloads.file_shared(hand.person, place, file, string(body.get("ts")))
        hand.standin.delivery.tell(payloads.event(room, inner))


def keep_upload(hand: Hand, name: str, content: bytes) -> Json:
    """A file chosen on the page: kept, not yet shared."""
    file = files.begin(hand.room, Upload(hand.person.id, name, hand.base_url))
    return files.fill(hand.room, string(file.get("id")), content)


async def press(hand: Hand, where: Channel, ts: str, pressed: str, *, fields: state.Fields) -> str:
    """Press an element of a message; returns what to tell the person, empty when all is well."""
    message = messages.shown(hand.room, where.id, ts, hand.person.id)
    if message is None:
        return notice("message_gone")
    blocks = mappings(message.get("blocks"))
    spot = next((found for found in state.numbered(blocks) if found.name == pressed), None)
    if spot is None:
        return notice("button_gone")
    payload = payloads.press_in_message(hand.room, hand.person, where, message)
    answers = {"channel": where.id, "user": hand.person.id, "ts": ts, "thread_ts": string(message.get("thread_ts"))}
    payload["response_url"] = tickets.issue_response_url(hand.room, hand.base_url, answers)
    payload["state"] = {"values": state.values(hand.room, blocks, fields)}
    payload["actions"] = [state.action(hand.room, spot, fields.get(pressed, []))]
    payload["trigger_id"] = hand.standin.triggers.issue(hand.person.id)
    return await interact(hand, payload)


async def pick(hand: Hand, where: Channel, callback_id: str, ts: str) -> str:
    """Pick a shortcut, of a message where `ts` names one; returns what to tell the person, empty when all is well."""
    payload = payloads.shortcut(hand.room, hand.person, callback_id)
    if ts:
        message = messages.shown(hand.room, where.id, ts, hand.person.id)
        if message is None:
            return notice("message_gone")
        payload = payloads.message_shortcut(hand.room, hand.person, where, callback_id, message=message)
        answers = {"channel": where.id, "user": hand.person.id, "ts": ts}
        payload["response_url"] = tickets.issue_response_url(hand.room, hand.base_url, answers)
    payload["trigger_id"] = hand.standin.triggers.issue(hand.person.id)
    return await interact(hand, payload)


async def interact(hand: Hand, payload: Json) -> str:
    """Deliver a press; returns what to tell the person, empty when all is well."""
    try:
        await hand.standin.delivery.ask("interactive", payload)
    except Unanswered as missed:
        return notice("unanswered", app=hand.room.workspace.app_name, reason=missed.reason)
    return ""


def checked_place(hand: Hand, channel_id: str, thread_ts: str) -> Place:
    """A place this person may write to."""
    visible = {found.id for found in people.visible(hand.room, hand.person.id)}
    if channel_id not in visible:
        raise ApiRefused("channel_not_found")
    return Place(channel_id, thread_ts)
