"""Read the values every log format has: moments, counts, times, names, money. Knows nothing of any one format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from engine.models.money import NANO

FIRST_YEAR = 2020
LONGEST_NAME = 200
FAILED = 500  # the status of a call whose log says that it failed, and not how
TOKENS_MOST = 1_000_000_000  # of one call
BUCKET_TOKENS_MOST = 10**15  # of all calls of a day

_WHOLE = re.compile(r"\d{1,18}")
_SECONDS_MOST, _MS_MOST, _US_MOST = 1e11, 1e14, 1e17  # a number of this size is no longer seconds, ms, us since 1970
_YES = ("true", "1", "t", "yes")

Fields = Mapping[str, Any]


class Bad(ValueError):
    """A row that is refused: the field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class Skip(Exception):
    """A row that is no call, and no fault of the file."""


def first(row: Fields, *names: str) -> tuple[str, Any]:
    """The first of the fields that has a value, with its name; the first name and none when no field has one."""
    for name in names:
        value = row.get(name)
        if value is not None and value != "":
            return name, value
    return names[0], None


def name_of(row: Fields, *names: str) -> str:
    """Text of at most 200 characters, of the first field that has one. Raises ``Bad``."""
    name, value = names[0], row.get(names[0])
    if type(value) is str and 0 < len(value) <= LONGEST_NAME and value.isprintable() and not value.isspace():
        return value.strip()  # nearly every row of a million
    name, value = first(row, *names)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise Bad(name, f"{name} is missing" if value in (None, "") or isinstance(value, str) else f"{name} is no text")
    if "\0" in value or len(value) > LONGEST_NAME:
        raise Bad(name, f"{name} holds a NUL or more than {LONGEST_NAME} characters")
    return value.strip()


def maybe_name(row: Fields, *names: str) -> str:
    """As ``name_of``; empty when no field has a value."""
    if row.get(names[0]):
        return name_of(row, *names)
    return "" if first(row, *names)[1] is None else name_of(row, *names)


def count_of(row: Fields, *names: str, default: int | None = None, most: int = TOKENS_MOST) -> int:
    """A whole number of at least 0, of the first field that has one; in text too. Raises ``Bad``."""
    value = row.get(names[0])
    if type(value) is int and 0 <= value <= most:
        return value
    name, value = first(row, *names)
    if value is None:
        if default is None:
            raise Bad(name, f"{name} is missing")
        return default
    number = _whole(value)
    if number is None:
        raise Bad(name, f"{name} is not a whole number of at least 0")
    if number > most:
        raise Bad(name, f"{name} is {number:,}, more than {most:,}")
    return number


def ms_of(row: Fields, name: str, *, factor: float = 1.0) -> float | None:
    """A duration in milliseconds; none when there is none. Raises ``Bad``."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError as error:
            raise Bad(name, f"{name} is not a number of at least 0") from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value * factor < 1e9:
        raise Bad(name, f"{name} is not a number of at least 0")
    return float(value) * factor


def moment_of(row: Fields, *names: str) -> datetime | None:
    """A moment in UTC; text without a zone is UTC, a number counts from 1970 in s, ms, us or ns. Raises ``Bad``."""
    name, value = first(row, *names)
    if value is None:
        return None
    try:
        return _moment(value)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Bad(name, f"{name} is no moment like 2026-10-03T10:20:30Z") from error


def time_of(row: Fields, until: datetime | None, *names: str) -> datetime:
    """When a call was made: from 2020 to ``until``. Raises ``Bad``."""
    name, _ = first(row, *names)
    moment = moment_of(row, *names)
    if moment is None:
        raise Bad(name, f"{name} is missing")
    return checked_time(name, moment, until)


def checked_time(name: str, moment: datetime, until: datetime | None) -> datetime:
    """A moment that can be a call's. Raises ``Bad``."""
    if moment.year < FIRST_YEAR or (until is not None and moment > until):
        raise Bad(name, f"{name} is {moment:%Y-%m-%d}, before {FIRST_YEAR} or in the future")
    return moment


def between_ms(start: datetime, end: datetime | None) -> float | None:
    """Milliseconds from one moment to another; none when there is no other, or it lies before."""
    if end is None or end < start:
        return None
    return (end - start).total_seconds() * 1000.0


def nano_of_usd(row: Fields, *names: str) -> int | None:
    """US dollars as nano-dollars; none when there are none. Raises ``Bad``."""
    name, value = first(row, *names)
    if value is None:
        return None
    try:
        dollars = Decimal(str(value))
    except InvalidOperation as error:
        raise Bad(name, f"{name} is no sum of US dollars") from error
    if isinstance(value, bool) or not dollars.is_finite() or not 0 <= dollars < 10**6:
        raise Bad(name, f"{name} is no sum of US dollars")
    return round(dollars * NANO)


def status_of(row: Fields, *names: str) -> int:
    """An HTTP status; 200 when there is none. Raises ``Bad``."""
    name, _ = first(row, *names)
    status = count_of(row, *names, default=200)
    if not 100 <= status <= 599:
        raise Bad(name, f"{name} is {status}, which is no HTTP status")
    return status


def is_yes(value: object) -> bool:
    """Whether a flag is set, as a word or as JSON has it."""
    return value is True or (isinstance(value, str) and value.lower() in _YES)


def word_of(row: Fields, field: str, words: Sequence[str], default: str) -> str:
    """One of a closed list. Raises ``Bad``."""
    value = row.get(field, default)
    if value not in words:
        raise Bad(field, f"{field} is not one of {', '.join(words)}")
    return value


def inside(value: object, depth: int = 3) -> Fields:
    """An object, which may stand as JSON in a text, and that in another; empty for anything else."""
    if type(value) is dict:
        return cast("Fields", value)
    while isinstance(value, str) and depth and value.lstrip()[:1] in ("{", '"'):
        value, depth = parsed(value), depth - 1
    return cast("Fields", value) if isinstance(value, dict) else {}


def parsed(value: object) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """What a JSON text holds; the text itself if it is none, and anything that is no text as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def at_path(row: Fields, path: str) -> Any:  # noqa: ANN401 (whatever stands there)
    """What stands at a dotted path, through objects that are JSON in a text too; none where there is nothing."""
    if path in row:
        return row[path]
    for split in [place for place, sign in enumerate(path) if sign == "."]:
        below = inside(row.get(path[:split]))
        if below:
            found = at_path(below, path[split + 1 :])
            if found is not None:
                return found
    return None


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    return value if isinstance(value, int) and value >= 0 else None


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        text = value.strip().removesuffix(" UTC")
        number = None if text[4:5] == "-" else _number(text)  # 2026-… is no number
        if number is None:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        value = number
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("neither text nor a number")
    for most, factor in ((_SECONDS_MOST, 1), (_MS_MOST, 1_000), (_US_MOST, 1_000_000), (1e20, 1_000_000_000)):
        if value < most:
            return datetime.fromtimestamp(value / factor, UTC)
    raise ValueError("too large")


def _number(text: str) -> float | None:
    if text.isdigit():
        return int(text)
    return float(text) if text.replace(".", "", 1).isdigit() else None
