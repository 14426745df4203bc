"""What every way to write labels down must keep: rows by line, refusals by name, nothing stored that is secret."""

from __future__ import annotations

import csv
import io
import json

import pytest

from engine.approaches import Task
from engine.errors import Invalid
from engine.importers.labels import FORMATS, ParsedLabels, read_labels, refuse_one_class
from tests.shown import shown

TASK = Task(approach="classify", classes=("billing", "bug", "Feature request"))
GOOD = [
    {"input": "my card was charged twice", "output": "billing", "id": "t1", "group": "customer-7", "minutes": 0.4},
    {"input": "the page is blank, again", "output": "bug", "id": "t2", "source": "product"},
    {"input": "please add a dark mode\nand a light one", "output": "Feature request", "id": "t3"},
]


def as_jsonl(rows) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def as_chat(rows) -> bytes:
    def chat(row):
        row = dict(row)
        said = [
            {"role": "system", "content": "Classify."},
            {"role": "user", "content": row.pop("input", "")},
            {"role": "assistant", "content": row.pop("output", "")},
        ]
        return {"messages": said, **row}

    return as_jsonl([chat(row) for row in rows])


def as_csv(separator: str):
    def write(rows) -> bytes:
        names = ["id", "output", "input", "group", "source", "minutes"]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()

    return write


def as_label_studio(rows) -> bytes:
    def task(row):
        row = dict(row)
        value = {"type": "choices", "value": {"choices": [row.pop("output")]}}
        said = {"result": [value], "lead_time": float(row.pop("minutes", 0)) * 60}
        return {"id": 1, "data": {"text": row.pop("input"), **row}, "annotations": [said]}

    return json.dumps([task(row) for row in rows]).encode()


EXAMPLE = shown("engine/importers/labels/label_studio.py")  # the one that docs/extend.md shows
EXAMPLES_NAME = f"labels{EXAMPLE.SUFFIX}"
COUNTED = ("jsonl", "chat", "label studio")  # ways without a header: the first row is line 1
WAYS = {
    "jsonl": as_jsonl,
    "chat": as_chat,
    ",": as_csv(","),
    ";": as_csv(";"),
    "tab": as_csv("\t"),
    "|": as_csv("|"),
    "label studio": as_label_studio,
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]


def read(content: bytes, name: str = "labels.txt", **more) -> ParsedLabels:
    return read_labels(name, content, TASK, **{"feature": "triage", **more})


def read_way(way: str, content: bytes) -> ParsedLabels:
    return read(content, EXAMPLES_NAME if way == "label studio" else "labels.txt", formats=(*FORMATS, EXAMPLE))


def refused(content: bytes, name: str = "labels.csv", **more) -> str:
    with pytest.raises(Invalid) as told:
        read(content, name, **more)
    assert told.value.hint
    return told.value.message


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_rows_are_read_from_every_format_and_encoding(way, encoding) -> None:
    content = WAYS[way](GOOD).decode().encode(encoding)
    found = read_way(way, content)
    assert found.bad == []
    assert [(row.id, row.input, row.output) for row in found.rows] == [
        (row["id"], row["input"], row["output"]) for row in GOOD
    ]
    assert (found.rows[0].group, found.rows[0].minutes, found.rows[1].source) == ("customer-7", 0.4, "product")
    assert found.classes == {"billing": 1, "bug": 1, "Feature request": 1}


@pytest.mark.parametrize("way", WAYS)
def test_bad_rows_are_named_by_line_and_sink_no_file(way) -> None:
    rows = [
        *GOOD[:2],
        {"input": " ", "output": "bug"},
        {"input": "something else", "output": "billng"},
        {"input": "a", "output": "bug", "minutes": "-1"},
        *({"input": f"row {number}", "output": "bug"} for number in range(4)),
    ]
    first = 1 if way in COUNTED else 2
    found = read_way(way, WAYS[way](rows))
    assert [row.sentence() for row in found.bad] == [
        f"line {first + 2}: input is empty",
        f'line {first + 3}: label "billng" is not one of the 3 of triage; nearest: "billing"',
        f"line {first + 4}: minutes is not a number of at least 0",
    ]
    assert len(found.rows) == 6


