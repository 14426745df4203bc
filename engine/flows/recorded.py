"""What a step leaves behind: its value as JSON, or an error of ours, so that a replay meets what the first run met."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from engine import errors
from engine.errors import AssayError, Upstream
from engine.flows.durable import Pending

RETRIES = 6  # of a step let down by a service or a busy database: 1, 2, 4 … seconds


def shape_of(fn: Callable[..., Any]) -> TypeAdapter[Any]:
    """How the step's result becomes JSON and comes back; ``Pending`` is never recorded."""
    hint: Any = typing.get_type_hints(fn)["return"]
    if Pending in typing.get_args(hint):
        (hint,) = (
            member for member in typing.get_args(hint) if member is not Pending
        )  # a polled step has one answer beside Pending
    return TypeAdapter(hint)


def outcome(shape: TypeAdapter[Any], call: Callable[[], object], *, is_last: bool) -> dict[str, Any]:
    """What is to be recorded of a call. Raises ``Upstream`` while it may be tried again, and what is not ours."""
    try:
        return {"value": shape.dump_python(call(), mode="json")}
    except Upstream as error:
        if not is_last:
            raise
        return {"error": _told(error)}
    except AssayError as error:
        return {"error": _told(error)}


def met(shape: TypeAdapter[Any], recorded: dict[str, Any]) -> Any:  # noqa: ANN401 (of the step's type)
    """The recorded value; raises the recorded error."""
    if "error" in recorded:
        raise _error(recorded["error"])
    return shape.validate_python(recorded["value"])


def _told(error: AssayError) -> dict[str, str]:
    hint = error.hint if isinstance(error, errors.Refused) else ""
    message = error.message if isinstance(error, errors.Refused) else str(error)
    return {"kind": type(error).__name__, "message": message, "hint": hint}


def _error(told: dict[str, str]) -> AssayError:
    kind = getattr(errors, told["kind"], errors.WorkFailed)
    if issubclass(kind, errors.Refused):
        return kind(told["message"], told["hint"])
    return errors.Unavailable(told["message"]) if kind is errors.RateLimited else kind(told["message"])
