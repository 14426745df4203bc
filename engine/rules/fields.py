"""Read from a JSON schema what a document's fields are, how each is compared, and whether a document fits it.

Knows the part of JSON Schema that extraction needs: objects of scalars and lists of such objects. Nothing of models.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from engine.rules import checks
from engine.rules.dates import read_date
from engine.rules.metrics import FieldRule

_NUMBER = re.compile(r"[-+]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_ARTICLES = {"integer": "an", "array": "an", "object": "an"}
TOLERANCE = "x-tolerance"  # in a field's schema: how far a number may be off, or how many days a date
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
Schema = Mapping[str, Any]
Document = Mapping[str, Any]
_SHOWN = 40  # characters of a value that is refused


def rules_of(schema: Schema) -> dict[str, FieldRule]:
    """Give the rule of each field: numbers and days within their ``x-tolerance``, texts folded, the rest exactly.

    They are for documents made ``comparable``. Lists of objects are compared line by line, best pairing.
    Raises ValueError for a schema without properties, a type it does not know, or an object within an object.
    """
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    if schema.get("type", "object") != "object" or not properties:
        raise ValueError("schema has no properties; an object with at least one field is needed")
    return {name: _rule(name, field) for name, field in properties.items()}


def comparable(document: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Give the document with its dates as numbers of days, so that however a day is written it is the same.

    What is no day stays as it is, and is wrong beside one. Fields that the schema does not name stay too.
    """
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    return {name: _comparable(value, properties.get(name, {})) for name, value in document.items()}


def normalised(document: Document, schema: Schema) -> dict[str, Any]:
    """Give the document as it is stored: no field that is null or empty, single spaces, numbers and days plainly.

    A number in words of digits ("12.50") is read as one where the schema wants one, a day as ``2026-01-02``. What
    cannot be read stays as it is: whether it fits is ``unfit``'s to say.
    """
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    plain = {name: _normalised(value, properties.get(name, {})) for name, value in document.items()}
    return {name: value for name, value in plain.items() if value is not None}


def unfit(document: object, schema: Schema) -> str:
    """Say why a document does not fit the schema, naming the field; "" where it does. A null field is an absent one."""
    return next(_wrong("output", document, {"type": "object", **schema}), "")


def kind_of(name: str, field: Schema) -> str:
    """Give a field's JSON type, null apart. Raises ValueError, naming it, for none or several that are known."""
    said, kinds = field.get("type", "string"), sorted(_kinds(field))
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        raise ValueError(f"schema.{name}.type is {said!r}; one of {', '.join(_TYPES)} is needed")
    return kinds[0]


def leaves(document: Document) -> list[str | int | float]:
    """Give every text and number of a document, in its order; true, false and null are none."""
    return list(_leaves(document))


def replaced(document: Document, texts: Sequence[str]) -> dict[str, Any]:
    """Give the document with ``texts`` in the places of its leaves; one that reads as the leaf did changes nothing.

    Raises ValueError where there are not as many as leaves.
    """
    checks.same_length("leaves", leaves(document), "texts", texts)
    left = iter(texts)
    return {name: _replaced(value, left) for name, value in document.items()}


def _leaves(value: Any) -> Iterator[str | int | float]:  # noqa: ANN401 a document's value may be anything
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield value
    elif isinstance(value, Mapping):
        yield from (leaf for inner in cast("Mapping[str, Any]", value).values() for leaf in _leaves(inner))
    elif isinstance(value, list):
        yield from (leaf for inner in cast("list[Any]", value) for leaf in _leaves(inner))


def _replaced(value: Any, left: Iterator[str]) -> Any:  # noqa: ANN401 a document's value may be anything
    if isinstance(value, Mapping):
        return {name: _replaced(inner, left) for name, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_replaced(inner, left) for inner in cast("list[Any]", value)]
    if isinstance(value, bool) or value is None:
        return value
    text = next(left)
    return value if text == str(value) else text