@pytest.mark.parametrize("way", WAYS)
def test_secrets_are_replaced_by_marks_and_counted(way) -> None:
    rows = [
        {
            "input": f"write to ann{number}@example.com or ann{number}@example.com, key sk-abc123def456ghi789",
            "output": out,
        }
        for number, out in enumerate(["bug", "billing"])
    ]
    rows[1]["input"] += " twice"
    rows[0]["group"] = "ann@example.com"
    found = read_way(way, WAYS[way](rows))
    assert found.rows[0].input == "write to [EMAIL_1] or [EMAIL_1], key [KEY_1]"
    assert found.redactions == {"EMAIL": 4, "KEY": 2}
    assert "example.com" not in found.model_dump_json()
    assert found.rows[0].group.startswith("sha256-")


@pytest.mark.parametrize("way", WAYS)
def test_a_label_is_forgiven_its_case_and_outer_space_and_that_is_counted(way) -> None:
    found = read_way(way, WAYS[way]([{"input": "a b", "output": " Billing "}, {"input": "c d", "output": "bug"}]))
    assert [row.output for row in found.rows] == ["billing", "bug"]
    assert found.forgiven == 1


@pytest.mark.parametrize("way", WAYS)
def test_one_text_with_two_labels_is_left_out_and_copies_are_counted(way) -> None:
    rows = [
        {"input": "Page  blank", "output": "bug", "id": "a"},
        {"input": "page blank", "output": "billing", "id": "b"},
        {"input": "ok then", "output": "bug", "id": "c"},
        {"input": "OK then", "output": "bug", "id": "d"},
        {"input": "other", "output": "bug", "id": "c"},
        {"input": "one more", "output": "bug", "id": "e"},
        {"input": "two more", "output": "bug", "id": "f"},
    ]
    first = 1 if way in COUNTED else 2
    found = read_way(way, WAYS[way](rows))
    assert [row.id for row in found.rows] == ["c", "e", "f"]
    assert found.duplicates == 1
    assert [row.sentence() for row in found.bad] == [
        f"line {first}: same text as line {first + 1} (id b) with another label; both left out",
        f"line {first + 1}: same text as line {first} (id a) with another label; both left out",
        f"line {first + 4}: has the id of line {first + 2} and another text",
    ]


@pytest.mark.parametrize("content", [b"{", b"{}", b"[" * 100_000, b"", b"\0\0\0"])
def test_the_example_of_the_docs_refuses_what_is_no_export(content) -> None:
    with pytest.raises(Invalid, match=EXAMPLES_NAME):
        read_way("label studio", content)


@pytest.mark.parametrize("task", [None, 5, "", {}, {"data": {"text": "a"}, "annotations": []}, {"annotations": [1]}])
def test_the_example_of_the_docs_names_a_task_it_cannot_read(task) -> None:
    content = json.dumps([*json.loads(as_label_studio(GOOD)), task]).encode()
    found = read_way("label studio", content)
    assert [row.line for row in found.bad] == [4]
    assert len(found.rows) == 3


def test_a_row_without_an_id_gets_one_of_its_content() -> None:
    rows = [{"input": "a", "output": "bug"}, {"input": "b", "output": "billing"}]
    one, two = (read(way(rows)).rows for way in (as_jsonl, as_csv(",")))
    assert [row.id for row in one] == [row.id for row in two]
    assert all(len(row.id) == 16 for row in one)
    assert read(as_jsonl(rows), feature="other").rows[0].id != one[0].id


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"input": "caf\xe9", "output": "bug"}', "not UTF-8 at byte 15"),
        (b'{"input": "abc', "not JSON: unterminated string at column 11"),
        (b"[1]", "not a JSON object"),
        (b'{"output": "bug"}', "input is missing"),
        (b'{"input": 5, "output": "bug"}', "input is not text"),
        (b'{"input": "x", "output": null}', "output is missing"),
        (b'{"input": "x\\u0000", "output": "bug"}', "input holds a NUL character"),
        (b'{"input": "x\\ud800", "output": "bug"}', "input holds half a character (a lone surrogate)"),
        (b'{"input": "x", "output": "bug", "source": "robot"}', "source is not one of person, teacher, product"),
        (b'{"input": "x", "output": "bug", "minutes": NaN}', "minutes is not a number of at least 0"),
        (b'{"input": "' + b"y" * 90_112 + b'", "output": "bug"}', "input has 90,112 characters; the limit is 32,768"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "does not end with an assistant message"),
        (b'{"messages": [{"role": "tool", "content": "x"}]}', "has tools; only conversations of text can be read"),
        (b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
         "has a message without text (images cannot be read)"),
        (b'{"a":' * 5000, "not JSON that can be read: a number too long, or too many brackets"),
    ],
)  # fmt: skip
def test_every_bad_line_says_what_is_wrong(line, said) -> None:
    found = read(as_jsonl(GOOD) + b"\n\n" + line, "labels.jsonl")
    assert [row.sentence() for row in found.bad] == [f"line 5: {said}"]
    assert len(found.rows) == 3


