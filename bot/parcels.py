"""Files out: made when they are sent, announced in a direct message, and put into its thread once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.blockkit.render import Message, render
from bot.messages import notice
from bot.surface import Slack, SlackRefused
from engine.desk import Desk, exports, mail
from engine.desk.exports import Packed
from engine.errors import Refused
from engine.models.actor import Actor
from engine.models.mail import MailState, Outbox

log = logging.getLogger(__name__)

SPENT_ADDRESS = "invalid_upload_url"  # a new one is asked for once


class Parcels:
    """Makes and sends files. ``report`` gives the HTML of a run's report."""

    def __init__(self, desk: Desk, slack: Slack, *, report: Callable[[str], str]) -> None:
        self._desk = desk
        self._slack = slack
        self._report = report

    def send(self, row: Outbox) -> None:
        """Make a row's file and send it; a refusal is sent in its place. Raises what ``Slack.call`` raises."""
        asked = row.payload
        try:
            made = self._made(asked["kind"], asked["name"], Actor(id=asked["person"], channel=asked["channel"]))
        except Refused as error:
            said = render(notice.refused(error))
            mail.post(self._desk, row.channel, "chat.postMessage", {"text": said.text, "blocks": said.blocks})
            return
        view = notice.Parcel(asked["kind"], asked["slug"], made.name)
        channel, _, thread = (row.ts or self._announced(row, render(view))).partition(" ")
        if row.state is MailState.UNSURE and self._slack.has_file(channel, thread):
            return
        try:
            self._slack.upload(channel, thread, made.name, made.content)
        except SlackRefused as error:
            if error.code != SPENT_ADDRESS:
                raise
            self._slack.upload(channel, thread, made.name, made.content)
        log.info("file.sent", extra={"kind": asked["kind"], "feature": asked["slug"], "bytes": len(made.content)})

    def _announced(self, row: Outbox, message: Message) -> str:
        """Where the announcement stands; kept at once, so that a second try does not announce again."""
        metadata = {"event_type": "assay_outbox", "event_payload": {"outbox_id": row.uid}}
        body = {"channel": row.channel, "text": message.text, "blocks": message.blocks, "metadata": metadata}
        said = self._slack.call("chat.postMessage", body)
        place = f"{said['channel']} {said['ts']}"
        mail.keep_place(self._desk, row, place)
        return place

    def _made(self, kind: exports.Kind, name: str, actor: Actor) -> Packed:
        match kind:
            case "export":
                return exports.packed(self._desk, actor, name)
            case "refused":
                return exports.refused_rows(self._desk, name)
            case "report":
                return Packed(name=f"assay-report-{name}.html", content=self._report(name).encode())
