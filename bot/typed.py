"""Read typed values out of words: money, shares, days, persons, channels, addresses, lists.

Knows nothing of verbs. A value that can be read in two ways is refused with both readings.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, cast

from engine.errors import Invalid
from engine.models.actor import is_group

SHOWN = 80  # echoed words are cut here
LONGEST_NUMBER = 20

_PERSON = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_GROUP = re.compile(r"<!subteam\^([A-Z0-9]+)(?:\|[^>]*)?>")
_CHANNEL = re.compile(r"<#([A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<((?:https?|mailto):[^>|\s]+)(?:\|([^>]*))?>")
_PERSON_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII)
_MONEY = re.compile(r"(?:(?:\$|usd)\s*)?([\d.,]+)\s*(?:\$|usd|dollars?)?", re.ASCII | re.IGNORECASE)
_SHARE = re.compile(r"([\d.,]+)\s*(%?)", re.ASCII)
_PLAIN = re.compile(r"\d+(?:\.\d+)?|\.\d+", re.ASCII)
_WHOLE = re.compile(r"\d{1,12}", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+", re.ASCII)
_DOTTED_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def echo(word: str) -> str:
    """A word a person typed, short enough to show back to them."""
    line = " ".join(word.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def money(name: str, word: str) -> float:
    """US dollars of ``50``, ``$50`` or ``50 USD``. Raises ``Invalid`` otherwise, with both readings of ``1.000,5``."""
    found = _MONEY.fullmatch(word.strip())
    if found is None:
        raise Invalid(f"{name} is `{echo(word)}`, which is no sum of money.", hint=f"Write US dollars: {name}=50")
    if _DOTTED_THOUSANDS.fullmatch(found.group(1)):
        raise _two_readings(name, word, float(found.group(1).replace(".", "")), found.group(1).split(".")[0])
    return _number(name, found.group(1))


def share(name: str, word: str) -> float:
    """A fraction in 0..1 of ``0.02`` or ``2%``. Raises ``Invalid`` otherwise."""
    found = _SHARE.fullmatch(word.strip())
    if found is None:
        raise Invalid(f"{name} is `{echo(word)}`, which is no share.", hint=f"Write {name}=0.02 or {name}=2%")
    number = _number(name, found.group(1))
    value = number / 100 if found.group(2) else number
    if value > 1:
        raise Invalid(
            f"{name} is {echo(word)}, which is more than 100 %.",
            hint=f"Write a share between 0 and 1, or with a percent sign: {name}=0.02 or {name}=2%",
        )
    return value


def whole(name: str, word: str) -> int:
    """A whole number, 0 or more. Raises ``Invalid`` otherwise."""
    if _WHOLE.fullmatch(word.strip()) is None:
        raise Invalid(f"{name} is `{echo(word)}`, which is no whole number.", hint=f"Write it like {name}=90")
    return int(word)


def day(name: str, word: str) -> date:
    """The day of ``2026-11-02``. Raises ``Invalid`` for any other form: 02/11 is two days."""
    hint = f"Write year, month, day: {name}=2026-11-02"
    if _DAY.fullmatch(word.strip()) is None:
        raise Invalid(f"{name} is `{echo(word)}`, which I cannot read as a day.", hint=hint)
    try:
        return date.fromisoformat(word.strip())
    except ValueError as error:
        raise Invalid(f"{name} is {echo(word)}, and there is no such day.", hint=hint) from error


def person(name: str, word: str) -> str:
    """The id of ``<@U1|ann>``, ``@ann`` or ``U1``. Raises ``Invalid``, for a user group too."""
    if _group(word):
        raise Invalid(f"{name} is a user group; it takes one person.", hint=f"Mention a person: {name}=@ann")
    found = _PERSON.fullmatch(word.strip())
    bare = found.group(1) if found else word.strip().removeprefix("@")
    if _PERSON_WORD.fullmatch(bare) is None:
        raise Invalid(f"{name} is `{echo(word)}`, which names nobody.", hint=f"Mention a person: {name}=@ann")
    return bare


def people(name: str, word: str) -> tuple[str, ...]:
    """The ids of ``U1,<@U2|bo>,<!subteam^S1|@leads>``, persons and user groups, each once. Raises ``Invalid``."""
    return tuple(dict.fromkeys(_group(part) or person(name, part) for part in names(name, word)))


def names(name: str, word: str) -> tuple[str, ...]:
    """The parts of a comma list, trimmed. Raises ``Invalid`` when there is none."""
    parts = tuple(part.strip() for part in word.split(",") if part.strip())
    if not parts:
        raise Invalid(f"{name} names nothing.", hint=f"Separate by commas: {name}=one,two")
    return parts


def schema(name: str, word: str) -> dict[str, Any]:
    """The JSON schema of an object, written out, or a comma list of its fields, which are texts then.

    Raises ``Invalid`` for what is neither.
    """
    if not word.lstrip().startswith("{"):
        return {"type": "object", "properties": {field: {"type": "string"} for field in names(name, word)}}
    try:
        found: object = json.loads(word)
    except (ValueError, RecursionError) as error:
        hint = f"Give the whole schema as JSON, or the names of its fields: {name}=number,street,city"
        raise Invalid(f"{name} is no JSON.", hint=hint) from error
    return cast("dict[str, Any]", found)


def channel(word: str) -> str:
    """The id of ``<#C1|general>``; any other word as it is."""
    found = _CHANNEL.fullmatch(word.strip())
    return found.group(1) if found else word.strip()


def address(word: str) -> str:
    """The address of ``<https://x|x>``; any other word as it is."""
    found = _LINK.fullmatch(word.strip())
    return found.group(1) if found else word.strip()


def prose(text: str) -> str:
    """Free text as the person typed it: Slack's links give way to what stood there."""
    while _LINK.search(text):
        text = _LINK.sub(lambda found: found.group(2) or found.group(1), text)
    return text.strip()


def _group(word: str) -> str:
    found = _GROUP.fullmatch(word.strip())
    bare = found.group(1) if found else word.strip().removeprefix("@")
    return bare if is_group(bare) else ""


def _number(name: str, digits: str) -> float:
    if len(digits) <= LONGEST_NUMBER:
        if _PLAIN.fullmatch(digits):
            return float(digits)
        grouped = digits.replace(",", "")
        if _GROUPED.fullmatch(digits):
            return float(grouped)
        decimal = digits.replace(".", "").replace(",", ".")
        if _PLAIN.fullmatch(decimal) and _PLAIN.fullmatch(grouped):
            raise _two_readings(name, digits, float(decimal), grouped)
    raise Invalid(f"{name} is `{echo(digits)}`, which is no number.", hint=f"Write it like {name}=1000.50")


def _two_readings(name: str, word: str, one: float, other: str) -> Invalid:
    first, second = _plainly(one), _plainly(float(other))
    return Invalid(
        f"{name} is `{echo(word)}`, which could be {first} or {second}.",
        hint=f"Write {name}={first} or {name}={second}",
    )


def _plainly(number: float) -> str:
    return f"{number:.10f}".rstrip("0").rstrip(".")