def _normalised(value: Any, field: Schema) -> Any:  # noqa: ANN401 a document's value may be anything
    if isinstance(value, list):
        inner: Schema = field.get("items") or {}
        lines = [_normalised_line(one, inner) for one in cast("list[Any]", value)]
        return lines or None
    if not isinstance(value, str):
        return value
    said = " ".join(unicodedata.normalize("NFKC", value).split())
    if not said:
        return None
    if _kinds(field) & {"number", "integer"}:
        return _read_number(said)
    day = read_date(said) if field.get("format") == "date" else None
    return day.isoformat() if day else said


def _normalised_line(line: Any, schema: Schema) -> Any:  # noqa: ANN401 a document's value may be anything
    return normalised(cast("Document", line), schema) if isinstance(line, Mapping) else line


def _read_number(said: str) -> int | float | str:
    """The number, or what was said: ``12,5`` is two numbers, and so none."""
    bare = said.replace(",", "") if _GROUPED.fullmatch(said) else said
    if not _NUMBER.fullmatch(bare):
        return said
    return float(bare) if "." in bare else int(bare)


def _comparable(value: Any, field: Schema) -> Any:  # noqa: ANN401 a document's value may be anything
    if isinstance(value, list):
        lines = cast("list[Any]", value)
        return [_comparable_line(line, field.get("items") or {}) for line in lines]
    day = read_date(value) if _is_date(field) else None
    return value if day is None else day.toordinal()


def _comparable_line(line: Any, schema: Schema) -> Any:  # noqa: ANN401 a document's value may be anything
    return comparable(cast("Mapping[str, Any]", line), schema) if isinstance(line, Mapping) else line


def _is_date(field: Schema) -> bool:
    return field.get("format") in ("date", "date-time")


def _rule(name: str, field: Schema) -> FieldRule:
    kind = kind_of(name, field)
    if kind == "array":
        return FieldRule(kind="items", fields=rules_of(field.get("items") or {}))
    if kind == "object":
        raise ValueError(f"schema.{name} is an object within an object; give its fields names of their own")
    tolerance = checks.number(f"schema.{name}.{TOLERANCE}", field.get(TOLERANCE, 0.0), 0.0)
    if kind in ("number", "integer"):
        return FieldRule(kind="number", absolute=tolerance)
    if _is_date(field):
        return FieldRule(kind="number", absolute=tolerance)
    return FieldRule(kind="exact" if kind == "boolean" or "enum" in field else "text")


def _kinds(field: Schema) -> set[str]:
    said: object = field.get("type", "string")
    listed: list[object] = cast("list[object]", said) if isinstance(said, list) else [said]
    return {str(kind) for kind in listed if kind != "null"}


def _wrong(path: str, value: object, field: Schema) -> Iterator[str]:
    kind = kind_of(path, field)
    fits = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        yield f"{path}: {_shown(value)} is not {_ARTICLES.get(kind, 'a')} {kind}"
    elif "enum" in field and value not in field["enum"]:
        yield f"{path}: {_shown(value)} is none of {', '.join(map(str, field['enum']))}"
    elif isinstance(value, list):
        for place, line in enumerate(cast("list[object]", value)):
            yield from _wrong(f"{path}[{place}]", line, {"type": "object", **(field.get("items") or {})})
    elif isinstance(value, dict):
        yield from _fields(path, cast("Mapping[str, object]", value), field)


def _shown(value: object) -> str:
    told = json.dumps(value, ensure_ascii=False, default=str)
    return told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"


def _fields(path: str, document: Mapping[str, object], field: Schema) -> Iterator[str]:
    properties: Mapping[str, Schema] = field.get("properties") or {}
    for name in field.get("required") or ():
        if document.get(name) is None:
            yield f"{path}.{name} is missing"
    for name, value in document.items():
        if name not in properties:
            yield f"{path}.{name} is no field of the schema"
        elif value is not None:
            yield from _wrong(f"{path}.{name}", value, properties[name])
