"""Ask an endpoint which of its models will be shut down, where its list says so. Knows nothing of features."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import Any

import openai

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0


def shutdown_days(base_url: str, key: str) -> dict[str, date] | None:
    """The announced last day of each model that has one (``shutdown_date`` in ``/v1/models``); none: no answer."""
    try:
        with openai.OpenAI(base_url=base_url, api_key=key, timeout=TIMEOUT_SECONDS, max_retries=0) as client:
            rows = [(model.id, getattr(model, "shutdown_date", None)) for model in client.models.list()]
    except (openai.OpenAIError, ValueError):
        log.warning("models.unlisted", extra={"host": base_url})
        return None
    days = ((name, _day(said)) for name, said in rows)
    return {name: day for name, day in days if day is not None}


def _day(said: Any) -> date | None:  # noqa: ANN401 (whatever the endpoint says)
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said, UTC).date()
        return datetime.fromisoformat(said).date() if isinstance(said, str) else None
    except (ValueError, OverflowError, OSError):
        return None
