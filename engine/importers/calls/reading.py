"""Turn a file into calls, a row at a time: cut it, choose rows, let a format read each, redact. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import IO, NamedTuple

from engine.importers.calls.container import Row, rows
from engine.importers.calls.fields import Bad, Fields, Skip, at_path
from engine.models.call import BadRow, Call, SkippedRow, UsageBucket
from engine.rules.openings import begins
from engine.rules.redact import redact, redact_row

BEGINS = "begins"

Keep = Callable[[Call], bool]  # whether the texts of a call are wanted
CallOf = Callable[[Fields, datetime | None], Call | UsageBucket]  # raises Bad for a row refused, Skip for no call
Read = Iterator[Call | UsageBucket | BadRow | SkippedRow]


class Where(NamedTuple):
    """Which rows of a log count: those whose field at a dotted path is, or holds, the value.

    The path ``begins`` is no field: a call counts whose prompt begins with the words, as ``openings`` finds prompts.
    """

    path: str
    value: str

    @property
    def is_of_text(self) -> bool:
        """Whether the call's text decides, and no field."""
        return self.path == BEGINS

    def is_met(self, row: Fields) -> bool:
        """Whether the row is one of them."""
        found = at_path(row, self.path)
        if isinstance(found, list):
            return any(_text(one) == self.value for one in found)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # of JSON
        return found is not None and _text(found) == self.value


Chosen = Callable[[Fields, Where], Fields | None]  # what of a row is asked for, if anything


def whole_if_met(row: Fields, where: Where) -> Fields | None:
    """The row if it is asked for."""
    return row if where.is_met(row) else None


def calls_of(
    stream: IO[bytes],
    call_of: CallOf,
    *,
    until: datetime | None = None,
    where: Where | None = None,
    keep: Keep | None = None,
    opened: Callable[[Fields], Fields] | None = None,
    chosen: Chosen = whole_if_met,
) -> Read:
    """Calls, refused and skipped rows in the order of the file; ``opened`` lays a row out before it is looked at.

    Where rows are chosen by a field, ``chosen`` gives what of each is asked for.
    Texts are redacted, which costs more than all else: those that ``keep`` does not want are left out instead.
    """
    for row in rows(stream):
        if isinstance(row, BadRow):
            yield row
            continue
        fields: Fields | None = opened(row.fields) if opened else row.fields
        if where is not None and not where.is_of_text:
            fields = chosen(fields, where)
        if fields is None:
            yield SkippedRow(line=row.line)
            continue
        found = _read(row, fields, call_of, until)
        if not isinstance(found, Call):
            yield found
        elif where is not None and where.is_of_text and not begins(found.input or "", where.value):
            yield SkippedRow(line=row.line)
        else:
            yield _with_texts(found, keep)


def _read(
    row: Row, fields: Fields, call_of: CallOf, until: datetime | None
) -> Call | UsageBucket | BadRow | SkippedRow:
    try:
        found = call_of(fields, until)
        return _checked(found) if isinstance(found, Call) else found
    except Bad as bad:
        return BadRow(line=row.line, field=bad.field, reason=bad.reason, counted_in=row.counted_in)
    except Skip:
        return SkippedRow(line=row.line)


def _with_texts(call: Call, keep: Keep | None) -> Call:
    """The call with its texts redacted, or without them."""
    if not call.input and not call.output:
        return call
    if keep is not None and not keep(call):
        return replace(call, input=None, output=None)
    texts = redact_row([call.input or "", call.output or ""]).texts
    return replace(
        call,
        input=None if call.input is None else texts[0],
        output=None if call.output is None else texts[1],
    )


@lru_cache(maxsize=4096)
def _plain(model: str) -> str:
    """A model's name without what looks like a secret: sources let callers choose it, and it is kept for ever."""
    return redact(model).text


def _checked(call: Call) -> Call:
    plain = _plain(call.model)
    if plain != call.model:
        call = replace(call, model=plain)
    beside = call.cached_tokens + call.cache_write_tokens
    if beside > call.input_tokens:
        raise Bad(
            "cached_tokens",
            f"cached_tokens is {beside:,} and input_tokens is {call.input_tokens:,}; cached are part of input",
        )
    if call.reasoning_tokens > call.output_tokens:
        raise Bad(
            "reasoning_tokens",
            f"reasoning_tokens is {call.reasoning_tokens:,} and output_tokens is {call.output_tokens:,}; "
            "reasoning is part of output",
        )
    if call.is_cache_hit:  # the source's own cache answered: nothing was bought
        return replace(
            call,
            input_tokens=0,
            cached_tokens=0,
            cache_write_tokens=0,
            output_tokens=0,
            reasoning_tokens=0,
            billed_nano=0,
        )
    return call


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
