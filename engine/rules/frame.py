"""The spool's frame: one try of one production call in 128 little-endian bytes. Knows nothing of files or networks.

The gateway packs frames, the ingester reads them; both must agree, so the layout lives here alone. The gateway imports
it, so it needs the standard library alone: numpy readers build their type as ``numpy.dtype(frame.DTYPE)`` and read with
``numpy.frombuffer(block, dtype)``; then check ``crc`` row by row with `is_whole` (zlib's crc of bytes 4 to 127).

A segment of the spool is three files, `<stem>` being ``<host>-<worker>-<start ms>-<n>`` without further hyphens:

* ``calls-<stem>.bin``      frames, nothing else. Its writer holds ``flock`` (exclusive) on it for as long as it writes.
* ``names-<stem>.jsonl``    a line ``{"hash": "<16 hex>", "name": "…"}`` for each name, before the first frame using it.
* ``events-<stem>.jsonl``   a line of `event_line` for each event below; ``at_ms`` is wall time, ``id`` the 32 hex
  digits of `call_bytes`, and every text is redacted already:
  - ``{"kind": "feedback", at_ms, id, "features": [slugs the sender's key opens], "score", "label", "comment"}``; the
    last three may be null, and a call of another feature is none of the sender's
  - ``{"kind": "trip", at_ms, "feature", "stage", "mode", "n", "bad", "window_s", "latched": true | false}``
  - ``{"kind": "routes", at_ms, "version"}``: this worker has that version of the route file in force from now on
  - ``{"kind": "body", at_ms, id, "feature", "day", "stratum", "served", "model", "messages": […], "output": "…"}``,
    with ``"shadow_output"`` where the stratum is ``differs``; strata: random, unsure, invalid, differs, all.
    Written while `draw` is among the stratum's smallest this worker has seen today: more than are kept in the end.

The .bin appears last and already locked (by rename), so whoever sees an unlocked one sees a finished or a dead
writer's. A frame cut or torn at the end of such a file belongs to a call whose caller got no answer.
"""

from __future__ import annotations

import hashlib
import math
import struct
import uuid
import zlib
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import NamedTuple

VERSION = 1
SIZE = 128
UNKNOWN = -1  # of token counts and durations; an unknown confidence is nan
NO_NAME = 0  # the hash of an empty name

_FORMAT = "<IBBH16sq6Q7idfH6B"  # DTYPE in the words of struct
_BODY = "<BBH16sq6Q7idfH6B"  # all but the crc
_MOST_INT32 = 2**31 - 1

DTYPE: list[tuple[str, str]] = [
    ("crc", "<u4"),
    ("version", "<u1"),
    ("fault", "<u1"),
    ("flags", "<u2"),
    ("id", "V16"),
    ("at_ms", "<i8"),
    ("feature", "<u8"),
    ("model_asked", "<u8"),
    ("model_served", "<u8"),
    ("stage", "<u8"),
    ("unit", "<u8"),
    ("host", "<u8"),
    ("tokens_in", "<i4"),
    ("tokens_in_cached", "<i4"),
    ("tokens_cache_write", "<i4"),
    ("tokens_out", "<i4"),
    ("tokens_reasoning", "<i4"),
    ("latency_us", "<i4"),
    ("ttft_us", "<i4"),
    ("share", "<f8"),
    ("confidence", "<f4"),
    ("status", "<u2"),
    ("why", "<u1"),
    ("assigned", "<u1"),
    ("served", "<u1"),
    ("role", "<u1"),
    ("finish", "<u1"),
    ("source", "<u1"),
]
_INT32 = [name for name, code in DTYPE if code == "<i4"]


class Arm(IntEnum):
    """A side, as `bucket.variant` names it in small letters."""

    BASELINE = 0
    TUNED = 1


class Role(IntEnum):
    """What the try was for. Calls are counted over ANSWER, one each; money over all roles."""

    ANSWER = 0
    FAILED = 1  # a tuned try that the baseline replaced
    ESCALATED = 2  # a cascade's tuned try that was not sure enough
    SHADOW = 3  # a copy nobody waited for


class Why(IntEnum):
    """Why this side served; the word in small letters is the header ``x-assay-why``."""

    SPLIT = 0
    SHARE0 = 1  # nothing goes to the tuned model: observe, shadow, retired, share 0
    FALLBACK = 2
    CASCADE = 3
    TRIPPED = 4
    OVERRIDE = 5  # an exposure: the product chose by itself


class Fault(IntEnum):
    """What was wrong with a try."""

    NONE = 0
    CONNECT = 1  # refused, no such host, TLS
    RESET = 2  # the connection broke, or its bytes were no HTTP
    SLOW = 3  # no content within ttft_timeout_ms
    DEADLINE = 4  # the caller's deadline
    STATUS = 5  # any status but 2xx
    BROKEN = 6  # 200, but no JSON, no choices, or an error event
    INVALID = 7  # label outside the list, or schema broken
    CUT = 8  # a stream that ended, or idled, after content was forwarded
    CLIENT = 9  # the client went away


class Finish(IntEnum):
    """OpenAI's ``finish_reason``; OTHER for any that is not listed, NONE when there was none."""

    NONE = 0
    STOP = 1
    LENGTH = 2
    TOOL_CALLS = 3
    CONTENT_FILTER = 4
    FUNCTION_CALL = 5
    OTHER = 15


