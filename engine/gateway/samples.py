"""Which bodies are kept as examples, and what is taken out of them before they touch a disk.

A sample is drawn by hash and not by luck: every machine keeps the same calls (docs/decisions/0006). The gateway keeps
a threshold a feature, UTC day and stratum, and writes a body only while its number is below it.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from engine.gateway.call import CHAT, Call, Try
from engine.gateway.spool import Spool
from engine.rules.frame import Flag, Why, draw
from engine.rules.redact import redact_row

MOST = {"all": 5000, "random": 200, "unsure": 50, "invalid": 50, "differs": 100}  # examples a feature and day
BODY_MOST = 64 * 1024  # redacting takes 0.4 ms a KB, in a thread that calls must not feel
SMALL = 2 * 1024  # up to it the loop redacts by itself: a thread would hold it up for longer
AT_ONCE = 64

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\*|\d+)\]")
_TAKEN = "[REDACTED]"
_INVALID: int = Flag.INVALID.value  # a flag's own & takes a microsecond
_DAY_MS = 86_400_000


class Samples:
    """The draws of one worker."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._day = ""
        self._kept: dict[tuple[str, str], list[int]] = {}
        self.writing: set[asyncio.Task[None]] = set()

    def take(self, call: Call, last: Try, why: Why) -> None:
        """Keep the call's body if the draw is for it; the writing waits until the answer is out."""
        route = call.route
        if route.capture == "none" or call.endpoint != CHAT:
            return
        self._keep(call, last, "all" if route.capture == "all" else "random")
        if why is Why.CASCADE or last.said.confidence < route.cascade.min_confidence:
            self._keep(call, last, "unsure")
        if last.status >= 400 or last.flags & _INVALID or (call.failed and _is_any_invalid(call.failed)):
            self._keep(call, last, "invalid")

    def compare(self, call: Call, last: Try, shadow: Try) -> None:
        """Keep a call whose shadow said something else than the answer."""
        said, other = last.said.text, shadow.said.text
        if call.route.capture != "none" and other and said and said.strip() != other.strip():
            self._keep(call, last, "differs", shadow_output=other)

    def _keep(self, call: Call, last: Try, stratum: str, **more: str) -> None:
        if not self._is_drawn(call, stratum) or len(self.writing) >= AT_ONCE:
            return
        if len(call.raw) + len(last.said.text) + sum(map(len, more.values())) <= BODY_MOST:
            task = asyncio.get_running_loop().create_task(self._write(call, last, stratum, more))
            self.writing.add(task)
            task.add_done_callback(self.writing.discard)

    def _is_drawn(self, call: Call, stratum: str) -> bool:
        day = _day(call)
        if day != self._day:
            self._day, self._kept = day, {}
        number = -draw(call.slug, day, call.id)  # a heap gives its smallest: the largest draw of those kept
        kept = self._kept.setdefault((call.slug, stratum), [])
        if len(kept) < MOST[stratum]:
            heapq.heappush(kept, number)
            return True
        return heapq.heappushpop(kept, number) != number

    async def _write(self, call: Call, last: Try, stratum: str, more: dict[str, str]) -> None:
        texts = [last.said.text, *more.values()]
        if len(call.raw) + sum(map(len, texts)) <= SMALL:
            messages, outputs = redacted(call, texts)
        else:
            messages, outputs = await asyncio.get_running_loop().run_in_executor(None, redacted, call, texts)
        event: dict[str, Any] = {
            "kind": "body",
            "at_ms": call.at_ms,
            "id": call.id.hex(),
            "feature": call.slug,
            "day": _day(call),
            "stratum": stratum,
            "served": last.arm.name.lower(),
            "model": last.model,
            "messages": messages,
            "output": outputs[0],
        }
        self._spool.body(event | dict(zip(more, outputs[1:], strict=True)))


def redacted(call: Call, outputs: list[str]) -> tuple[Any, list[str]]:
    """A call's messages and outputs without secrets: the route's JSON paths first, then what looks like one."""
    request: Any = {"messages": call.fields.get("messages")}
    for path in call.route.redact:
        request = _without(request, _steps(path))
    texts: list[str] = []
    _walk(request, lambda text: texts.append(text) or text)
    done = iter(redact_row([*texts, *outputs]).texts)
    messages = _walk(request, lambda _: next(done))["messages"]
    return messages, list(done)


def _walk(found: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 (JSON)
    """The same JSON with each string changed, in order; names of members are strings too."""
    if isinstance(found, str):
        return change(found)
    if isinstance(found, list):
        return [_walk(one, change) for one in cast("list[Any]", found)]
    if isinstance(found, dict):
        return {change(name): _walk(value, change) for name, value in cast("dict[str, Any]", found).items()}
    return found


def _steps(path: str) -> list[str]:
    return [name or place for name, place in _STEP.findall(path.removeprefix("$"))]


def _without(found: Any, steps: list[str]) -> Any:  # noqa: ANN401 (JSON)
    """The same JSON with what a path leads to taken out."""
    if not steps:
        return _TAKEN
    first, rest = steps[0], steps[1:]
    if isinstance(found, list):
        many = cast("list[Any]", found)
        return [_without(one, rest) if first in ("*", str(place)) else one for place, one in enumerate(many)]
    if isinstance(found, dict):
        known = cast("dict[str, Any]", found)
        return {name: _without(value, rest) if first in ("*", name) else value for name, value in known.items()}
    return found


def _is_any_invalid(tries: list[Try]) -> bool:
    return any(one.flags & _INVALID for one in tries)


def _day(call: Call) -> str:
    return _date_of(call.at_ms // _DAY_MS)


@lru_cache(maxsize=4)
def _date_of(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_MS / 1000, UTC).date().isoformat()
