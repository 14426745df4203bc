"""Preference pairs of voice: a text that a person would not send, checked and redacted beside the one they would."""

from __future__ import annotations

import json

import pytest

from engine.approaches import Task
from engine.desk import Desk, editions, labels
from engine.evals.rows import read_rows
from engine.flows.steps import plan
from engine.importers.labels import read_labels
from engine.jobs.train import training_rows
from engine.models.labels import Label
from tests.builders import ASKER, SLUG, a_feature

VOICE = Task(approach="voice")


def row(**said: str) -> str:
    return json.dumps({"input": "refund refused, 40 days", "output": "Hello, we are sorry.", **said})


def test_a_rejected_text_is_kept_redacted_for_texts_alone() -> None:
    (found,) = read_labels("x.jsonl", row(rejected=" No. Mail a@b.org ").encode(), VOICE).rows
    assert (found.output, found.rejected) == ("Hello, we are sorry.", "No. Mail [EMAIL_1]")
    (other,) = read_labels("x.jsonl", row(output="17", rejected="16").encode(), Task(approach="reason")).rows
    assert other.rejected == ""


@pytest.mark.parametrize(
    ("rejected", "why"),
    [
        ("Hello, we are sorry. ", "rejected is the same text as output"),
        ("x" * 32_769, "rejected has 32,769 characters; the limit is 32,768"),
        ("a\0b", "rejected holds a NUL character"),
    ],
)
def test_a_rejected_text_that_says_nothing_is_refused_with_its_row(rejected: str, why: str) -> None:
    lines = "\n".join([row(input="another brief"), row(rejected=rejected)])
    found = read_labels("x.jsonl", lines.encode(), VOICE)
    assert [(bad.line, bad.reason) for bad in found.bad] == [(2, why)]


def test_it_is_stored_counted_in_the_preview_and_exported(desk: Desk) -> None:
    a_feature(desk, approach="voice", labels=())
    said = [(f"brief {place} of matter {place * 7}", f"Go away, {place}.") for place in range(20)]
    lines = [row(input=brief, output="Hello.", rejected=worse) for brief, worse in said]
    seen = labels.import_file(desk, ASKER, SLUG, "a.jsonl", content="\n".join(lines).encode())
    assert "20 rows name a rejected text; a training learns from them once 200 of its rows do." in seen.warnings
    told = editions.export(desk, ASKER, SLUG, name="", form="jsonl").content.decode()
    found = {(one["input"], one["rejected"]) for one in map(json.loads, told.splitlines())}
    assert found
    assert found <= set(said), "the sealed part stays"
    table = editions.export(desk, ASKER, SLUG, name="", form="csv").content.decode()
    assert table.splitlines()[0].endswith(",minutes,rejected")


def test_it_reaches_the_training_beside_the_text_it_was_rejected_for(desk: Desk) -> None:
    rows = [
        Label(
            feature_id=1, row_id=str(place), row_sha=str(place), input=f"brief {place}", output="Hello.", rejected=said
        )
        for place, said in enumerate(("Go away.", ""))
    ]
    kept = desk.services.artifacts.path(plan.rows_artifact(desk.services, rows))
    made = training_rows(read_rows(kept))
    assert [(one.input, one.written, one.rejected) for one in made] == [
        ("brief 0", "Hello.", "Go away."),
        ("brief 1", "Hello.", ""),
    ]