class Source(IntEnum):
    """Who measured the call."""

    GATEWAY = 0
    EXPOSURE = 1  # the product called the model itself and told us


class Flag(IntFlag):
    """Yes-or-no facts of a try."""

    STREAM = 1
    ESTIMATED = 2  # tokens_out counts forwarded deltas: the stream was cut before its usage
    CANCELLED = 4  # the client went away (status 499)
    INVALID = 8  # label or schema broken; the answer may have been served all the same
    MISMATCH = 16  # exposure: the variant shown is not the bucket's
    EMBEDDINGS = 32  # counted apart from chat
    RESPONSES = 64
    UNIT_IS_CALL = 128  # no unit was given: the call stands for itself
    CACHE_HIT = 256  # answered from somebody's cache; nothing was bought


class Frame(NamedTuple):
    """One try, in the order of the bytes. Names are `name_hash`es; a unit is a hash and its text is nowhere.

    ``at_ms`` is wall time (UTC) at the start, durations are microseconds of a monotonic clock. ``status`` is what the
    upstream gave, 0 when it gave none, 499 when the client left; for an answer of our own 502 or 504. ``tokens_in``
    includes cached and cache-write tokens, ``tokens_out`` reasoning. ``share`` is the chance of tuned the call had.
    """

    id: bytes
    at_ms: int
    feature: int
    model_asked: int = NO_NAME
    model_served: int = NO_NAME
    stage: int = NO_NAME
    unit: int = NO_NAME
    host: int = NO_NAME
    tokens_in: int = UNKNOWN
    tokens_in_cached: int = UNKNOWN
    tokens_cache_write: int = UNKNOWN
    tokens_out: int = UNKNOWN
    tokens_reasoning: int = UNKNOWN
    latency_us: int = UNKNOWN
    ttft_us: int = UNKNOWN
    share: float = 0.0
    confidence: float = math.nan
    status: int = 0
    why: int = Why.SPLIT
    assigned: int = Arm.BASELINE
    served: int = Arm.BASELINE
    role: int = Role.ANSWER
    finish: int = Finish.NONE
    source: int = Source.GATEWAY
    flags: int = 0
    fault: int = Fault.NONE


def pack(frame: Frame) -> bytes:
    """The 128 bytes of a frame. Counts and durations beyond 32 bits are cut to the largest that fits.

    Raises struct.error for a value that is no number of its kind.
    """
    try:
        body = _packed(frame)
    except struct.error:  # another's figures must never keep a call unrecorded
        large = {name: min(getattr(frame, name), _MOST_INT32) for name in _INT32}
        body = _packed(frame._replace(**large))
    return zlib.crc32(body).to_bytes(4, "little") + body


def unpack(raw: bytes) -> Frame:
    """Read one frame. Raises ValueError for another size or version, or a wrong crc."""
    if len(raw) != SIZE or not is_whole(raw):
        raise ValueError(f"{len(raw)} bytes are no frame; a frame has {SIZE} and a crc that fits")
    _, version, fault, flags, *numbers = struct.unpack(_FORMAT, raw)
    if version != VERSION:
        raise ValueError(f"frame has version {version}; only {VERSION} can be read")
    return Frame._make((*numbers, flags, fault))


def is_whole(raw: bytes | memoryview) -> bool:
    """Whether 128 bytes carry their own crc."""
    return zlib.crc32(raw[4:SIZE]) == int.from_bytes(raw[:4], "little")


def _packed(frame: Frame) -> bytes:
    return struct.pack(_BODY, VERSION, frame.fault, frame.flags, *frame[:-2])


@lru_cache(maxsize=64, typed=True)  # members of two enums with one number are equal
def word(one: IntEnum) -> str:
    """A member's name in small letters, as headers and metrics say it. Kept: asking an enum takes a microsecond."""
    return one.name.lower()


ARMS = tuple([word(one) for one in Arm])  # by number, for whoever cannot wait for `word`
WHYS = tuple([word(one) for one in Why])


def name_hash(name: str) -> int:
    """64 bits of blake2b, big-endian; 0 for an empty name. The same for features, models, stages, hosts and units."""
    if not name:
        return NO_NAME
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def call_bytes(call: str) -> bytes:
    """The 16 bytes of a call's id: a UUID as it is, any other text (ids of products) by blake2b."""
    try:
        return uuid.UUID(call).bytes
    except ValueError:
        return hashlib.blake2b(call.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def draw(feature: str, day: str, call: bytes) -> int:
    """A call's 64-bit number in the draw of examples: of a feature's UTC day (``2026-11-25``) the smallest are kept."""
    return int.from_bytes(hashlib.blake2b(f"{feature}|{day}".encode() + call, digest_size=8).digest(), "big")


def event_line(payload: bytes) -> bytes:
    """One line of an events file: crc32 of the JSON as 8 hex digits, a space, the JSON (no line feed in it)."""
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def event_payload(line: bytes) -> bytes:
    """The JSON of a line, with or without its line feed. Raises ValueError for a torn line."""
    payload = line[9:].removesuffix(b"\n")
    try:
        given = int(line[:8], 16)
    except ValueError:
        given = -1
    if given != zlib.crc32(payload) or line[8:9] != b" ":
        raise ValueError(f"{len(line)} bytes are no event; crc and text do not fit")
    return payload
