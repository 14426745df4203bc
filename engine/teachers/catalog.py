"""Ask an endpoint which models it lists, and which of them will be shut down. Knows nothing of features."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

import openai

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0


def listed(base_url: str, key: str) -> Mapping[str, date | None] | None:
    """Each model of ``/v1/models`` with its announced last day (``shutdown_date``), if it has one; none: no answer."""
    try:
        http = openai.DefaultHttpxClient(follow_redirects=False, timeout=TIMEOUT_SECONDS)  # nor is a key sent elsewhere
        with openai.OpenAI(base_url=base_url, api_key=key, http_client=http, max_retries=0) as client:
            return _read(client.get("/models", cast_to=object))
    except (openai.OpenAIError, ValueError):
        log.info("models.unlisted", extra={"host": base_url})
        return None


def _read(said: object) -> dict[str, date | None]:
    """What an endpoint says, which may be anything: rows without a name are left out."""
    rows: Any = cast("dict[str, Any]", said).get("data") if isinstance(said, dict) else None
    found = cast("list[Any]", rows) if isinstance(rows, list) else []
    named = [cast("dict[str, Any]", row) for row in found if isinstance(row, dict)]
    return {row["id"]: _day(row.get("shutdown_date")) for row in named if isinstance(row.get("id"), str)}


def shutdown_days(base_url: str, key: str) -> dict[str, date] | None:
    """The announced last day of each model that has one; none: no answer."""
    found = listed(base_url, key)
    return None if found is None else {name: day for name, day in found.items() if day is not None}


def _day(said: Any) -> date | None:  # noqa: ANN401 (whatever the endpoint says)
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said, UTC).date()
        return datetime.fromisoformat(said).date() if isinstance(said, str) else None
    except (ValueError, OverflowError, OSError):
        return None