def test_a_label_may_stand_in_an_object() -> None:
    found = read(
        b'{"input": "x", "output": {"label": "BUG"}}\n{"input": "y", "output": {"label": 3}}\n' + as_jsonl(GOOD)
    )
    assert found.rows[0].output == "bug"
    assert found.bad[0].reason == "output is not text"


def test_longer_conversations_keep_who_said_what() -> None:
    said = [("user", "hi"), ("assistant", "yes?"), ("user", "it broke"), ("assistant", "bug")]
    content = as_jsonl([{"messages": [{"role": role, "content": text} for role, text in said]}, *GOOD])
    assert read(content).rows[0].input == "user: hi\n\nassistant: yes?\n\nuser: it broke"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "labels.csv is empty."),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"PK\x03\x04rest", "labels.csv is a zip or Excel file, not text."),
        (b"<!DOCTYPE html><html>", "labels.csv is a web page, not labels."),
        (b"input,output\nabc,b\0ug\n", "labels.csv is no text file: line 2, byte 6 is a NUL."),
        (b"input,output\ncaf\xe9,bug\n", "labels.csv is not UTF-8: line 2, byte 4."),
        (b"input,output\n" + b"x" * 140_000 + b",bug\n", "labels.csv, line 2: a cell is longer than 131,072"),
        (b'input,output\n"a,bug\nb,bug\n', "labels.csv, line 2, column 1: a quote is opened and not closed"),
        (b'input,output\nx,bug\n"a"b,bug\n', "labels.csv, line 3, column 3: text follows a closing quote"),
        (b"text,label\na,bug\n", 'has no column input and no column output. Its first line reads "text", "label".'),
        (b"my card was charged,billing\na,bug\n", "no column input"),
        (b"input\na\n", "no column output. Its first line is one column"),
        (b"input,output,INPUT\na,bug,b\n", 'labels.csv names the column "input" twice in line 1.'),
        (b",".join([b"x"] * 1_000_000) + b"\n", "labels.csv has 1,000,000 columns"),
        (b"input,output\n", "labels.csv has a header and no rows. Nothing was stored."),
        (b"input,output\n,bug\n", "None of the 1 rows of labels.csv is good: line 2: input is empty. Nothing was"),
        (b"input,output\n,bug\n,bug\nx,bug\n", "2 of the 3 rows of labels.csv are bad, more than half"),
        (b'[{"input": "x"}]', "labels.csv is a JSON list."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_whole(content, said) -> None:
    assert said in refused(content)


def test_a_repeated_header_and_a_row_too_wide_are_bad_rows() -> None:
    found = read(b"input,output\r\na,bug\ninput,output\nb,bug,more\r\n\r\nc d,billing")
    assert [row.sentence() for row in found.bad] == [
        "line 3: repeats the header",
        "line 4: has 3 cells; the header names 2 columns",
    ]
    assert [row.line for row in found.rows] == [2, 6]


def test_a_formula_is_a_text_like_any_other() -> None:
    assert read(b"input,output\n=cmd(),bug\n").rows[0].input == "=cmd()"


def test_too_large_and_too_long_files_are_refused() -> None:
    assert "has 200 bytes; by this way a file may have 100 bytes" in refused(b"x" * 200, most_bytes=100)
    content = b"input,output\n" + b"".join(b"row %d,bug\n" % number for number in range(200_001))
    assert "more than 200,000 rows" in refused(content)


def test_one_class_is_refused_and_two_are_not() -> None:
    with pytest.raises(Invalid, match='All 300 rows carry the label "billing"; a classifier needs at least two'):
        refuse_one_class({"billing": 300, "bug": 0})
    refuse_one_class({"billing": 300, "bug": 1})


def test_10_000_rows_are_all_read_in_their_order() -> None:
    texts = [f"ticket {number} my card ending 4 was charged twice on the 3rd" for number in range(10_000)]
    found = read(as_jsonl([{"input": text, "output": TASK.classes[place % 3]} for place, text in enumerate(texts)]))
    assert [row.input for row in found.rows] == texts
    assert found.bad == []
