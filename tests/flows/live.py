"""A live tuned model with months of traffic behind it, by hand: worked example A of docs/rules.md 6."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.desk import Desk, policies, prices
from engine.flows.steps import checkup
from engine.models.actor import Actor, Role
from engine.models.call import HourlyUsage
from engine.models.checkup import Checkup
from engine.models.money import NANO
from engine.models.rollout import Mode, Rollout, RolloutStatus, Stage
from engine.store import checkups, deeds, verdicts
from engine.store import features as feature_rows
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from tests.builders import ASKER, SLUG, a_feature, a_verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "gpt-4o-mini"
CALLS = 30_000  # a day; 800 tokens in and 20 out each
FED, SAID = 800, 20
BO = Actor(id="U3", role=Role.APPROVER)


def a_live_model(desk: Desk, clock: FixedClock, *, at: datetime = START, base_url: str = "", **record: Any) -> None:
    """Registered, judged and live from a moment on, on one whole GPU, with a policy that keeps to yearly retraining."""
    clock.moment = at
    a_feature(desk, model=MODEL, base_url=base_url)
    policies.change(
        desk, ASKER, "", {"cost_retrain_months": "12", "cost_retraining_usd": "3600", "stage_holdback": "0"}
    )
    a_price(desk, at)
    a_verdict(desk)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        verdict = verdicts.newest_of(tx, feature.id or 0)
        assert verdict is not None
        verdict.record = {**verdict.record, **judged(), **record}
        tx.add(verdict)
        rollout = rollout_rows.add(tx, Rollout(
            feature_id=feature.id or 0, open_feature_id=feature.id, verdict_id=verdict.id or 0, artifact="d3b0" * 16,
            salt="s", requested_by="U1", channel="C1", created_at=at, stage_since=at,
            stage=Stage.LIVE, share=1.0, status=RolloutStatus.RUNNING,
        ))  # fmt: skip
        rollout_rows.set_route(tx, rollout, mode=Mode.TUNED, share=1.0, at=at)
        deeds.record(
            tx, clock, BO, "shift", entity="rollout", entity_id=str(rollout.id), feature_id=feature.id,
            before={"stage": "draft"}, after={"stage": "live", "status": "running", "share": 1.0},
        )  # fmt: skip


def a_price(desk: Desk, at: datetime, *, model: str = MODEL, fed_usd: float = 2.5, said_usd: float = 10.0) -> None:
    """What a model costs from a day on, US dollars per million tokens."""
    price = prices.DatedPrice(
        model=model, input_usd=fed_usd, output_usd=said_usd, starts_on=at.date(), source="made up"
    )  # fmt: skip
    prices.set_price(desk, ASKER, price)


def judged() -> dict[str, Any]:
    """What a verdict's record says beside its example: a GPU model, as good as the prompted one."""
    plan = {
        "calls_per_month": 930_000, "baseline_call_usd": 0.0022, "tuned_call_usd": 0.0,
        "fixed_month_usd": 1084.0, "one_time_usd": 6448.8,
    }  # fmt: skip
    return {
        "candidate": {"contender": "lora-1", "rung": "lora_causal", "artifact": "d3b0" * 16, "dev_score": 0.93},
        "cost": {"month_saving_usd": 962.0, "plan": plan},
        "quality": {
            "metric": "accuracy", "n": 300, "candidate": 0.917, "prompted": 0.91, "difference": 0.007,
            "low": -0.014, "high": 0.028, "level": 0.96, "margin": 0.02, "finding": "not_worse",
        },
        "parts": {"train": 1400, "dev": 300, "sealed": 300},
        "scores": {"prompted": {"rows": 300, "tokens_in": 300 * FED, "tokens_out": 300 * SAID}},
    }  # fmt: skip


def a_month_of_traffic(
    desk: Desk, start: datetime, days: int, *, side: str = "tuned", a_day: int = CALLS, call_usd: float | None = 0.0,
    role: str = "answer", fed: int = FED, latency: bytes = b"", sizes: bytes = b"", served: str = "",
) -> None:  # fmt: skip
    """Simulated calls on each of so many days; ``call_usd`` of none is unpriced, ``served`` is the side if not told."""
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        for day in range(days):
            tx.add(HourlyUsage(
                hour=start + timedelta(days=day, hours=10), feature_id=feature_id, assigned=side,
                served=served or side, model=MODEL if (served or side) == "baseline" else "tuned-1", source="test",
                role=role, n=a_day, tokens_in=a_day * fed, tokens_out=a_day * SAID,
                cost_nano_usd=round(a_day * (call_usd or 0.0) * NANO), unpriced_n=a_day if call_usd is None else 0,
                latency=latency, prompt_sizes=sizes,
            ))  # fmt: skip


def looked(desk: Desk, clock: FixedClock, period: str, now: datetime) -> Checkup:
    """The stored checkup of a month, made at a moment."""
    clock.moment = now
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
    checkup.look(desk.services, feature_id, period)
    with desk.services.database.read() as tx:
        found = checkups.of(tx, feature_id, period)
    assert found is not None
    return found
