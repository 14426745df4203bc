"""Read from a JSON schema what a document's fields are, how each is compared, and whether a document fits it.

Knows the part of JSON Schema that extraction needs: objects of scalars and lists of such objects. Nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from engine.rules import checks
from engine.rules.dates import read_date
from engine.rules.metrics import FieldRule

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


def unfit(document: object, schema: Schema) -> str:
    """Say why a document does not fit the schema, naming the field; "" where it does. A null field is an absent one."""
    return next(_wrong("output", document, {"type": "object", **schema}), "")


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
    kind = _type(name, field)
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


def _type(name: str, field: Schema) -> str:
    said: object = field.get("type", "string")
    listed: list[object] = cast("list[object]", said) if isinstance(said, list) else [said]
    kinds = [kind for kind in listed if kind != "null"]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        raise ValueError(f"schema.{name}.type is {said!r}; one of {', '.join(_TYPES)} is needed")
    return str(kinds[0])


def _wrong(path: str, value: object, field: Schema) -> Iterator[str]:
    kind = _type(path, field)
    fits = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        yield f"{path} is no {kind}"
    elif "enum" in field and value not in field["enum"]:
        yield f"{path} is none of {', '.join(map(str, field['enum']))}"
    elif isinstance(value, list):
        for place, line in enumerate(cast("list[object]", value)):
            yield from _wrong(f"{path}[{place}]", line, {"type": "object", **(field.get("items") or {})})
    elif isinstance(value, dict):
        yield from _fields(path, cast("Mapping[str, object]", value), field)


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
