"""The sender: takes rows of the outbox and makes Slack show them. Pace, retry, look before sending twice.

Knows nothing of what messages say: a projection is rendered by ``bot.projections`` at the moment it is sent.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from bot.blockkit import degrade
from bot.blockkit.render import Message, render
from bot.messages import notice
from bot.metrics import OUTBOX_DEPTH, OUTBOX_OLDEST
from bot.pace import WAIT_MOST, Pace
from bot.projections import Rendered
from bot.surface import DEAD_TOKEN, GONE_PERSON, SHUT_PERSON, Slack, SlackRefused, Unsure
from engine.desk import Desk, mail
from engine.errors import NotFound, RateLimited, Unavailable, Upstream, WorkFailed
from engine.models.mail import MailState, Outbox

log = logging.getLogger(__name__)

UPDATE_SECONDS = 5.0  # one message is updated at most this often
GIVE_UP = timedelta(hours=24)
LOOK_AGAIN_SECONDS = 5.0
HOLD_SECONDS = 600.0  # where history cannot be read: wait, send once more, say so
IDLE_SECONDS = 0.25
LOST_MESSAGE = ("message_not_found",)
CLOSED_MESSAGE = ("cant_update_message", "edit_window_closed")
UNFIT = ("invalid_blocks", "msg_blocks_too_long", "msg_too_long")
NO_WAY_IN = ("not_in_channel", "channel_not_found", "is_archived", "restricted_action")
NOT_READABLE = ("missing_scope", "not_in_channel", "channel_not_found")

Render = Callable[[Outbox], Rendered | None]
Special = Callable[[Outbox], None]


class Sender:
    """One per process. ``specials`` take rows that are no messages: deliveries to work off, files to fetch."""

    def __init__(
        self,
        desk: Desk,
        slack: Slack,
        *,
        render: Render,
        specials: dict[str, Special],
        monotonic: Callable[[], float] = time.monotonic,
        team: str = "",
    ) -> None:
        self._desk = desk
        self._team = team
        self._slack = slack
        self._render = render
        self._specials = specials
        self._pace = Pace(monotonic)
        self._in_hand: Outbox | None = None
        self.dead_token = ""

    def run(self, stopping: threading.Event) -> None:
        """Send until told to stop."""
        while not stopping.is_set():
            sent = self.step()
            if not sent:
                stopping.wait(IDLE_SECONDS)

    def step(self) -> int:
        """Send what may go now; how many rows were worked on. A busy database is tried again, never an end."""
        if self.dead_token:
            return 0
        try:
            self._let_go()
            depth = mail.depth(self._desk)
            OUTBOX_DEPTH.labels(team=self._team).set(depth.waiting)
            OUTBOX_OLDEST.labels(team=self._team).set(depth.oldest_seconds)
            return self._pass()
        except Unavailable as error:
            log.warning("outbox.waits", extra={"why": str(error)})
            return 0

    def _let_go(self) -> None:
        """A row that could not be settled, because the database was busy just then, may or may not have arrived."""
        if self._in_hand is not None:
            mail.settle(self._desk, self._in_hand, MailState.UNSURE)
            self._in_hand = None

    def _pass(self) -> int:
        held: set[str] = set()
        worked = 0
        for row in mail.due(self._desk):
            if self.dead_token:
                break
            if row.channel and row.channel in held:
                continue  # order is kept per channel
            if not self._may_go(row):
                held.add(row.channel)
            elif mail.claim(self._desk, row):
                worked += 1
                self._in_hand = row
                self._one(row)
                self._in_hand = None
        return worked

    def _may_go(self, row: Outbox) -> bool:
        if row.method == mail.HOME:
            return self._pace.wait_for_home() <= 0
        if row.method in self._specials:
            return True
        if row.method == mail.PROJECT:
            shown = mail.shown(self._desk, row)
            if shown is not None:
                return shown.seconds_ago >= UPDATE_SECONDS and self._pace.wait_for_update() <= 0
        return self._pace.wait_for_post(row.channel) <= 0

    def _one(self, row: Outbox) -> None:
        try:
            if row.method in self._specials:
                self._special(row)
            elif row.method == mail.PROJECT:
                self._project(row)
            else:
                self._post(row)
        except RateLimited as error:
            self._pace.rest(row.channel, error.retry_after)
            self._pace.rest("chat.update", error.retry_after)
            log.info("outbox.rests", extra={"seconds": error.retry_after})
            mail.settle(self._desk, row, _as_before(row), wait_seconds=error.retry_after, error=str(error))
        except Unsure as error:
            mail.settle(self._desk, row, MailState.UNSURE, wait_seconds=LOOK_AGAIN_SECONDS, error=str(error))
        except SlackRefused as error:
            self._refused(row, error)
        except Upstream as error:
            self._later(row, str(error))
        except WorkFailed as error:  # it cannot be rendered; the reference is in the log
            mail.settle(self._desk, row, MailState.DEAD, error=str(error))

    def _special(self, row: Outbox) -> None:
        if row.method == mail.HOME:
            self._pace.homes.append(self._pace.monotonic())
        self._specials[row.method](row)
        mail.settle(self._desk, row, MailState.SENT)

    def _post(self, row: Outbox) -> None:
        if row.state is MailState.UNSURE and self._arrived(row):
            return
        self._pace.posts[row.channel].append(self._pace.monotonic())
        metadata = {"event_type": "assay_outbox", "event_payload": {"outbox_id": row.uid}}
        said = self._slack.call(row.method, {**row.payload, "channel": row.channel, "metadata": metadata})
        mail.settle(self._desk, row, MailState.SENT, ts=str(said.get("ts", "")))

    def _project(self, row: Outbox) -> None:
        try:
            rendered = self._render(row)
        except NotFound:
            rendered = None
        if rendered is None:
            mail.settle(self._desk, row, MailState.SENT, error="nothing to show")
            return
        shown = mail.shown(self._desk, row)
        if shown is None and row.state is MailState.UNSURE and self._arrived(row, rendered):
            return
        if shown is None:
            self._post_first(row, rendered)
        elif shown.sha == rendered.sha:
            mail.settle(self._desk, row, MailState.SENT, ts=shown.ts)
        else:
            self._update(row, shown.ts, rendered)

    def _post_first(self, row: Outbox, rendered: Rendered) -> None:
        self._pace.posts[row.channel].append(self._pace.monotonic())
        ts = self._degrading(rendered.message, lambda message: self._slack.post(row.channel, message, uid=row.uid))
        mail.show_as(self._desk, row, ts=ts, sha=rendered.sha, version=rendered.version)

    def _update(self, row: Outbox, ts: str, rendered: Rendered) -> None:
        self._pace.updates.append(self._pace.monotonic())

        def update(message: Message) -> str:
            self._slack.update(row.channel, ts, message)
            return ts

        try:
            self._degrading(rendered.message, update)
        except SlackRefused as error:
            if error.code in LOST_MESSAGE:
                if row.state is not MailState.UNSURE or not self._arrived(row, rendered):
                    self._post_first(row, rendered)
                return
            if error.code not in CLOSED_MESSAGE:
                raise
            self._slack.call(
                "chat.postMessage", {"channel": row.channel, "thread_ts": ts, "text": rendered.message.text}
            )
        mail.show_as(self._desk, row, ts=ts, sha=rendered.sha, version=rendered.version)

    def _degrading(self, message: Message, send: Callable[[Message], str]) -> str:
        for tried in (message, Message(degrade.plainer(message.blocks), message.text)):
            try:
                return send(tried)
            except SlackRefused as error:
                if error.code not in UNFIT:
                    raise
                log.error("blocks.refused", extra={"code": error.code})  # noqa: TRY400 (no trace: a message of ours is wrong)
        return send(Message([], message.text))

    def _arrived(self, row: Outbox, rendered: Rendered | None = None) -> bool:
        """Whether an unsure post is in the channel; absent at two looks 5 s apart means it may be sent again."""
        try:
            ts = self._slack.find(row.channel, row.uid, since=row.created_at.timestamp() - 60)
        except SlackRefused as error:
            if error.code not in NOT_READABLE:
                raise
            if row.error != "held":
                mail.settle(self._desk, row, MailState.UNSURE, wait_seconds=HOLD_SECONDS, error="held")
                return True
            log.warning("outbox.maybe_twice", extra={"row": row.id})
            return False
        if ts is None and row.error != "looked":
            mail.settle(self._desk, row, MailState.UNSURE, wait_seconds=LOOK_AGAIN_SECONDS, error="looked")
            return True
        if ts is None:
            return False
        if rendered is None:
            mail.settle(self._desk, row, MailState.SENT, ts=ts)
        else:
            mail.show_as(self._desk, row, ts=ts, sha="", version=0)
        return True

    def _refused(self, row: Outbox, error: SlackRefused) -> None:
        if error.code in DEAD_TOKEN:
            self.dead_token = error.code
            log.error("outbox.stopped", extra={"code": error.code})
            mail.settle(self._desk, row, _as_before(row), error=error.code)
            return
        if error.code in NO_WAY_IN or error.code == "missing_scope":
            log.warning("outbox.shut_out", extra={"channel": row.channel, "code": error.code})
            if error.code in NO_WAY_IN:
                told = render(notice.ShutOut(row.channel, error.code))
                mail.tell_owner(self._desk, row.channel, {"text": told.text, "blocks": told.blocks})
            self._later(row, str(error), least=WAIT_MOST)
            return
        passed_on = error.code in (*GONE_PERSON, *SHUT_PERSON) and mail.pass_on(self._desk, row)
        log.error("outbox.dead", extra={"row": row.id, "code": error.code, "passed_on": passed_on})
        mail.settle(self._desk, row, MailState.DEAD, error=error.code)

    def _later(self, row: Outbox, why: str, *, least: float = 1.0) -> None:
        if self._desk.services.clock.now() - row.created_at > GIVE_UP:
            log.error("outbox.dead", extra={"row": row.id, "why": why})
            mail.settle(self._desk, row, MailState.DEAD, error=why)
            return
        wait = min(max(2.0 ** min(row.attempts, 6), least), WAIT_MOST) * random.uniform(0.8, 1.2)  # noqa: S311 (jitter)
        mail.settle(self._desk, row, _as_before(row), wait_seconds=wait, error=why)


def _as_before(row: Outbox) -> MailState:
    """Where a row stands after a try that had no effect: what was unsure before it still is."""
    return MailState.UNSURE if row.state is MailState.UNSURE else MailState.READY
