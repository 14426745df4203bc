"""A team that has used Assay for a while: many features, each judged, half of them live, with months of hourly sums."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert
from sqlmodel import select

from engine.desk import Desk, approvals, features, labels, open_desk, operate, roles
from engine.models.actor import Actor, Role
from engine.models.call import HourlyUsage
from engine.models.mail import MailState, Outbox
from engine.models.rollout import Mode, Rollout, RolloutStatus, Stage
from engine.services import build
from engine.settings import Settings
from engine.store import features as feature_rows
from engine.store import rollouts as rollout_rows
from engine.store import verdicts
from tests.builders import a_feature, a_verdict, asked, csv_of
from tests.flows.live import a_price, judged

OWNER, APPROVER = Actor(id="U1", role=Role.OPERATOR, channel="C1"), "U2"
MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-5-mini")
WAITING, ROWS = 30, 40


def busy_team(home: Path, count: int, *, days: int) -> None:
    """Fill an empty deployment with so many features, every second of them live, and so many days of sums."""
    services = build(Settings(home=home, database_url=f"sqlite:///{home / 'assay.db'}"))
    operate.prepare(services)
    with closing(open_desk(services)) as desk:
        fill(desk, count, days=days)
    services.database.close()


def fill(desk: Desk, count: int, *, days: int) -> None:
    """The same for a desk there is."""
    now = desk.services.clock.now()
    slugs = [f"feature-{number}" for number in range(1, count + 1)]
    for model in MODELS:
        a_price(desk, now - timedelta(days=400), model=model)
    roles.name(desk, OWNER, "", {Role.APPROVER: (APPROVER, "U3"), Role.ADMIN: ("U4",)})
    for number, slug in enumerate(slugs):
        a_feature(desk, by=OWNER, slug=slug, model=MODELS[number % len(MODELS)])
        labels.import_file(desk, OWNER, slug, "labels.csv", content=csv_of(range(ROWS)))
        a_verdict(desk, slug=slug, run_id=f"inv-{number:08d}")
        if number % 2:
            _go_live(desk, slug, now - timedelta(days=40))
        elif number < 2 * WAITING:
            asked(desk, by=OWNER, slug=slug)
    _traffic(desk, slugs, now, days)


def _go_live(desk: Desk, slug: str, at: datetime) -> None:
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, slug)
        verdict = verdicts.newest_of(tx, feature.id or 0)
        assert verdict is not None
        verdict.record = {**verdict.record, **judged()}
        tx.add(verdict)
        rollout = rollout_rows.add(tx, Rollout(
            feature_id=feature.id or 0, open_feature_id=feature.id, verdict_id=verdict.id or 0, artifact="d3b0" * 16,
            salt="s", requested_by="U1", channel="C1", created_at=at, stage_since=at,
            stage=Stage.LIVE, share=1.0, status=RolloutStatus.RUNNING,
        ))  # fmt: skip
        rollout_rows.set_route(tx, rollout, mode=Mode.TUNED, share=1.0, at=at)


def _traffic(desk: Desk, slugs: list[str], now: datetime, days: int) -> None:
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
    with desk.services.database.write() as tx:
        for number, slug in enumerate(slugs):
            feature_id = feature_rows.by_slug(tx, slug).id or 0
            side = "tuned" if number % 2 else "baseline"
            model = MODELS[number % len(MODELS)] if side == "baseline" else "tuned-1"
            made = HourlyUsage(
                hour=start, feature_id=feature_id, assigned=side, served=side, model=model, source="test", n=100,
                tokens_in=80_000, tokens_out=2_000, cost_nano_usd=0 if number % 2 else 220_000_000,
            ).model_dump(exclude={"id"})  # fmt: skip
            rows = [{**made, "hour": start + timedelta(hours=hour)} for hour in range(days * 24)]
            tx.connection().execute(insert(HourlyUsage), rows)
        for row in tx.exec(select(Outbox)):  # what was told in the past was told
            row.state = MailState.SENT
    assert features.names(desk)
    assert approvals.pending(desk)
