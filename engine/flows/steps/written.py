"""What people write as labels where answers are no list: how they are asked, how it is read, and what says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from engine.approaches import Task
from engine.approaches import alike as same
from engine.approaches.registry import approach_of
from engine.errors import Invalid
from engine.importers.labels.raw import RawRow
from engine.importers.labels.rows import Checker
from engine.models.base import Value
from engine.models.call import BadRow
from engine.models.feature import ApproachName, Feature
from engine.rules.fields import kind_of

FIELDS_MOST = 40  # a schema of more is written as JSON
_KINDS = {"number": "a number", "integer": "a whole number"}
_LABEL = "output"  # what a refusal calls the label


class Way(StrEnum):
    """How a label is given: pressed, or written as a text, field by field, or as a JSON object."""

    CHOICE = "choice"
    TEXT = "text"
    FIELDS = "fields"
    JSON = "json"


class Field(Value):
    """One field of an object: ``kind`` is what it takes in words ("" for text), ``choices`` its closed list."""

    name: str
    kind: str = ""
    is_truth: bool = False
    needed: bool = False
    choices: tuple[str, ...] = ()


def way(feature: Feature) -> Way:
    """How people give a label of this feature."""
    if feature.labels:
        return Way.CHOICE
    if feature.approach is not ApproachName.EXTRACT:
        return Way.TEXT
    return Way.FIELDS if fields(feature) else Way.JSON


def fields(feature: Feature) -> tuple[Field, ...]:
    """The fields of a flat schema in its order; none where a field holds a list, or there are too many."""
    schema: Mapping[str, Any] = feature.output_schema or {}
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties") or {}
    found = [_field(name, one, schema) for name, one in properties.items()]
    return tuple(one for one in found if one) if None not in found and len(found) <= FIELDS_MOST else ()


def label(feature: Feature, text: str, said: str) -> str:
    """A label as it is stored: read as a file's row is, nothing private in it. Raises ``Invalid`` naming the field."""
    row = RawRow(line=1, fields={"input": text, "output": said})
    found = Checker(Task.of(feature), feature.slug).checked(row)
    if isinstance(found, BadRow):
        raise Invalid(f"{_named(found.reason)}.", hint="Nothing was kept; write it again.")
    return found.output


def alike(feature: Feature, answers: Sequence[str]) -> list[str]:
    """Each answer of a feature as the first one that says the same (``engine.approaches.alike``)."""
    return same(approach_of(feature.approach), Task.of(feature), answers)


def _field(name: str, told: Mapping[str, Any], schema: Mapping[str, Any]) -> Field | None:
    kind = kind_of(name, told)
    if kind in ("array", "object"):
        return None
    listed: Sequence[object] = ("true", "false") if kind == "boolean" else told.get("enum", ())
    return Field(
        name=name,
        kind="a day" if told.get("format") == "date" else _KINDS.get(kind, ""),
        is_truth=kind == "boolean",
        needed=name in schema.get("required", ()),
        choices=tuple(str(one) for one in listed if one is not None),
    )


def _named(reason: str) -> str:
    """A row's reason as a person who filled a form reads it: the field's own name first."""
    inner = reason.removeprefix(f"{_LABEL}.")
    return inner if inner != reason else f"The answer{reason.removeprefix(_LABEL)}"
