"""Read JSON whose shape nobody has checked yet.

Knows nothing of Block Kit: a value of the wrong kind reads as an empty one, and the caller says what is wrong.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]


def is_mapping(value: object) -> bool:
    """Whether the value is a JSON object; tells a type checker nothing, on purpose."""
    return isinstance(value, dict)


def is_sequence(value: object) -> bool:
    """Whether the value is a JSON array; tells a type checker nothing, on purpose."""
    return isinstance(value, list)


def mapping(value: object) -> Json:
    """The value if it is a JSON object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def mappings(value: object) -> list[Json]:
    """The objects of an array; anything else in it is left out."""
    return [mapping(entry) for entry in sequence(value) if is_mapping(entry)]


def string(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""
