"""The reading half of the spool is written against these bytes; numpy and zlib are the independent readers here."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules import frame
from engine.rules.frame import Frame

COUNT = st.integers(-1, 2**31 - 1)
HASH = st.integers(0, 2**64 - 1)
FRAMES = st.builds(
    Frame,
    id=st.binary(min_size=16, max_size=16),
    at_ms=st.integers(-(2**63), 2**63 - 1),
    **dict.fromkeys(("feature", "model_asked", "model_served", "stage", "unit", "host"), HASH),
    **dict.fromkeys([name for name, _ in frame.DTYPE[12:19]], COUNT),
    share=st.floats(0, 1),
    confidence=st.floats(0, 1, width=32),
    status=st.integers(0, 999),
    **dict.fromkeys(("why", "assigned", "served", "role", "finish", "source", "fault"), st.integers(0, 255)),
    flags=st.integers(0, 2**16 - 1),
)


@given(FRAMES)
def test_a_frame_is_read_as_it_was_written(one: Frame) -> None:
    assert frame.unpack(frame.pack(one)) == one


@given(FRAMES)
def test_numpy_reads_the_same_fields(one: Frame) -> None:
    raw = frame.pack(one)
    row = np.frombuffer(raw, np.dtype(frame.DTYPE))[0]
    assert len(raw) == frame.SIZE == np.dtype(frame.DTYPE).itemsize
    assert row["id"].tobytes() == one.id
    assert {name: row[name].item() for name, _ in frame.DTYPE if name not in ("crc", "version", "id")} == {
        name: value for name, value in one._asdict().items() if name != "id"
    }
    assert row["crc"] == zlib.crc32(raw[4:])


@given(FRAMES, st.integers(0, 127), st.integers(1, 255))
def test_a_frame_with_one_wrong_byte_is_refused(one: Frame, place: int, change: int) -> None:
    raw = bytearray(frame.pack(one))
    raw[place] ^= change
    with pytest.raises(ValueError, match="frame"):
        frame.unpack(bytes(raw))


def test_a_cut_frame_and_one_of_another_version_are_refused() -> None:
    raw = frame.pack(Frame(id=bytes(16), at_ms=0, feature=0))
    with pytest.raises(ValueError, match="127 bytes"):
        frame.unpack(raw[:-1])
    later = b"\x02" + raw[5:]
    with pytest.raises(ValueError, match="version 2"):
        frame.unpack(struct.pack("<I", zlib.crc32(later)) + later)


def test_what_is_unknown_stays_unknown_and_what_is_too_large_is_cut() -> None:
    one = Frame(id=bytes(16), at_ms=0, feature=0, tokens_in=2**40, latency_us=2**31)
    read = frame.unpack(frame.pack(one))
    assert (read.tokens_in, read.latency_us, read.tokens_out) == (2**31 - 1, 2**31 - 1, frame.UNKNOWN)
    assert math.isnan(read.confidence)


def test_names_calls_and_draws_have_the_hashes_the_note_says() -> None:
    # Independent: printf triage | b2sum -l 64 ; printf abc | b2sum -l 128
    assert f"{frame.name_hash('triage'):016x}" == "63b24040165ea6d0"
    assert frame.name_hash("") == frame.NO_NAME
    assert frame.call_bytes("abc").hex() == "cf4ab791c62b8d2b2109c90275287816"
    assert frame.call_bytes("0190e2b4-8d5c-7a3e-9b1f-0123456789ab").hex() == "0190e2b48d5c7a3e9b1f0123456789ab"
    assert frame.draw("triage", "2026-11-25", b"abc") == int("be9502f746b19862", 16)


@given(st.binary(max_size=200).filter(lambda text: b"\n" not in text))
def test_an_event_is_read_back_and_a_torn_one_refused(payload: bytes) -> None:
    line = frame.event_line(payload)
    assert frame.event_payload(line) == payload
    with pytest.raises(ValueError, match="event"):
        frame.event_payload(line[:-2])


def test_the_gateway_gets_frames_without_numpy() -> None:
    code = "import sys, engine.rules.frame; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ)).returncode == 0


def test_a_line_that_is_no_event_is_refused() -> None:
    whole = frame.event_line(b'{"kind": "trip"}')
    assert frame.event_payload(whole) == b'{"kind": "trip"}'
    for torn in (b"", b"not hex! {}", whole[:-4], whole.replace(b" {", b"_{")):
        with pytest.raises(ValueError, match="are no event"):
            frame.event_payload(torn)


def test_members_of_two_enums_with_one_number_have_words_of_their_own() -> None:
    assert [frame.word(one) for one in (frame.Arm.BASELINE, frame.Why.SPLIT, frame.Role.ANSWER, frame.Fault.NONE)] == [
        "baseline", "split", "answer", "none",
    ]  # fmt: skip
