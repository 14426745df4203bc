"""Quote, start, watch, cancel and compare investigations. One open run per feature."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.desk import Desk
from engine.errors import Conflict, NotReady
from engine.flows.durable import Queue
from engine.flows.steps import progress, release
from engine.flows.steps import quote as quotes
from engine.flows.steps.quote import Quote
from engine.flows.steps.reading import measure
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.investigation import OPEN_STATES, Brief, Effort, Investigation, RunState, RunTask
from engine.models.mail import Once
from engine.models.money import from_usd, to_usd
from engine.store import deeds, features, investigations, mail, verdicts, work
from engine.store.database import Tx

__all__ = ["DEFAULT_BUDGET_USD", "Quote", "RunView"]

DEFAULT_BUDGET_USD = 50.0
_RUN_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: ids are read aloud and typed


class RunView(Value):
    """A run as people see it: where it stands, its lines of progress, and once there is one the verdict's record.

    ``rows_needed`` further sealed rows would settle it, about ``labels_needed`` uploaded labels bring them; both none
    where more do not help. ``record`` is what leaves the seal of it (``engine.flows.steps.release``), never the stored
    one. ``quote`` is there for a run that was started this moment.
    """

    run_id: str
    slug: str
    state: RunState
    effort: Effort
    budget_usd: float
    requested_by: str
    channel: str = ""
    step: str
    tasks: tuple[RunTask, ...]
    reason: str
    lost_since: str = ""
    outcome: str = ""
    rows_needed: int | None = None
    labels_needed: int | None = None
    record: dict[str, Any] = Field(default_factory=dict)
    existed: bool = False
    quote: Quote | None = None
    version: int = 1


def quote(
    desk: Desk, slug: str, *, budget_usd: float, effort: Effort | None, again: bool = False, votes: bool = False
) -> Quote:
    """Say what would be done. No verdict can come out: ``NotReady``; a budget out of range or no votes: ``Invalid``.

    ``again`` trains last time's recipe alone, with last time's effort where none is said; ``votes`` has the current
    prompt asked several times a row too.
    """
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        found = measure(tx, desk.services, feature)
        return quotes.of_feature(
            tx, desk.services, feature, budget_usd=budget_usd, effort=effort, again=again, votes=votes
        ).model_copy(
            update={
                "reading": found.reading.outcome.value,
                "reading_names": found.reading.names,
                "month_spend_usd": found.facts.month_spend_usd,
            }
        )


def start(
    desk: Desk,
    actor: Actor,
    slug: str,
    *,
    budget_usd: float = DEFAULT_BUDGET_USD,
    effort: Effort | None = None,
    again: bool = False,
    votes: bool = False,
    once: Once | None = None,
) -> RunView:
    """Start a run, or give back the open one (``existed``). Row, deed, message and queued work commit together.

    ``again`` trains last time's recipe alone, with last time's effort where none is said; else that is normal.
    ``votes`` has the current prompt asked several times a row too, as the policy says.

    Raises ``NotReady`` when no verdict can come out: too few labels or groups, or all looks at the sealed rows used;
    ``Invalid`` for votes where answers are not worked out.
    """

    def quoted_in(tx: Tx, feature: Feature) -> Quote:
        return quotes.of_feature(
            tx, desk.services, feature, budget_usd=budget_usd, effort=effort, again=again, votes=votes
        )

    with desk.services.database.read() as tx:  # a quote reads long: nobody who writes is kept waiting by it
        feature = features.by_slug(tx, slug)
        needs_quote = investigations.open_of(tx, feature.id or 0) is None and not (once and mail.is_taken(tx, once))
        quoted = quoted_in(tx, feature) if needs_quote else None
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        known = investigations.open_of(tx, feature.id or 0)
        if known is not None:
            return view(desk, tx, known).model_copy(update={"existed": True})
        quoted = quoted or quoted_in(tx, feature)  # one that was open has just ended
        run = investigations.add(
            tx,
            Investigation(
                run_id="inv-" + "".join(secrets.choice(_RUN_ALPHABET) for _ in range(8)),
                feature_id=feature.id or 0,
                open_feature_id=feature.id,
                effort=quoted.effort,
                follows=quoted.last.run_id if quoted.last else "",
                votes=votes,
                budget_nano=from_usd(budget_usd),
                requested_by=actor.id,
                channel=actor.channel or feature.channel,
                created_at=desk.services.clock.now(),
            ),
        )
        desk.durable.enqueue(tx, "investigate", run.run_id, Brief(run_id=run.run_id).model_dump(), queue=Queue.HEAVY)
        after = {"run": run.run_id, "effort": run.effort, "budget_usd": budget_usd, "follows": run.follows}
        after |= {"votes": True} if votes else {}
        _deed(desk, tx, actor, "investigate", run=run, after=after)
        progress.tell(tx, desk.services, run)
        return view(desk, tx, run).model_copy(update={"quote": quoted})


def status(desk: Desk, words: str = "") -> list[RunView]:
    """The newest runs; of one feature, or one run by its id. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        if words.startswith("inv-") and features.find(tx, words) is None:  # a feature may be called so, too
            return [view(desk, tx, investigations.by_run(tx, words))]
        if words:
            feature = features.by_slug(tx, words)
            newest = investigations.newest_of(tx, feature.id or 0)
            return [view(desk, tx, newest)] if newest else []
        return [view(desk, tx, run) for run in investigations.recent(tx)]


