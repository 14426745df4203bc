"""Check one row of a label file against the feature's task, and redact it. Knows nothing of files."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping

from engine.approaches import Task, Unfit
from engine.approaches.registry import approach_of
from engine.importers.labels.raw import RawRow
from engine.models.call import BadRow
from engine.models.labels import LabelRow, Source
from engine.rules.redact import redact, redact_row

LONGEST_INPUT = 32_768  # characters (docs/labels.md)
LONGEST_ROW = 1_000_000  # bytes
_LONGEST_NAME = 200  # characters of an id or a group
_PERSONAL = ("EMAIL", "KEY", "URL")  # what an id or a group must not hold; digits in them are mostly numbers


class _Bad(ValueError):
    """A row that is refused: the field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class Checker:
    """Checks the rows of one file. ``forgiven`` counts labels whose case or outer space was mended."""

    def __init__(self, task: Task, feature: str) -> None:
        self._task = task
        self._feature = feature
        self._approach = approach_of(task.approach)
        self.forgiven = 0
        self.redactions: Counter[str] = Counter()

    def checked(self, row: RawRow) -> LabelRow | BadRow:
        """The row redacted, or why it is refused."""
        try:
            return self._label_row(row)
        except _Bad as bad:
            return BadRow(line=row.line, field=bad.field, reason=bad.reason)

    def _label_row(self, row: RawRow) -> LabelRow:
        text = _text(row.fields, "input")
        if len(text) > LONGEST_INPUT:
            raise _Bad("input", f"input has {len(text):,} characters; the limit is {LONGEST_INPUT:,}")
        said = self._output(row.fields)
        if len(text.encode()) + len(said.encode()) > LONGEST_ROW:
            raise _Bad("output", f"has more than {LONGEST_ROW:,} bytes")
        group, given_id = (_private(_name(row.fields, field)) for field in ("group", "id"))
        source, minutes = _source(row.fields), _minutes(row.fields)
        text, said, rationale, rejected = self._redacted(
            text, said, self._rationale(row.fields), self._rejected(row.fields, said)
        )
        return LabelRow(
            line=row.line,
            id=given_id or _id(self._feature, text, said),
            input=text,
            output=said,
            group=group,
            source=source,
            minutes=minutes,
            rationale=rationale,
            rejected=rejected,
        )

    def _output(self, fields: Mapping[str, object]) -> str:
        value = fields.get("output")
        said = self._fitting(_text(fields, "output") if value is None or isinstance(value, str) else value)
        _refuse_unstorable("output", said)
        self.forgiven += bool(self._task.classes) and isinstance(value, str) and said != value
        return said

    def _fitting(self, value: object) -> str:
        try:
            return self._approach.label(value, self._task, feature=self._feature)
        except Unfit as error:
            raise _Bad("output", redact(str(error)).text) from error

    def _rationale(self, fields: Mapping[str, object]) -> str:
        """How the answer was reached, where the approach has a use for that and the row says so."""
        if not self._approach.has_rationale or not fields.get("rationale"):
            return ""
        said = _text(fields, "rationale")
        if len(said) > LONGEST_INPUT:
            raise _Bad("rationale", f"rationale has {len(said):,} characters; the limit is {LONGEST_INPUT:,}")
        return said.strip()

    def _rejected(self, fields: Mapping[str, object], said: str) -> str:
        """The worse text of a preference pair, where the approach knows such and the row has one."""
        if not self._approach.has_rejected or not fields.get("rejected"):
            return ""
        rejected = _text(fields, "rejected").strip()
        if len(rejected) > LONGEST_INPUT:
            raise _Bad("rejected", f"rejected has {len(rejected):,} characters; the limit is {LONGEST_INPUT:,}")
        if rejected == said:
            raise _Bad("rejected", "rejected is the same text as output")
        return rejected

    def _redacted(self, text: str, said: str, rationale: str, rejected: str) -> tuple[str, str, str, str]:
        """Text, label, rationale and rejected text without what is private; a label that no longer fits is refused."""
        redacted = redact_row([text, rationale, rejected, *self._approach.texts(said)])
        self.redactions.update(redacted.counts)
        text, rationale, rejected, *private = redacted.texts
        said = self._fitting(self._approach.with_texts(said, private)) if private else said
        return text, said, rationale, rejected


def _text(fields: Mapping[str, object], field: str) -> str:
    value = fields.get(field)
    if value is None:
        raise _Bad(field, f"{field} is missing")
    if not isinstance(value, str):
        raise _Bad(field, f"{field} is not text")
    if not value.strip():
        raise _Bad(field, f"{field} is empty")
    _refuse_unstorable(field, value)
    return value


def _refuse_unstorable(field: str, value: str) -> None:
    if "\0" in value:
        raise _Bad(field, f"{field} holds a NUL character")
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise _Bad(field, f"{field} holds half a character (a lone surrogate)")


def _name(fields: Mapping[str, object], field: str) -> str:
    value = fields.get(field)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or len(value.strip()) > _LONGEST_NAME:
        raise _Bad(field, f"{field} is not text of at most {_LONGEST_NAME} characters")
    _refuse_unstorable(field, value)
    return value.strip()


def _private(name: str) -> str:
    """An id or group as it may be stored: one that holds an address or key becomes its hash, still told apart."""
    if not any(kind in _PERSONAL for kind in redact(name).counts):
        return name
    return f"sha256-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _source(fields: Mapping[str, object]) -> Source:
    value = _name(fields, "source").casefold()
    words = [source.value for source in Source]
    if value and value not in words:
        raise _Bad("source", f"source is not one of {', '.join(words)}")
    return Source(value) if value else Source.PERSON


def _minutes(fields: Mapping[str, object]) -> float:
    value = fields.get("minutes")
    if value is None or (isinstance(value, str) and not value.strip()):
        return 0.0
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            minutes = float(value)
        except (ValueError, OverflowError):
            minutes = math.nan
        if 0.0 <= minutes < 1e6:
            return minutes
    raise _Bad("minutes", "minutes is not a number of at least 0")


def _id(feature: str, text: str, said: str) -> str:
    return hashlib.sha256(f"{feature}\0{text}\0{said}".encode()).hexdigest()[:16]
