"""One way to log: ``noun.past_participle`` as the message, facts in ``extra``, JSON lines when nobody watches."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

CONTEXT: ContextVar[dict[str, str]] = ContextVar("assay_log_context", default={})  # noqa: B039 (never changed in place)

_QUIET = (
    "slack_bolt",
    "slack_sdk",
    "openai",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "uvicorn",
    "apscheduler",
    "alembic",
    "dbos",
    "asyncio",
)
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Facts(logging.Formatter):
    """Event, level, time, context and facts; a traceback where there is one."""

    def __init__(self, *, lines: bool) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        facts = {name: value for name, value in vars(record).items() if name not in _KNOWN}
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._lines:
            body = {
                "at": moment,
                "level": record.levelname.lower(),
                "event": record.getMessage(),
                **CONTEXT.get(),
                **facts,
            }
            return json.dumps(body | ({"trace": trace} if trace else {}), default=str)
        told = " ".join(f"{name}={value}" for name, value in (CONTEXT.get() | facts).items())
        return f"{moment[11:19]} {record.levelname.lower():7} {record.getMessage()} {told}".rstrip() + trace


def set_up(level: str, stream: TextIO | None = None) -> None:
    """Log to ``stream`` (standard error) from now on; third parties only where something is wrong."""
    out = stream or sys.stderr
    writer = logging.StreamHandler(out)
    writer.setFormatter(_Facts(lines=not out.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[writer], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
