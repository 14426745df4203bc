"""One good example of a month: a feature's checkup, and the digest of four of them."""

from __future__ import annotations

from typing import Any

from bot.messages import examples
from engine.desk.digests import DigestView


def look(**changes: object) -> dict[str, Any]:
    """One feature's month, as a checkup measures it."""
    return {
        "slug": "ticket-router",
        "model": "gpt-4o-mini",
        "simulated": False,
        "calls": 4_920_000,
        "spend_nano": 1_120_000_000_000,
        "unpriced": 0,
        "p95_ms": 1430.0,
        "outcome": "SHIP_CHEAPER",
        "run": "inv-7k3mq9ab",
        "quality": examples.quality(),
        "month_saving_usd": 812.0,
        "verdict_days": 41,
        "stage": "live",
        "status": "running",
        "share": 1.0,
        "stage_days": 33,
        "advantage": 0.62,
        "advice": "KEEP",
        "reasons": ["still better than the best prompted option"],
        "is_live": True,
        "live_days": 33,
        "bill": {"hosting_usd": 73.0, "retraining_usd": 100.0, "total_usd": 412.0, "unknown": []},
        "counterfactual_usd": 1104.0,
        "saved_usd": 692.0,
        "keep_month_usd": 420.0,
        "best_month_usd": 1104.0,
        "crossover": {"months": None, "low": None, "high": None, "reason": "only 2 months; no date can be given"},
        "scheduled_months": None,
        "rebaselined": "2026-10",
        "retrain_due": [],
        "audit": {
            "rows": 118,
            "quality": 0.93,
            "low": 0.87,
            "high": 0.96,
            "bar": 0.89,
            "log_e": -2.1,
            "broken": False,
            "missing": 12,
            "queue": "que-7k3mq9ab",
            "why": "",
        },
        "people": {
            "twice": {"rows": 41, "least": 30, "kappa": 0.84, "low": 0.7, "high": 0.98, "too_low": False},
            "again": {
                "rows": 30,
                "agreed": 0.9,
                "low": 0.74,
                "high": 0.97,
                "moved": False,
                "asked": "2026-09-01",
                "flips": [{"was": "billing", "now": "bug", "rows": 2}],
            },
        },
        "shutdowns": [],
        "spent_usd": 6448.8,
        "snooze": None,
        **changes,
    }


def digest(**changes: object) -> DigestView:
    """A month of four features."""
    unknown = {
        "calls": None,
        "spend_nano": None,
        "quality": None,
        "outcome": "",
        "advice": None,
        "stage": "",
        "share": 0.0,
        "verdict_days": None,
        **dict.fromkeys(("bill", "counterfactual_usd", "saved_usd", "keep_month_usd", "best_month_usd", "advantage")),
        **dict.fromkeys(("crossover", "live_days", "spent_usd", "reasons")),
    }
    parted: dict[str, Any] = {
        "twice": {"rows": 38, "least": 30, "kappa": 0.52, "low": 0.31, "high": 0.73, "too_low": True},
        "again": {
            "rows": 30, "agreed": 0.67, "low": 0.49, "high": 0.81, "moved": True, "asked": "2026-09-01",
            "flips": [{"was": "refund", "now": "exchange", "rows": 7}, {"was": "refund", "now": "fault", "rows": 1}],
        },
    }  # fmt: skip
    falling: dict[str, Any] = {
        "people": parted,
        "advice": "RETIRE",
        "advantage": -0.2,
        "reasons": ["2 bad months in a row"],
        "keep_month_usd": 504.0,
        "best_month_usd": 420.0,
        "saved_usd": -84.0,
        "counterfactual_usd": 420.0,
        "bill": {"hosting_usd": 73.0, "total_usd": 504.0, "unknown": []},
        "shutdowns": [{"name": "gpt-4o-mini", "side": "prompted", "on": "2027-01-20", "days": 80}],
    }
    snoozed: dict[str, Any] = {
        "people": None,
        "advice": "WATCH",
        "advantage": 0.07,
        "snooze": {"by": "U0ANN", "until": "2026-11-30", "reason": "the contract ends in November"},
    }
    lines = (
        look(),
        look(slug="refund-reason", **falling),
        look(slug="reply-draft", **snoozed),
        look(slug="tone-check", **unknown),
    )
    months = (
        {"period": "2026-09", "paid_usd": 812.0, "prompted_usd": 2204.0},
        {"period": "2026-10", "paid_usd": 1328.0, "prompted_usd": 2628.0},
    )
    made = {"period": "2026-10", "lines": lines, "posted": True, "months": months}
    return DigestView.model_validate({**made, **changes})
