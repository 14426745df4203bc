"""JSON bodies of requests: read once, and changed without touching what is not changed.

Whatever a caller wrote in a field we know nothing of goes up byte for byte: integers of any size, 17-digit floats,
escapes. Only the named top-level members are taken out or written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import orjson

Fields = dict[str, Any]

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]', re.DOTALL)
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*")')
_QUOTE, _COMMA, _OPENING = 0x22, 0x2C, b"{["


def fields_of(raw: bytes) -> Fields | None:
    """The top-level members of a JSON object; none for anything else, or when it nests over 1,024 deep."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if type(found) is dict else None  # pyright: ignore[reportUnknownVariableType] # JSON


def edited(raw: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """A valid JSON object with some top-level members replaced (JSON bytes), added, or taken out (none).

    Members that are not named keep their bytes and order; of a name given twice all are replaced by one.
    """
    kept = [member for name, member in _members(raw) if name not in changes]
    kept += [orjson.dumps(name) + b":" + value for name, value in changes.items() if value is not None]
    return b"{" + b",".join(kept) + b"}"


def with_model(raw: bytes, fields: Fields, model: bytes) -> bytes:
    """The same as `edited` for the model alone (JSON bytes), without a walk through all of the body where that is safe.

    Safe: the object has the member, no name is spelled by escapes, and its name stands in the body once.
    """
    if isinstance(fields.get("model"), str) and raw.count(b'"model"') == 1 and b"\\u" not in raw:
        found = _MODEL.match(raw, raw.find(b'"model"'))
        if found is not None:
            return raw[: found.start(1)] + model + raw[found.end(1) :]
    return edited(raw, {"model": model})


def with_system(messages: list[Any], text: str | None) -> list[Any]:
    """Messages without the system's and developer's, and with another's text in front when one is given."""
    rest = [one for one in messages if _role(one) not in ("system", "developer")]
    return rest if text is None else [{"role": "system", "content": text}, *rest]


def _role(message: Any) -> str:  # noqa: ANN401 (JSON)
    return str(cast("Fields", message).get("role")) if isinstance(message, dict) else ""


def _members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    depth, start, name = 0, 0, ""
    is_named = False
    for token in _TOKEN.finditer(raw):
        sign = raw[token.start()]
        if sign == _QUOTE:
            if depth == 1 and not is_named:
                name, start, is_named = orjson.loads(token[0]), token.start(), True
        elif sign in _OPENING:
            depth += 1
        elif sign == _COMMA:
            if depth == 1:
                yield name, raw[start : token.start()].rstrip()
                is_named = False
        else:
            depth -= 1
            if depth == 0 and is_named:
                yield name, raw[start : token.start()].rstrip()
