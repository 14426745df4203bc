# pyright: basic
"""Label files in Parquet: the same rows as from the other files, and files that are damaged, huge or something else."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.approaches import Task
from engine.errors import Invalid
from engine.importers.labels import ParsedLabels, read_labels

TASK = Task(approach="classify", classes=("billing", "bug", "Feature request"))
GOOD: list[dict[str, Any]] = [
    {"input": "my card was charged twice", "output": "billing", "id": "t1", "group": "c-7", "minutes": 0.4},
    {"input": "the page is blank, again", "output": "bug", "id": "t2", "source": "product"},
    {"input": "please add a dark mode\nand a light one", "output": "Feature request", "id": "t3"},
]
EVERY = dict.fromkeys(("input", "output", "id", "group", "source", "minutes"))


def as_parquet(rows: list[dict[str, Any]], **more: Any) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), written, **more)
    return written.getvalue()


def read(content: bytes, name: str = "labels.parquet") -> ParsedLabels:
    return read_labels(name, content, TASK, feature="triage")


def refused(content: bytes) -> str:
    with pytest.raises(Invalid) as error:
        read(content)
    return str(error.value)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_its_rows_are_those_of_jsonl(compression: str) -> None:
    found = read(as_parquet([{**EVERY, **row} for row in GOOD], compression=compression))
    assert found.rows == read("\n".join(map(json.dumps, GOOD)).encode(), "labels.jsonl").rows
    assert [row.line for row in found.rows] == [1, 2, 3]


def test_bad_rows_are_told_by_number_and_the_others_go_in() -> None:
    found = read(as_parquet([*GOOD, {"input": None, "output": "bug"}, {"input": "what is this", "output": "bugg"}]))
    assert len(found.rows) == 3
    assert [row.sentence() for row in found.bad] == [
        "line 4: input is missing",
        'line 5: label "bugg" is not one of the 3 of triage; nearest: "bug"',
    ]


def test_bytes_are_text_where_they_are_utf_8_and_columns_may_have_any_case() -> None:
    rows = [{"Input": f"text {number}".encode(), "OUTPUT": TASK.classes[number % 2]} for number in range(4)]
    rows[3]["Input"] = b"caf\xe9"
    found = read(as_parquet(rows))
    assert [row.input for row in found.rows] == ["text 0", "text 1", "text 2"]
    assert found.bad[0].sentence() == "line 4: input is not UTF-8 at byte 4"


def test_conversations_and_objects_are_read() -> None:
    asked = {"it broke": "bug", "pay me": "billing"}
    said = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": label}]}
        for text, label in asked.items()
    ]
    assert {row.input: row.output for row in read(as_parquet(said)).rows} == asked
    rows = [{"input": "14 Oak St", "output": {"street": "Oak St"}}, {"input": "2 Elm", "output": {"street": "Elm"}}]
    whole = read_labels(
        "a.parquet",
        as_parquet(rows),
        Task(approach="extract", schema={"type": "object", "properties": {"street": {"type": "string"}}}),
        feature="address",
    )
    assert whole.rows[0].output == '{"street": "Oak St"}'


def test_a_small_file_that_stands_for_gigabytes_is_refused() -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 150_000), ["x" * 30_000])  # 4.5 GB, written once
    written = io.BytesIO()
    pq.write_table(pa.table({"input": repeated, "output": ["bug"] * 150_000}), written)
    assert len(written.getvalue()) < 1_000_000
    assert "unpacks to more than 50 MB" in refused(written.getvalue())


def test_too_many_rows_are_refused_before_they_are_read() -> None:
    content = as_parquet([{"input": "a", "output": "bug"}] * 200_001)
    assert "more than 200,000 rows" in refused(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1rest", "cannot be read: damaged, or encrypted"),
        (as_parquet(GOOD)[:-40], "cannot be read"),
        (as_parquet([{"text": "a", "label": "b"}]), "has no column input and no column output"),
        (as_parquet([{"input": "a", "Input": "a", "output": "b"}]), "names a column twice"),
    ],
    ids=["head alone", "cut", "other columns", "a column twice"],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, said: str) -> None:
    assert said in refused(content)


def test_without_pyarrow_the_refusal_names_the_extra_and_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as Python itself says that there is none
    said = refused(b"PAR1whatever")
    assert "the extra analytics" in said
    assert "pip install" in said
