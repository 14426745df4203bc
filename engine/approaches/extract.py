"""A JSON object under a schema. Reads a reply's first object and grades it field by field; knows nothing of prompts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

from engine.approaches import Parsed, Task, Unfit
from engine.rules.documents import compared, extracted
from engine.rules.fields import Document, Schema, comparable, leaves, normalised, replaced, rules_of, unfit
from engine.rules.metrics import Extraction, extraction
from engine.rules.paired import Paired

_LONGEST = 65_536  # characters of a reply that are searched for an object
_STARTS = 32  # braces at which an object is looked for


class Extract:
    """The answer is an object that fits ``task.schema``; days, numbers and spaces may be written in several ways."""

    margin = 0.03  # three points of field F1
    metric = "field_f1"
    has_rationale = False
    has_rejected = False
    is_partial = True

    def wrong(self, classes: Sequence[str], schema: Mapping[str, Any] | None) -> dict[str, str]:  # noqa: ARG002 (has none)
        """A schema of an object whose fields can be compared is needed."""
        if schema is None:
            return {"schema": "schema is missing"}
        try:
            rules_of(schema)
        except (ValueError, TypeError, AttributeError) as error:
            return {"schema": str(error) if isinstance(error, ValueError) else "schema is no JSON schema"}
        return {}

    def label(self, value: object, task: Task, *, feature: str = "") -> str:  # noqa: ARG002 (the field is named)
        """The object as canonical JSON; it may be given as JSON text. A field that is null is absent."""
        document = _loaded(value) if isinstance(value, str) else value
        said = normalised(cast("Document", document), _schema(task)) if isinstance(document, dict) else document
        why = unfit(said, _schema(task))
        if why:
            raise Unfit(why)
        return written(cast("Document", said))

    def texts(self, label: str) -> list[str]:
        """Every text and number of the object, in its order."""
        return [str(leaf) for leaf in leaves(read(label))]

    def with_texts(self, label: str, texts: Sequence[str]) -> str:
        """The object with those in their places; a number stays one unless its text was changed."""
        return written(replaced(read(label), texts))

    def told(self, label: str) -> object:
        """The object."""
        return read(label)

    def control(self, labels: Sequence[str], task: Task) -> str:
        """Of each field that most documents have, or must have, its most frequent value."""
        schema = _schema(task)
        documents = [read(label) for label in labels]
        constant: dict[str, Any] = {}
        for name in schema["properties"]:
            said = Counter(written({name: one[name]}) for one in documents if name in one)
            if said and (said.total() * 2 > len(documents) or name in schema.get("required", ())):
                constant |= read(said.most_common(1)[0][0])
        return written(constant)

    def parse(self, text: str, task: Task) -> Parsed:
        """The first object of the reply, canonical, or the raw text as invalid where it has none or it does not fit."""
        document = _first_braced(text)
        if document is None:
            return Parsed(output=text, valid=False)
        said = normalised(document, _schema(task))
        if unfit(said, _schema(task)) or _is_torn(written(said)):
            return Parsed(output=text, valid=False)
        return Parsed(output=written(said), valid=True)

    def grade(self, expected: str, got: Parsed, task: Task) -> float:
        """The F1 of the document's fields: 1 where every field is right; 0 for an invalid answer."""
        if not got.valid:
            return 0.0
        schema = _schema(task)
        want, said = (comparable(read(text), schema) for text in (expected, got.output))
        return extraction([want], [said], rules_of(schema)).f1

    def quality(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, float]:
        """``primary``: micro F1 over fields; ``exact`` (share of documents all right), ``precision``, ``recall``."""
        whole = extraction(_wanted(expected, task), _found(got, task), rules_of(_schema(task)))
        return {
            "primary": whole.f1,
            "exact": sum(self.grade(want, one, task) == 1.0 for want, one in zip(expected, got, strict=True))
            / len(got),
            "precision": whole.precision,
            "recall": whole.recall,
            "true_positive": whole.true_positive,
            "false_positive": whole.false_positive,
            "false_negative": whole.false_negative,
        }

    def fields(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, Extraction]:
        """The score of each field of the schema."""
        return dict(extracted(_wanted(expected, task), _found(got, task), rules_of(_schema(task))).fields)

    def paired(
        self,
        expected: Sequence[str],
        ours: Sequence[Parsed],
        theirs: Sequence[Parsed],
        task: Task,
        *,
        groups: Sequence[Hashable],
        level: float,
    ) -> Paired:
        """The difference of micro F1; whole documents, or groups of them, are resampled."""
        return compared(
            _wanted(expected, task),
            _found(ours, task),
            _found(theirs, task),
            rules_of(_schema(task)),
            groups=groups,
            level=level,
        )

    def said(self, task: Task) -> str:  # noqa: ARG002 (the same for all)
        """``an object that fits the schema``."""
        return "an object that fits the schema"


def written(document: Document) -> str:
    """An object as it is stored and compared: its fields in the order of their names."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def read(text: str) -> Document:
    """What ``written`` wrote."""
    return cast("Document", json.loads(text))


def _is_torn(text: str) -> bool:
    """Whether it holds half a character, as of an escape that was cut (``\\ud83d``): nothing can keep it."""
    return not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)


def _wanted(expected: Sequence[str], task: Task) -> list[Document]:
    return [comparable(read(text), _schema(task)) for text in expected]


def _found(got: Sequence[Parsed], task: Task) -> list[Document | None]:
    return [comparable(read(one.output), _schema(task)) if one.valid else None for one in got]


def _schema(task: Task) -> Schema:
    assert task.schema is not None, "a feature of extract has a schema"
    return task.schema


def _loaded(text: str) -> object:
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Unfit("output is no JSON object") from error


def _first_braced(text: str) -> Document | None:
    place, decoder = -1, json.JSONDecoder()
    for _ in range(_STARTS):
        place = text.find("{", place + 1, _LONGEST)
        if place < 0:
            return None
        try:
            found: object = decoder.raw_decode(text, place)[0]
        except (ValueError, RecursionError):
            continue
        return cast("Document", found)
    return None
