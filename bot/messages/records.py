"""One decision record, as far as people see it: what every view of a verdict is shown with."""

from __future__ import annotations

from typing import Any


def _rung(contender: str, dev_score: float | None, seconds: float, words: str = "") -> dict[str, Any]:
    rung = contender.partition("-")[0]
    scored = {"dev_score": dev_score, "seconds": seconds, "skipped": None, "alarm": None}
    if dev_score is not None:
        scored |= {"valid_share": 1.0, "latency_p50_ms": 0.8, "latency_p95_ms": 1.9}
    return {"rung": rung, "contender": contender, "words": words, **scored}


def _option(contender: str, dev_score: float | None, call_nano: int | None = None, why: str = "") -> dict[str, Any]:
    tried = {"valid_share": 0.997, "latency_p50_ms": 610.0, "latency_p95_ms": 1430.0} if dev_score is not None else {}
    return {
        "contender": contender,
        "model": "gpt-4o-mini",
        "simulated": False,
        "why": why or None,
        "dev_score": dev_score,
        "call_nano": call_nano,
        **tried,
    }


def _line(name: str, shown: float, *, is_best: bool) -> dict[str, Any]:
    return {"name": name, "shown": shown, "is_best": is_best}


def record(**changes: object) -> dict[str, Any]:
    """A decision record, as far as people see it."""
    return {
        "run": "inv-7k3mq9ab",
        "feature": "ticket-router",
        "decision": "SHIP_CHEAPER",
        "labels_version": "5c1f09ab77de",
        "policy_hash": "a91c" * 16,
        "seal_look": 1,
        "candidate": {"contender": "tfidf-1", "rung": "tfidf", "words": "word counts, C 1", "artifact": "d3b0" * 16},
        "prompted": {"contender": "baseline", "model": "gpt-4o-mini", "simulated": False},
        "quality": quality(),
        "contenders": [
            _option("baseline", 0.91, 1_100_000),
            _option("few_shot", 0.887, 1_300_000),
            _option("cheaper", None, why="no cheaper tier listed"),
        ],
        "leaderboard": {
            "prompted": {"lines": [_line("baseline", 0.91, is_best=True), _line("few_shot", 0.91, is_best=False)]},
            "tuned": {
                "lines": [
                    _line("majority", 0.41, is_best=True),
                    _line("tfidf-1", 0.913, is_best=True),
                    _line("tfidf-3", 0.913, is_best=False),
                ]
            },
            "lookups": 14,
            "worn": False,
        },
        "gates": [
            {"name": "freshness", "status": "pass", "value": 0.1, "limit": 7.0},
            {"name": "slice refunds", "status": "pass", "value": 0.011, "limit": -0.04},
        ],
        "prompting": {"name": "baseline", "ratio": 1.0, "production_usd": 0.0011},
        "dev": {
            "classes_recall": [
                {
                    "name": "billing",
                    "rows": 120,
                    "candidate": {"estimate": 0.9, "low": 0.833, "high": 0.942},
                    "prompted": {"estimate": 0.942, "low": 0.885, "high": 0.971},
                },
                {"name": "bug", "rows": 0, "candidate": None, "prompted": None},
            ],
            "calibration": {"temperature": 1.4, "ece": 0.031},
        },
        "left_out": {"shown": 0, "teacher": 0},
        "rungs": [
            _rung("majority", 0.41, 0.2, "most frequent answer"),
            _rung("tfidf-1", 0.913, 14.0, "word counts, C 1"),
            _rung("tfidf-3", 0.915, 14.0, "word counts, C 3"),
            {**_rung("lora_causal", None, 0.0, "LoRA chat model"), "skipped": "needs a GPU"},
        ],
        "bill": {"paid_calls": 600, "input_tokens": 90_000, "output_tokens": 3_000, "nano_usd": 1_350_000_000},
        "cost": {
            "month_saving_usd": 812.0,
            "payback_months": 7.4,
            "npv_usd": 2100.0,
            "hosting_month_usd": 73.0,
            "plan": {"fixed_month_usd": 373.0, "baseline_call_usd": 0.0011},
        },
        "reasons": ["not worse by more than the margin, and cheaper"],
        "settles": None,
        "scores": {
            "candidate": {"latency_p50_ms": 4.1, "latency_p95_ms": 9.7, "valid_share": 1.0, "call_nano": None},
            "prompted": {
                "latency_p50_ms": 610.0,
                "latency_p95_ms": 1430.0,
                "valid_share": 0.997,
                "call_nano": 1_100_000,
            },
        },
        **changes,
    }


def quality() -> dict[str, Any]:
    """The quality part of a record, as it left the seal."""
    return {
        "metric": "accuracy",
        "n": 300,
        "candidate": 0.931,
        "prompted": 0.915,
        "difference": 0.016,
        "low": -0.016,
        "high": 0.049,
        "step": 0.016,
        "bits": 28.8,
        "level": 0.96,
        "margin": 0.02,
        "finding": "not_worse",
    }
