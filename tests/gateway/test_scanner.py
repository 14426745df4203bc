"""Events are found whatever the split of their bytes; the oracle reads the whole text at once, line by line."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.stream import Event, Scanner
from engine.gateway.wire import Broke

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from([b"data: {}", b"data:x", b"data", b": note", b"event: a", b"id: 1", b"data:  two", b"retry: 3"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream whose lines all end alike, as every server's do; CR and LF mixed would be one end or two."""
    end = draw(ENDS)
    found = draw(st.lists(st.lists(LINES, min_size=1, max_size=4), max_size=5))
    return b"".join(end.join(lines) + end + end for lines in found)


def whole(raw: bytes) -> list[bytes]:
    """The payload of each event, read by the rules of the standard from the whole text."""
    found, told = [], []
    for line in raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]:
        name, colon, value = line.partition(b":")
        if name == b"data":
            told.append(value.removeprefix(b" ") if colon else b"")
        elif not line:
            found.append(b"\n".join(told))
            told = []
    return [one for one in found if one]


def scanned(raw: bytes, cuts: list[int]) -> list[Event]:
    scanner = Scanner()
    edges = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    parts = [raw[start:end] for start, end in itertools.pairwise(edges)]
    return [event for part in parts for event in scanner.feed(part)] + scanner.end()


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_events_of_the_whole(raw: bytes, cuts: list[int]) -> None:
    found = scanned(raw, cuts)
    assert [payload for _, payload in found if payload] == whole(raw)


@given(streams())
def test_byte_by_byte_gives_the_events_of_the_whole_and_all_their_bytes(raw: bytes) -> None:
    found = scanned(raw, list(range(len(raw))))
    assert [payload for _, payload in found if payload] == whole(raw)
    assert b"".join(one for one, _ in found).rstrip(b"\r\n") == raw.rstrip(b"\r\n")


def test_a_last_event_without_its_empty_line_is_an_event() -> None:
    assert [payload for _, payload in scanned(b"data: a\n\ndata: [DONE]\n", [])] == [b"a", b"[DONE]"]
    assert scanned(b"data: a\n\n\n", [])[1:] == []


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert [payload for _, payload in scanned(b"\xef\xbb\xbfdata: a\n\n", [1])] == [b"a"]


def test_an_event_that_never_ends_is_given_up() -> None:
    scanner = Scanner()
    assert scanner.feed(b"data: " + b"x" * 1_000_000) == []
    with pytest.raises(Broke, match="over 1 MiB"):
        scanner.feed(b"x" * 100_000)
