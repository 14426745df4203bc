"""Which message shows which row: the newest state of an entity, rendered. Decides nothing and sends nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.blockkit.render import Message, View, render
from bot.messages import approval, digest, feature, investigation, labelling, labels, queue, rollout, watch
from engine.desk import (
    Desk,
    approvals,
    digests,
    drills,
    features,
    investigations,
    labellings,
    queues,
    retirements,
    rollouts,
)
from engine.desk import labels as uploads
from engine.desk import watch as clocks
from engine.models.mail import Outbox
from engine.models.rollout import ApprovalState, RolloutStatus


@dataclass(frozen=True)
class Rendered:
    """A message, the sha256 of what it shows, and the version of the row it shows."""

    message: Message
    sha: str
    version: int


PageUrl = Callable[[str], str]  # the address of a page by what it shows, "" where no address is known


@dataclass(frozen=True)
class Projections:
    """Renders rows. ``report_url`` gives the address of a run's report page, ``digest_url`` a month's."""

    desk: Desk
    report_url: PageUrl
    digest_url: PageUrl = lambda _period: ""

    def render(self, row: Outbox) -> Rendered | None:
        """The newest state of the row's entity; none for an entity nobody shows. Raises ``NotFound``."""
        made = _ENTITIES.get(row.entity)
        if made is None:
            return None
        view, version = made(self, row.entity_id)
        message = render(view)
        body = json.dumps([message.text, message.blocks], sort_keys=True).encode()
        return Rendered(message, hashlib.sha256(body).hexdigest(), version)

    def run(self, run_id: str) -> tuple[View, int]:
        """The one message of an investigation: progress while it is open, the verdict once there is one."""
        (seen,) = investigations.status(self.desk, run_id)
        return investigation.card(seen, report_url=self.report_url(run_id)), seen.version


def _feature(projections: Projections, slug: str) -> tuple[View, int]:
    seen = features.show(projections.desk, slug)
    return feature.Card(seen), seen.version


def _draft(projections: Projections, token: str) -> tuple[View, int]:
    seen = uploads.draft(projections.desk, token)
    return labels.preview(seen), seen.number


def _labelling(projections: Projections, run_id: str) -> tuple[View, int]:
    seen = labellings.show(projections.desk, run_id)
    return labelling.card(seen), seen.number


def _queue(projections: Projections, name: str) -> tuple[View, int]:
    seen = queues.by_name(projections.desk, name)
    return queue.queue(seen), seen.number


def _turn(projections: Projections, turn_id: str) -> tuple[View, int]:
    seen = queues.turn(projections.desk, int(turn_id))
    return queue.turn(seen), seen.number


def _rollout(projections: Projections, rollout_id: str) -> tuple[View, int]:
    seen = rollouts.by_id(projections.desk, int(rollout_id))
    return rollout.state(seen), seen.version


def _machine(projections: Projections, rollout_id: str) -> tuple[View, int]:
    seen = rollouts.by_id(projections.desk, int(rollout_id))
    hows: dict[RolloutStatus, rollout.Moved] = {RolloutStatus.PAUSED: "paused", RolloutStatus.RUNNING: "settled"}
    how = hows.get(seen.status, "rolled_back")
    return rollout.moved(seen, how, reason=seen.reason), seen.version


def _drill(projections: Projections, drill_id: str) -> tuple[View, int]:
    seen = drills.by_id(projections.desk, int(drill_id))
    return rollout.Drilled(seen), seen.version


def _approval(projections: Projections, token: str) -> tuple[View, int]:
    seen = approvals.show(projections.desk, token)
    return approval.card(seen), seen.version


def _recall(projections: Projections, token: str) -> tuple[View, int]:
    seen = approvals.show(projections.desk, token)
    made = approval.recalled(seen) if seen.state is ApprovalState.PENDING else approval.decided(seen)
    return made, seen.version


def _digest(projections: Projections, period: str) -> tuple[View, int]:
    seen = digests.show(projections.desk, period)
    return digest.month(seen, page_url=projections.digest_url(period)), seen.version


def _alerts(projections: Projections, week: str) -> tuple[View, int]:
    return watch.alerts(clocks.alerts(projections.desk, week)), 1


def _memo(projections: Projections, rollout_id: str) -> tuple[View, int]:
    seen = retirements.memo(projections.desk, int(rollout_id))
    return watch.Memo(seen), seen.version


_ENTITIES: Mapping[str, Callable[[Projections, str], tuple[View, int]]] = {
    "feature": _feature,
    "investigation": Projections.run,
    "draft": _draft,
    "labelling": _labelling,
    "queue": _queue,
    "turn": _turn,
    "rollout": _rollout,
    "machine": _machine,
    "drill": _drill,
    "approval": _approval,
    "recall": _recall,
    "digest": _digest,
    "alerts": _alerts,
    "memo": _memo,
}
