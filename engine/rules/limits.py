"""The range in which each value of a policy may be set, so that no edit breaks a rule that reads it.

Knows nothing of who edits or where policies are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.rules.address import refused
from engine.rules.calendar import zone_of
from engine.rules.watch import models, shutdowns

NONE = "none"  # how an empty list of words is set and shown
WORDS: Mapping[str, str] = {  # settings that are words, with an example of each
    "evaluation_cheaper_model": "gpt-5-nano",
    "evaluation_protected_slices": "refunds,fraud",
    "evaluation_judge_model": "claude-haiku-4-5",
    "evaluation_judge_url": "https://api.anthropic.com/v1",
    "evaluation_banned_words": "guarantee,at no cost",
    "rebaseline_models": "gpt-5-mini,gpt-5-nano",
    "rebaseline_shutdowns": "gpt-4o-mini=2027-01-31",
    "digest_zone": "Europe/Berlin",
    "digest_trackers": "mlflow,wandb",
}
TRACKERS = ("mlflow", "wandb")
_WORDS_MOST = 500  # characters


def _one_model(text: str) -> str:
    if len(models(text)) > 1:
        raise ValueError(f"it names {text[:40]!r}; one model is asked")
    return text


def _names(text: str) -> str:
    if len(text) > _WORDS_MOST:
        raise ValueError(f"it has {len(text):,} characters; at most {_WORDS_MOST}")
    return text


def _trackers(text: str) -> str:
    unknown = [name for name in text.split(",") if text and name.strip() not in TRACKERS]
    if unknown:
        raise ValueError(f"it names {unknown[0][:40]!r}; known are {' and '.join(TRACKERS)}")
    return text


def _address(text: str) -> str:
    why = refused(text) if text else ""
    if why:
        raise ValueError(f"it {why}")
    return text


_READS: Mapping[str, Callable[[str], object]] = {
    "evaluation_cheaper_model": _one_model,
    "evaluation_protected_slices": _names,
    "evaluation_judge_model": _one_model,
    "evaluation_judge_url": _address,
    "evaluation_banned_words": _names,
    "rebaseline_models": models,
    "rebaseline_shutdowns": shutdowns,
    "digest_zone": zone_of,
    "digest_trackers": _trackers,
}
_MOST = 10_000_000.0
_AMOUNTS = ("_usd", "_minutes", "_hours", "_months", "ticks", "odds")
_LIMITS: Mapping[str, tuple[float, float]] = {  # where the kind of value does not say it all
    "verdict_alpha": (0.0001, 0.1),
    "verdict_power": (0.5, 0.99),
    "verdict_rows_cap": (1_000, _MOST),
    "evaluation_dev_share": (0.05, 0.4),
    "evaluation_sealed_share": (0.05, 0.5),
    "evaluation_sealed_share_most": (0.05, 0.5),
    "evaluation_sealed_rows_least": (50, _MOST),
    "evaluation_train_rows_least": (50, _MOST),
    "evaluation_assumed_disagreement": (0.01, 1.0),
    "evaluation_parity_floor": (0.9, 1.0),
    "evaluation_parity_rows": (20, 10_000),
    "evaluation_fresh_days": (1.0, 7.0),
    "evaluation_latency_ceiling_ms": (0.0, 600_000.0),
    "evaluation_dev_lookups_most": (10, 10_000),
    "evaluation_votes": (3, 25),
    "evaluation_vote_temperature": (0.1, 2.0),
    "cost_retrain_months": (0.1, 120.0),
    "cost_months": (1, 60),
    "stage_alpha": (0.0001, 0.1),
    "stage_safe_odds": (1.0, _MOST),
    "stage_mismatch_odds": (1.0, _MOST),
    "stage_ticks": (1.0, 1_000.0),
    "stage_holdback": (0.0, 0.5),
    "stage_cost_ceiling": (1.0, 10.0),
    "readiness_override_reason_letters": (1, 100),
    "readiness_override_days": (1, 90),
    "advice_quiet_run": (1, 12),
    "advice_noisy_run": (1, 12),
    "advice_shutdown_days": (1.0, 1_000.0),
    "advice_least_days_live": (0.0, 1_000.0),
    "advice_watch_until": (-1.0, 1.0),
    "advice_watch_below": (-1.0, 1.0),
    "advice_retire_below": (-1.0, 1.0),
    "drift_calls": (100, _MOST),
    "drift_bins": (2, 100),
    "drift_alpha": (0.0001, 0.1),
    "rebaseline_alpha": (0.0001, 0.1),
    "rebaseline_rows": (50, 10_000),
    "audit_rows": (0, 2_000),
    "audit_rows_least": (20, 10_000),
    "audit_odds": (1.0, _MOST),
    "audit_again": (0, 500),
    "digest_hour": (0, 23),
    "digest_weekday": (0, 6),
}


def limits(name: str, usual: float) -> tuple[float, float]:
    """Give the least and the most that ``name`` (kind and field, as ``cost_minute_usd``) may be.

    ``usual`` is its default: a fraction of 1 or less that is no amount is a share.
    """
    if name in _LIMITS:
        return _LIMITS[name]
    is_share = isinstance(usual, float) and 0.0 <= usual <= 1.0 and not name.endswith(_AMOUNTS)
    return (0.0, 1.0) if is_share else (0.0, _MOST)


def read_words(name: str, words: str) -> str:
    """Give the words a setting is set to, "" for ``none``. Raises ValueError for words it cannot be."""
    text = words.strip()
    text = "" if text.lower() == NONE else text
    try:
        _READS[name](text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return text
