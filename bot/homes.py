"""Each person's Home tab: shown when it is opened, and anew when what it shows has changed.

Knows nothing of what a Home says; ``bot.messages.home`` does.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta
from typing import Any

from bot.blockkit import degrade
from bot.blockkit.render import View, render_home
from bot.blockkit.shape import Json, mapping, mappings, string
from bot.messages import home
from bot.surface import GONE_PERSON, TOO_LARGE, Slack, SlackRefused
from engine.desk import Desk, approvals, bills, features, investigations, mail, watch
from engine.desk.bills import BillView
from engine.models.mail import Outbox

log = logging.getLogger(__name__)

COMMAND = "/assay"
BILL_KEPT = timedelta(minutes=1)  # a change shows many Homes anew, and the month's money is the same in all
SHORT_PAGE = 3  # features on a page where Slack finds ten too much
REFUSED = ("invalid_arguments", "invalid_blocks")
GONE = (*GONE_PERSON, "not_enabled")


class Homes:
    """Publishes Homes. What did not change is not sent again."""

    def __init__(self, desk: Desk, slack: Slack) -> None:
        self._desk = desk
        self._slack = slack
        self._bill: tuple[datetime, BillView] | None = None

    def opened(self, person: str, seen: str) -> None:
        """Somebody looks at their Home; ``seen`` is the hash of what Slack shows them, "" for nothing yet."""
        shown = mail.open_home(self._desk, person)
        if seen != shown.hash:
            shown = shown.model_copy(update={"hash": seen, "sha": ""})
        self._publish(shown)

    def spread(self, _row: Outbox) -> None:
        """Something changed: every Home that was opened lately is looked through, one row each."""
        mail.spread_homes(self._desk)

    def renew(self, row: Outbox) -> None:
        """Show one person's Home as it is now. Raises what ``Slack.call`` raises."""
        shown = mail.home(self._desk, row.entity_id)
        if shown is not None:
            self._publish(shown)

    def _publish(self, shown: mail.Home) -> None:
        view = self._view(shown)
        sha = hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
        if sha == shown.sha:
            return
        try:
            said = self._sent(shown, view)
        except SlackRefused as error:
            if error.code not in GONE:
                raise
            log.info("home.gone", extra={"code": error.code})
            return
        known = string(mapping(said.get("view")).get("hash"))
        mail.show_home(self._desk, shown.model_copy(update={"hash": known, "sha": sha}))

    def _sent(self, shown: mail.Home, view: Json) -> dict[str, Any]:
        asked: Json = {"user_id": shown.person, "view": view}
        try:
            return self._slack.call("views.publish", asked | ({"hash": shown.hash} if shown.hash else {}))
        except SlackRefused as error:
            if error.code == "hash_conflict":  # somebody else of ours was faster; what is rendered is the newest state
                return self._slack.call("views.publish", asked | {"view": self._view(shown)})
            if error.code == TOO_LARGE:
                return self._slack.call("views.publish", asked | {"view": self._view(shown, most=SHORT_PAGE)})
            if error.code not in REFUSED:
                raise
            log.error("blocks.refused", extra={"code": error.code})  # noqa: TRY400 (no trace: a message of ours is wrong)
            plain = {**view, "blocks": degrade.plainer(mappings(view["blocks"]))}
            return self._slack.call("views.publish", asked | {"view": plain})

    def _view(self, shown: mail.Home, *, most: int = home.FEATURES) -> Json:
        now = self._desk.services.clock.now()
        if self._bill is None or not timedelta(0) <= now - self._bill[0] < BILL_KEPT:
            self._bill = (now, bills.month(self._desk))
        return render_home(look(self._desk, shown.person, self._bill[1], start=shown.start, most=most))


def look(desk: Desk, person: str, cost: BillView, *, start: int = 0, most: int = home.FEATURES) -> View:
    """What a person's Home says now: ``most`` features a page, from ``start`` on, and the month's ``cost`` of all."""
    owned = features.owned(desk, person, most, start=start)
    if not owned.total:
        return home.Welcome(COMMAND)
    looks = watch.months(desk, [one.slug for one in owned.features])
    waiting = approvals.for_voter(desk, person, home.WAITING)
    return home.home(waiting, owned, looks, most=most, running=investigations.running(desk), cost=cost)