def running(desk: Desk) -> list[RunView]:
    """The runs that have not ended, oldest first."""
    with desk.services.database.read() as tx:
        return [view(desk, tx, run) for run in investigations.open_runs(tx)]


def cancel(desk: Desk, actor: Actor, run_id: str, *, once: Once | None = None) -> RunView:
    """Ask the engine to end a run; it ends within 5 s, a queued one at once. Raises ``Conflict`` when it has ended."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        run = investigations.alone(tx, run_id)
        if run.state not in OPEN_STATES:
            raise Conflict(f"{run_id} has ended already ({run.state}). Nothing was changed.")
        run.cancel_requested = True
        run.version += 1
        tx.add(run)
        if run.state is RunState.QUEUED:
            investigations.end(
                tx, run, RunState.CANCELLED, reason="Cancelled before it began.", at=desk.services.clock.now()
            )
        _deed(desk, tx, actor, "cancel", run=run, after={"state": run.state})
        progress.tell(tx, desk.services, run)
        return view(desk, tx, run)


def compare(desk: Desk, slug: str) -> RunView:
    """The newest verdict's run with its whole record. Raises ``NotReady`` when there is none."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        verdict = verdicts.newest_of(tx, feature.id or 0)
        if verdict is None:
            raise NotReady(f"{slug} has no verdict yet.", hint=f"Start one: /assay investigate {slug}")
        return view(desk, tx, investigations.by_run(tx, verdict.run_id))


def view(desk: Desk, tx: Tx, run: Investigation) -> RunView:
    """A run as people see it, inside a transaction."""
    verdict = verdicts.of_run(tx, run.run_id)
    settles: dict[str, int] | None = verdict.record.get("settles") if verdict else None
    return RunView(
        run_id=run.run_id,
        slug=features.by_id(tx, run.feature_id).slug,
        state=run.state,
        effort=run.effort,
        budget_usd=to_usd(run.budget_nano),
        requested_by=run.requested_by,
        channel=run.channel,
        step=run.step,
        tasks=tuple(progress.tasks(run)),
        reason=run.reason,
        lost_since=_lost_since(desk, tx, run),
        outcome=verdict.outcome if verdict else "",
        rows_needed=settles["rows"] if settles else None,
        labels_needed=settles["labels"] if settles else None,
        record=release.of_record(verdict.record) if verdict else {},
        version=run.version,
    )


def _lost_since(desk: Desk, tx: Tx, run: Investigation) -> str:
    """The moment contact with the engine was lost, for an open run; never "running" without a heartbeat."""
    if run.state not in OPEN_STATES:
        return ""
    return work.silent_since(tx, "engine", desk.services.clock.now())


def _deed(desk: Desk, tx: Tx, actor: Actor, verb: str, *, run: Investigation, after: Mapping[str, object]) -> None:
    deeds.record(
        tx,
        desk.services.clock,
        actor,
        verb,
        entity="investigation",
        entity_id=run.run_id,
        feature_id=run.feature_id,
        after=after,
    )
