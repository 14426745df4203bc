"""The rows that docs/labels.md shows for each approach are taken as they stand."""

from __future__ import annotations

import re

import pytest

from engine.approaches import Task
from engine.approaches.registry import approach_names
from engine.importers.labels import read_labels
from tests.house_rules import ROOT

ROWS = dict(re.findall(r"^```jsonl (\w+)\n(.*?)^```", (ROOT / "docs" / "labels.md").read_text("utf-8"), re.M | re.S))
FIELDS = {"city": {"type": "string"}, "on": {"type": "string", "format": "date"}, "total": {"type": "number"}}
TASKS = {
    "classify": Task(approach="classify", classes=("billing", "bug")),
    "extract": Task(approach="extract", schema={"type": "object", "properties": FIELDS, "required": ["city"]}),
    "reason": Task(approach="reason"),
    "voice": Task(approach="voice"),
}


def test_the_guide_has_rows_for_every_approach() -> None:
    assert set(ROWS) == set(approach_names()) == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_the_rows_of_the_guide_are_taken(name: str) -> None:
    found = read_labels("labels.jsonl", ROWS[name].encode(), TASKS[name])
    assert found.bad == []
    assert len(found.rows) == 2


@pytest.mark.parametrize(
    ("name", "output", "said"),
    [
        ("classify", '"billng"', 'nearest: "billing"'),
        ("extract", '{"city": "Reno", "total": "12 EUR"}', 'output.total: "12 EUR" is not a number'),
        ("extract", '{"total": 1}', "city"),
        ("extract", '{"city": "Reno", "zip": 1}', "zip"),
        ("reason", f'"{"x" * 201}"', "at most 200"),
        ("reason", "true", "output"),
        ("voice", f'"{"x" * 16_385}"', "at most 16,384"),
    ],
)
def test_what_the_guide_says_is_refused_is_refused_by_its_reason(name: str, output: str, said: str) -> None:
    content = f'{ROWS[name]}{{"input": "one more", "output": {output}}}'
    (bad,) = read_labels("labels.jsonl", content.encode(), TASKS[name]).bad
    assert bad.line == 3
    assert said in bad.reason
