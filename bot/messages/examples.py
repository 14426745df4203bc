"""One good example of each of the desk's nouns, from which every view's ``example()`` is made."""

from __future__ import annotations

from bot.messages.records import quality, record
from engine.desk.approvals import ApprovalView
from engine.desk.features import FeatureView
from engine.desk.investigations import Quote, RunView
from engine.desk.labels import DraftView
from engine.desk.rollouts import RolloutView
from engine.models.investigation import Effort, RunState, RunTask, TaskState
from engine.models.rollout import ApprovalState, Stage


def feature(**changes: object) -> FeatureView:
    """A registered feature."""
    return FeatureView.model_validate(
        {
            "slug": "ticket-router",
            "approach": "classify",
            "model": "gpt-4o-mini",
            "base_url": "https://api.openai.com/v1",
            "simulated": False,
            "owner": "U0ANN",
            "channel": "C0AI",
            "margin": 0.02,
            "quality_bar": 0.9,
            "classes": ("billing", "bug", "howto"),
            "rights": "customer contract allows training",
            "live_since": "2026-03-02",
            "labels_version": "5c1f09ab77de",
            "train": 1400,
            "dev": 300,
            "sealed": 300,
            "next_step": "/assay investigate ticket-router",
            **changes,
        }
    )


def draft(**changes: object) -> DraftView:
    """An upload with one bad row."""
    return DraftView.model_validate(
        {
            "token": "tQ3xYv81LmZk0aBc",
            "slug": "ticket-router",
            "filename": "tickets.csv",
            "rows": 437,
            "bad": ("line 9: output is empty",),
            "bad_count": 1,
            "classes": (("billing", 201), ("bug", 140), ("howto", 96)),
            "duplicates": 3,
            "copies_of_sealed": 2,
            "redacted": (("email", 12),),
            "warnings": ("howto has only 96 rows",),
            **changes,
        }
    )


def quote(**changes: object) -> Quote:
    """What an investigation would do."""
    return Quote.model_validate(
        {
            "slug": "ticket-router",
            "effort": Effort.NORMAL,
            "budget_usd": 50.0,
            "train_rows": 1400,
            "dev_rows": 300,
            "sealed_rows": 300,
            "model": "gpt-4o-mini",
            "simulated": False,
            "prompted_calls": 900,
            "prospects": {
                "uploads": 43_000,
                "plan": {
                    "rows": 300,
                    "rows_needed": 8803,
                    "provable": 0.108,
                    "disagreement": 0.42,
                    "is_measured": False,
                    "labels_needed": 3698,
                    "labels_saved": 5105,
                },
                "look": 1,
                "margin": 0.02,
                "left_out": 0,
                "money_known": True,
                "cheaper": "no cheaper tier listed",
                "cheaper_model": "",
                "prompted": 2,
                "lookups": 14,
                "worn": False,
            },
            "asking": {"usd": 0.34, "probes": 0},
            "trainings": {
                "rungs": (
                    {"rung": "majority", "trainings": 1, "seconds": 0.4, "memory_mb": 150},
                    {"rung": "tfidf", "trainings": 3, "seconds": 11.0, "memory_mb": 307},
                    {"rung": "frozen", "trainings": 1, "seconds": None, "memory_mb": 915},
                    {"rung": "lora_encoder", "why": "no encoder weights found"},
                )
            },
            "reading": "STAY",
            "reading_names": ("volume", "low_volume"),
            "month_spend_usd": 2.2,
            **changes,
        }
    )


TASKS = (
    RunTask(name="labels frozen", state=TaskState.COMPLETE, note="1,400 train, 300 dev, 300 sealed"),
    RunTask(name="ask gpt-4o-mini", state=TaskState.COMPLETE),
    RunTask(name="train tfidf", state=TaskState.RUNNING, note="45%"),
    RunTask(name="train lora_causal", state=TaskState.SKIPPED, note="needs a GPU"),
    RunTask(name="verdict"),
)


