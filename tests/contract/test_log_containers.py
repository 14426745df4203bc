"""A log reads the same whatever it comes in, and takes the same memory however long it is."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from itertools import chain, repeat

import pytest
import zstandard

from engine.errors import Invalid
from engine.importers.calls import Where, best_fit, importer_of
from engine.importers.calls.nested import elements
from engine.models.call import BadRow, Call, SkippedRow
from tests.contract.logs import JSON_FORMATS, ROW, UNTIL, WRITERS, read, write_assay, write_litellm


class Endless(io.RawIOBase):
    """A file that begins, repeats its middle so often, and ends."""

    def __init__(self, begin: bytes, middle: bytes, end: bytes, times: int) -> None:
        super().__init__()
        self._pieces = chain([begin] if begin else [], repeat(middle, times), [end] if end else [])
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._left:
            self._left = next(self._pieces, b"")
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("name", WRITERS)
def test_memory_does_not_grow_with_the_file(name) -> None:
    row = ROW | {"input": "Lorem ipsum. " * 4000}  # 52 KB a row
    header, _, line = (
        WRITERS[name]([row]).rstrip().rpartition(b"\n") if name == "csv" else (b"", b"", WRITERS[name]([row]))
    )
    stream = Endless(header + b"\n" if header else b"", line + b"\n", b"", 300)
    assert _peak_of(stream, name) < 12_000_000


@pytest.mark.parametrize(
    ("begin", "end"), [(b"[", b"{}]"), (b'{"object": "list", "data": [', b'{}], "meta": {"page": 1}}')]
)
def test_memory_does_not_grow_with_one_json_document(begin, end) -> None:
    row = write_assay([ROW | {"input": 'Lorem "ipsum" {[. ' * 3000}])
    assert _peak_of(Endless(begin, row + b",", end, 300), "assay") < 12_000_000


def _peak_of(stream, name) -> int:
    """Bytes held at most while more than 15 MB of calls are read, one after the other."""
    tracemalloc.start()
    try:
        reader = importer_of(name)(stream, until=UNTIL, keep=lambda _call: False)
        found = sum(isinstance(call, Call) for call in reader)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == 300
    return peak


def test_the_first_call_is_there_before_the_file_is_read() -> None:
    stream = Endless(b"", write_assay([ROW]) + b"\n", b"", 10**6)
    assert isinstance(next(importer_of("assay")(stream, until=UNTIL)), Call)


@pytest.mark.parametrize("name", JSON_FORMATS)
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_or_a_page_reads_as_its_lines_do(name, indent) -> None:
    rows = [
        json.loads(line) for line in WRITERS[name]([ROW | {"id": f"c{number}"} for number in range(3)]).split(b"\n")
    ]
    lines = read(WRITERS[name]([ROW | {"id": f"c{number}"} for number in range(3)]), name)
    assert len(lines) == 3
    for document in (rows, {"data": rows}, {"meta": {"data": [1]}, "data": rows, "next": None}):
        assert read(json.dumps(document, indent=indent).encode(), name) == lines


@pytest.mark.parametrize("name", WRITERS)
def test_a_packed_file_reads_as_the_plain_one(name) -> None:
    plain = WRITERS[name]([ROW | {"id": f"c{number}"} for number in range(50)])
    assert read(gzip.compress(plain), name) == read(plain, name)
    assert read(zstandard.ZstdCompressor().compress(plain), name) == read(plain, name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"{}\n" * 5_000, mtime=0)[:-40], "broken or cut off"),
        (b"\x1f\x8b" + b"nothing" * 9, "broken or cut off"),
        (b"\x28\xb5\x2f\xfd" + b"nothing" * 9, "broken or cut off"),
        (b"PK\x03\x04", "a zip or Excel file"),
        (b"hello", "neither JSON nor CSV"),
        (b"a,b,a\n1,2,3\n", 'names the column "a" twice'),
    ],
)
def test_a_file_that_cannot_be_read_says_what_it_is(content, said) -> None:
    with pytest.raises(Invalid) as told:
        read(content)
    assert said in told.value.message
    assert told.value.hint


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"[]", b'{"data": []}'])
def test_an_empty_file_has_no_rows(content) -> None:
    assert [row for row in read(content) if isinstance(row, Call)] == []


def test_rows_of_a_document_are_counted_as_rows_and_broken_ones_sink_nothing() -> None:
    long = write_assay([ROW | {"input": 'x"{' * 1_500_000}])
    parts = [write_assay([ROW]), b'{"id": nope}', b"7", long, write_assay([ROW | {"id": "c2"}])]
    found = read(b"[" + b", ".join(parts) + b"]")
    assert [type(row) for row in found] == [Call, BadRow, BadRow, BadRow, Call]
    said = [row.sentence() for row in found if isinstance(row, BadRow)]
    assert said[0].startswith("row 2: not JSON")
    assert said[1:] == ["row 3: not a JSON object", "row 4: longer than 4,000,000 bytes"]
    torn = read(b"[" + b", ".join(parts[:1]) + b', {"id": "c')
    assert [row.sentence() for row in torn if isinstance(row, BadRow)] == ["row 2: the file ends before this row does"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_a_document_reads_the_same_however_it_arrives(size) -> None:
    row = json.dumps({"id": 'a\\"]}', "n": [[], {}, {"k": "[{"}], "s": "é\u2028\\"}).encode()
    document = b'{"x": {"data": [1]}, "data": [' + row + b", " + row + b"]}"
    export = b'{"resourceSpans": [{"resource": {"attributes": {"a": {}}}, "scopeSpans": [{"spans": [' + row + b"]}]}]}"
    for whole, resource in ((document, b""), (export, b'{"attributes": {"a": {}}}')):
        pieces = Endless(b"", b"", b"", 0)
        pieces._pieces = (whole[at : at + size] for at in range(0, len(whole), size))
        found = list(elements(_Small(pieces, size)))
        assert {(one.text, one.resource, one.is_whole) for one in found} == {(row, resource, True)}


class _Small:
    def __init__(self, stream, size) -> None:
        self._stream, self._size = stream, size

    def read(self, size) -> bytes:
        return self._stream.read(min(size, self._size))


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_knows_its_own_and_is_found_among_the_others(name) -> None:
    assert best_fit(io.BytesIO(WRITERS[name]([ROW] * 3))) == name


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_a_format_without_its_time_refuses_the_row(name) -> None:
    row = json.loads(WRITERS[name]([ROW]))
    for holder in (row, row.get("response") if isinstance(row.get("response"), dict) else {}):
        for field in ("ts", "created", "startTime", "request_created_at", "timestamp"):
            holder.pop(field, None)
    (found,) = read(json.dumps(row).encode(), name)
    assert isinstance(found, BadRow)
    assert "is missing" in found.reason


@pytest.mark.parametrize(
    ("path", "value", "kept"),
    [
        ("tags", "eu", 1),
        ("meta.feature", "triage", 2),
        ("meta.deep.flag", "true", 1),
        ("meta.feature", "Triage", 0),
        ("id", "c2", 1),
        ("nothing.there", "x", 0),
    ],
)
def test_where_keeps_the_rows_that_have_the_value(path, value, kept) -> None:
    rows = [
        ROW | {"id": "c1", "tags": ["eu", "v2"], "meta": {"feature": "triage", "deep": {"flag": True}}},
        ROW | {"id": "c2", "meta": json.dumps({"feature": "triage"})},
        ROW | {"id": "c3", "meta": "triage"},
    ]
    found = list(importer_of("assay")(io.BytesIO(write_assay(rows)), until=UNTIL, where=Where(path, value)))
    assert sum(isinstance(row, Call) for row in found) == kept
    assert sum(isinstance(row, SkippedRow) for row in found) == 3 - kept


def test_where_keeps_the_calls_whose_prompt_begins_with_the_words() -> None:
    asked = ("Sort ticket 12  now: lost", "Sort ticket 7 now: late", "Sort tickets now", "")
    rows = [ROW | {"id": f"c{place}", "input": text} for place, text in enumerate(asked)]
    where = Where("begins", "Sort ticket 1 now:")
    found = list(importer_of("assay")(io.BytesIO(write_assay(rows)), until=UNTIL, where=where))
    assert [isinstance(row, Call) for row in found] == [True, True, False, False]


def test_bodies_of_any_depth_are_told_and_never_break_a_row() -> None:
    deep = '{"a":' * 900 + "1" + "}" * 900
    for body in ([{"role": "user", "content": json.loads(deep)}], {"messages": [[[[[[[[{}]]]]]]]]}):
        row = json.loads(write_litellm([ROW])) | {"messages": body}
        (call,) = read(json.dumps(row).encode(), "litellm")
        assert isinstance(call, Call)
