"""How a document of an extraction is stored, told apart from a wrong one, and read leaf by leaf."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rules.fields import leaves, normalised, replaced, unfit

SCHEMA: dict[str, Any] = {
    "properties": {
        "total": {"type": "number"},
        "day": {"type": "string", "format": "date"},
        "vendor": {"type": "string"},
        "lines": {"type": "array", "items": {"properties": {"qty": {"type": "integer"}}}},
    }
}


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"total": "1,234.50"}, {"total": 1234.5}),
        ({"total": " 12 "}, {"total": 12}),
        ({"total": "12,5"}, {"total": "12,5"}),
        ({"total": 7}, {"total": 7}),
        ({"day": "2 January 2026"}, {"day": "2026-01-02"}),
        ({"day": "some day"}, {"day": "some day"}),
        ({"vendor": "  Acme\u00a0  Ltd "}, {"vendor": "Acme Ltd"}),
        ({"vendor": "  ", "day": None, "lines": []}, {}),
        ({"lines": [{"qty": "3", "note": ""}, "loose"]}, {"lines": [{"qty": 3}, "loose"]}),
        ({"unknown": "stays"}, {"unknown": "stays"}),
    ],
)
def test_a_document_is_stored_plainly(said: dict[str, Any], stored: dict[str, Any]) -> None:
    assert normalised(said, SCHEMA) == stored
    assert normalised(stored, SCHEMA) == stored


def test_leaves_come_in_order_and_go_back_to_their_places() -> None:
    document = {"a": "x", "b": {"c": 7, "d": [True, None, "y", 1.5]}, "e": None}
    assert leaves(document) == ["x", 7, "y", 1.5]
    assert replaced(document, ["x", "7", "y", "1.5"]) == document, "a leaf that reads the same keeps its kind"
    assert replaced(document, ["[EMAIL_1]", "8", "y", "1.5"]) == {
        "a": "[EMAIL_1]",
        "b": {"c": "8", "d": [True, None, "y", 1.5]},
        "e": None,
    }
    with pytest.raises(ValueError, match="texts"):
        replaced(document, ["x"])


def test_what_does_not_fit_is_named_by_its_field() -> None:
    assert unfit({"total": 12.0, "lines": [{"qty": 3}]}, SCHEMA) == ""
    assert unfit({"total": "12 EUR"}, SCHEMA).startswith("output.total")
    assert "output.lines" in unfit({"lines": [{"qty": "many"}]}, SCHEMA)
    assert unfit("no object", SCHEMA).startswith("output")