def run(**changes: object) -> RunView:
    """A run under way."""
    return RunView.model_validate(
        {
            "run_id": "inv-7k3mq9ab",
            "slug": "ticket-router",
            "state": RunState.RUNNING,
            "effort": Effort.NORMAL,
            "budget_usd": 50.0,
            "requested_by": "U0ANN",
            "step": "train tfidf",
            "tasks": TASKS,
            "reason": "",
            **changes,
        }
    )


def judged(**changes: object) -> RunView:
    """A run that ended with a verdict."""
    told = record(**changes)
    settles: dict[str, int] = told["settles"] or {}
    return run(
        state=RunState.DONE,
        outcome=told["decision"],
        rows_needed=settles.get("rows"),
        labels_needed=settles.get("labels"),
        record=told,
        step="verdict",
    )


def rollout(**changes: object) -> RolloutView:
    """A rollout at 1 %."""
    return RolloutView.model_validate(
        {
            "slug": "ticket-router",
            "outcome": "SHIP_CHEAPER",
            "run_id": "inv-7k3mq9ab",
            "rollout_id": 1,
            "stage": Stage.CANARY_1,
            "share": 0.01,
            "next_stage": Stage.CANARY_5,
            "gate": "HOLD",
            "reasons": ("too few hours", "too few units"),
            "share_before": 0.01,
            "mark": "1.3.5c1f09ab77de",
            "evidence": stage_evidence(),
            "horizon": {
                "needs": (
                    {"name": "hours", "have": 3.0, "need": 24.0},
                    {"name": "units", "have": 94.0, "need": 100.0},
                ),
                "days": 12,
                "calls_a_day": 164_000,
                "is_slow": False,
            },
            "served": {
                "server": "local",
                "state": "ready",
                "base_url": "http://127.0.0.1:40123/v1",
                "agree": 200,
                "asked": 200,
                "is_open": True,
            },
            **changes,
        }
    )


def stage_evidence() -> dict[str, object]:
    """Both sides of a stage at 1 %."""
    numbers = {"invalid": 0, "slow": 61, "slow_known": 1_200, "thumbs": 4, "thumbs_down": 1}
    many = {**numbers, "slow": 5_940, "slow_known": 118_800}
    return {
        "arms": (
            {"arm": "baseline", "n": 118_800, "errors": 475, "units": 9_210, **many},
            {"arm": "tuned", "n": 1_200, "errors": 9, "units": 94, **numbers},
        ),
        "guardrails": (
            {"name": "errors", "log_e": 1.3, "limit": 5.0752, "baseline": 0.004, "tuned": 0.0075},
            {"name": "slow", "log_e": -0.4, "limit": 5.0752, "baseline": 0.05, "tuned": 0.0508},
            {"name": "thumbs_down", "log_e": 0.0, "limit": 5.0752, "baseline": None, "tuned": 0.25},
            {
                "name": "judge",
                "log_e": 0.0,
                "limit": 5.0752,
                "baseline": None,
                "tuned": None,
                "unknown": "no text of this stage is captured yet",
            },
        ),
    }


def approval(**changes: object) -> ApprovalView:
    """A request for 25 %, with one of two votes."""
    return ApprovalView.model_validate(
        {
            "token": "9f2KqTzv0aXh4Wc1",
            "version": 3,
            "slug": "ticket-router",
            "state": ApprovalState.PENDING,
            "from_stage": Stage.CANARY_5,
            "to_stage": Stage.CANARY_25,
            "from_share": 0.05,
            "to_share": 0.25,
            "needed": 2,
            "requested_by": "U0ANN",
            "voters": ("U0BO",),
            "approvers": ("U0BO", "U0CY"),
            "evidence": {
                "run": "inv-7k3mq9ab",
                "outcome": "SHIP_CHEAPER",
                "quality": quality(),
                "model": "gpt-4o-mini",
                "calls_a_day": 164_000,
                "days": 9,
            },
            "created_at": "2026-11-03T14:02:00+00:00",
            "expires_at": "2026-11-06T14:02:00+00:00",
            **changes,
        }
    )
