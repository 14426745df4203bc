"""Score answers against labels: classes, and fields of documents.

Knows nothing of models, prompts or intervals; it only counts what is right.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from engine.rules import checks

Kind = Literal["text", "exact", "number", "items"]
_KINDS = ("text", "exact", "number", "items")


@dataclass(frozen=True)
class ClassScore:
    """Precision, recall and F1 of one class (0/0 = 0), and how many labelled rows it has."""

    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Classification:
    """Share right, the unweighted mean of the classes' F1, and each class's score."""

    accuracy: float
    macro_f1: float
    per_class: Mapping[Hashable, ClassScore]


@dataclass(frozen=True)
class Extraction:
    """Field counts over all documents, their precision, recall and F1, and the share of documents without an error."""

    true_positive: int
    false_positive: int
    false_negative: int
    precision: float
    recall: float
    f1: float
    exact_match: float


@dataclass(frozen=True)
class FieldRule:
    """How one field is compared.

    text: NFKC, casefolded, spaces collapsed; exact: ==; number: within max(absolute, relative * |expected|), an
    unreadable one is wrong; items: a list of dicts compared by `fields` under the pairing that gets most right.
    """

    kind: Kind = "text"
    absolute: float = 0.0
    relative: float = 0.0
    fields: Mapping[str, FieldRule] | None = None


@dataclass(frozen=True)
class _Tally:
    hits: int = 0
    extra: int = 0
    missed: int = 0

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(self.hits + other.hits, self.extra + other.extra, self.missed + other.missed)


def classification(truth: Sequence[Hashable], predicted: Sequence[Hashable | None]) -> Classification:
    """Score classes; a prediction of None is no valid answer: wrong, and no class of its own.

    Macro over the classes in truth or predicted. Raises ValueError for no rows, different lengths or a missing label.
    """
    checks.same_length("truth", truth, "predicted", predicted)
    if not truth:
        raise ValueError("truth is empty; at least one row is needed")
    for place, label in enumerate(truth):
        _check_label(f"truth[{place}]", label)
        if predicted[place] is not None:
            _check_label(f"predicted[{place}]", predicted[place])
    right = Counter(label for label, said in zip(truth, predicted, strict=True) if label == said)
    labelled = Counter(truth)
    answered = Counter(said for said in predicted if said is not None)
    classes = list(dict.fromkeys([*labelled, *answered]))
    per_class = {name: _class_score(right[name], answered[name], labelled[name]) for name in classes}
    macro = sum(score.f1 for score in per_class.values()) / len(per_class)
    return Classification(sum(right.values()) / len(truth), macro, per_class)


def extraction(
    expected: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any] | None],
    fields: Mapping[str, FieldRule],
) -> Extraction:
    """Score extracted fields, micro-averaged over documents; found None means nothing was found.

    Both null: ignored; a wrong value is a false positive and a false negative. Nothing expected and nothing found
    gives P = R = F1 = 1. Raises ValueError for no documents, different lengths or broken rules.
    """
    checks.same_length("expected", expected, "found", found)
    if not expected:
        raise ValueError("expected is empty; at least one document is needed")
    _check_rules("fields", fields)
    for place in range(len(expected)):
        _check_document(f"expected[{place}]", expected[place])
        _check_document(f"found[{place}]", {} if found[place] is None else found[place])
    tallies = [_record(want, got or {}, fields) for want, got in zip(expected, found, strict=True)]
    total = sum(tallies, _Tally())
    exact = sum(1 for tally in tallies if not tally.extra and not tally.missed) / len(tallies)
    if total == _Tally():
        return Extraction(0, 0, 0, 1.0, 1.0, 1.0, exact)
    score = _class_score(total.hits, total.hits + total.extra, total.hits + total.missed)
    return Extraction(total.hits, total.extra, total.missed, score.precision, score.recall, score.f1, exact)


def _class_score(right: int, answered: int, labelled: int) -> ClassScore:
    precision = right / answered if answered else 0.0
    recall = right / labelled if labelled else 0.0
    return ClassScore(precision, recall, 2.0 * right / (answered + labelled), labelled)


def _record(want: Mapping[str, Any], got: Mapping[str, Any], fields: Mapping[str, FieldRule]) -> _Tally:
    return sum((_field(want.get(name), got.get(name), rule) for name, rule in fields.items()), _Tally())


def _field(want: Any, got: Any, rule: FieldRule) -> _Tally:  # noqa: ANN401 a document's value may be anything
    if rule.fields is not None:
        return _lines(_listed(want), _listed(got), rule.fields)
    if want is None or got is None:
        return _Tally(0, int(got is not None), int(want is not None))
    return _Tally(hits=1) if _agree(want, got, rule) else _Tally(extra=1, missed=1)


def _agree(want: Any, got: Any, rule: FieldRule) -> bool:  # noqa: ANN401 a document's value may be anything
    if rule.kind == "exact":
        return bool(want == got)
    if rule.kind == "text":
        return _folded(want) == _folded(got)
    wanted, gotten = _decimal(want), _decimal(got)
    if wanted is None or gotten is None:
        return False
    return abs(wanted - gotten) <= max(_tolerance(rule.absolute), _tolerance(rule.relative) * abs(wanted))


def _lines(want: Sequence[Any], got: Sequence[Any], fields: Mapping[str, FieldRule]) -> _Tally:
    pairs = _pairing([[_record(one, other, fields).hits for other in map(_line, got)] for one in map(_line, want)])
    partner = dict(pairs)
    taken = set(partner.values())
    total = _Tally()
    for place, one in enumerate(want):
        other = got[partner[place]] if place in partner else None
        total += _record(_line(one), _line(other), fields) + _unreadable(other)
    for place, other in enumerate(got):
        if place not in taken:
            total += _record({}, _line(other), fields) + _unreadable(other)
    return total


def _pairing(hits: list[list[int]]) -> list[tuple[int, int]]:
    """Pair rows with columns so that the sum of hits is largest."""
    if not hits or not hits[0]:
        return []
    from scipy import optimize

    places: NDArray[np.int64] = np.array(
        optimize.linear_sum_assignment(np.array(hits), maximize=True)  # pyright: ignore[reportUnknownArgumentType] # untyped
    )
    return [(int(row), int(column)) for row, column in places.T]


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 a document's value may be anything
    if value is None:
        return []
    return list(cast("list[Any]", value)) if isinstance(value, list | tuple) else [value]


def _line(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 a document's value may be anything
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _unreadable(value: Any) -> _Tally:  # noqa: ANN401 a document's value may be anything
    """Count a line that is no dict as one thing said that is not there."""
    return _Tally() if value is None or isinstance(value, Mapping) else _Tally(extra=1)


def _folded(value: Any) -> str:  # noqa: ANN401 a document's value may be anything
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())


def _decimal(value: Any) -> Decimal | None:  # noqa: ANN401 a document's value may be anything
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _tolerance(value: float) -> Decimal:
    # The decimal a person wrote: a difference of .005 is within a tolerance of .005, which floats deny half the time.
    return Decimal(repr(value))


def _check_label(name: str, label: object) -> None:
    # A float nan is no class: it would not even equal itself.
    if label is None or label != label or not isinstance(label, Hashable):
        raise ValueError(f"{name} is {label!r}; a class label is needed")


def _check_document(name: str, document: object) -> None:
    if not isinstance(document, Mapping):
        raise ValueError(f"{name} is {document!r}; a document is a dict of fields")  # noqa: TRY004 rules refuse so


def _check_rules(name: str, fields: Mapping[str, FieldRule]) -> None:
    if not fields:
        raise ValueError(f"{name} is empty; at least one field rule is needed")
    for field, rule in fields.items():
        checks.choice(f"{name}[{field!r}].kind", rule.kind, _KINDS)
        checks.number(f"{name}[{field!r}].absolute", rule.absolute, 0.0)
        checks.number(f"{name}[{field!r}].relative", rule.relative, 0.0)
        if (rule.kind == "items") != (rule.fields is not None):
            raise ValueError(f"{name}[{field!r}].fields is {rule.fields!r}; kind items needs them, no other has them")
        if rule.fields is not None:
            _check_rules(f"{name}[{field!r}].fields", rule.fields)
