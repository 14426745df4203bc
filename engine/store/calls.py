"""Raw calls on disk: a file for each feature and day, and an index that finds a call by its id. No bodies.

Files only grow, by one compressed piece for each stretch of the spool; readers take the pieces for one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from engine.rules import frame, hours
from engine.rules.hours import Frames, Place

ENDING = ".jsonl.zst"
UNKNOWN_FEATURE = "unknown"
_DAY = timedelta(days=1)
_INDEX = "index"
_ENTRY: list[tuple[str, str]] = [("key", "<u8"), ("unit", "<u8"), ("place", "<u4")]
_NEAR_MS = 5_000  # a call's id is made about when the call is
_FAR = 2**48  # of a UUIDv7
_COUNTS = ("tokens_in", "tokens_in_cached", "tokens_cache_write", "tokens_out", "tokens_reasoning")


@dataclass(frozen=True)
class Found:
    """A call that was answered: where it is counted, its feature and stage by name, and its unit's hash."""

    slug: str
    place: Place
    stage: str
    unit: int


def day_files(frames: Frames, names: Mapping[int, str], *, host: str, forgotten: frozenset[int]) -> dict[str, bytes]:
    """The lines of raw calls by the file they belong to, relative to the folder of raw calls."""
    lines: dict[str, list[bytes]] = {}
    for at, one in enumerate(frames.tolist()):
        row = dict(zip(frames.dtype.names or (), one, strict=True))
        day = datetime.fromtimestamp(row["at_ms"] // 1000, UTC).date()
        slug = names.get(row["feature"], UNKNOWN_FEATURE)
        path = f"{slug}/day={day}/part-{host}{ENDING}"
        lines.setdefault(path, []).append(orjson.dumps(_line(row, bytes(frames["id"][at]), names, forgotten)))
    return {path: b"\n".join(many) + b"\n" for path, many in lines.items()}


def sizes(folder: Path, paths: Sequence[str]) -> dict[str, int]:
    """How large files are now; 0 for one that is not there."""
    return {path: (folder / path).stat().st_size if (folder / path).exists() else 0 for path in paths}


def append(folder: Path, pieces: Mapping[str, bytes], known: Mapping[str, int]) -> None:
    """Put each piece behind what its file had (``known``); what an earlier try left behind it is cut off first."""
    for path, text in pieces.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.truncate(known.get(path, 0))
            file.write(_packed(text))
            file.flush()
            os.fsync(file.fileno())


def index(folder: Path, stem: str, frames: Frames, names: Mapping[int, str]) -> None:
    """Remember where the answered calls of a segment are counted."""
    answers = frames[frames["role"] == frame.Role.ANSWER]
    if not len(answers):
        return
    entries, places = _entries(answers, names)
    where = folder / _INDEX
    where.mkdir(parents=True, exist_ok=True)
    name = f"{min(int(answers['at_ms'].min()), _oldest_ms(answers))}-{int(answers['at_ms'].max())}-{stem}"
    _replace(where / f"{name}.json", orjson.dumps(places))
    with (where / f".{name}").open("wb") as file:
        np.save(file, entries)
    (where / f".{name}").replace(where / f"{name}.npy")


def find(folder: Path, wanted: Sequence[bytes]) -> dict[bytes, Found]:
    """Where calls are counted, of those the index knows."""
    found: dict[bytes, Found] = {}
    for path in sorted((folder / _INDEX).glob("*.npy")):
        first, last, _ = path.name.split("-", 2)
        here = [call for call in wanted if call not in found and _may_be_in(call, int(first), int(last))]
        if here:
            places = json.loads(path.with_suffix(".json").read_bytes())
            found.update(_looked_up(np.load(path, mmap_mode="r"), places, here))
    return found


def find_in(frames: Frames, names: Mapping[int, str], wanted: Sequence[bytes]) -> dict[bytes, Found]:
    """Where calls are counted, of those among frames that are stored and not indexed yet."""
    answers = frames[frames["role"] == frame.Role.ANSWER]
    if not len(answers) or not wanted:
        return {}
    keys = np.array([_key(call) for call in wanted], dtype=np.uint64)
    hits = answers[np.isin(_keys(answers), keys)]
    if not len(hits):
        return {}
    entries, places = _entries(hits, names)
    return _looked_up(entries, places, wanted)


def over(folder: Path, today: date) -> list[Path]:
    """Files of lines of days that ended a day ago or longer, oldest first: few calls come later than that."""
    days = sorted(folder.glob(f"*/day=*/part-*{ENDING}"), key=lambda path: (path.parent.name, path))
    return [path for path in days if date.fromisoformat(path.parent.name.removeprefix("day=")) < today - _DAY]


def calls_of_unit(folder: Path, unit: int) -> tuple[list[str], int]:
    """Drop a unit's lines from all raw calls; the ids of its calls and how many lines that were.

    The caller is the one ingester of this host, so that nobody appends meanwhile.
    """
    mark = f'"unit":"{unit % 2**64:016x}"'.encode()
    ids: list[str] = []
    for path in sorted(folder.glob(f"*/day=*/part-*{ENDING}")):
        kept: list[bytes] = []
        gone: list[str] = []
        for line in lines_of(path):
            (gone.append(json.loads(line)["id"]) if mark in line else kept.append(line))
        if gone:
            _replace(path, _packed(b"".join(kept)))
            ids += gone
    _forget_in_index(folder, unit)
    return ids, len(ids)


def prune(folder: Path, keep_since: Mapping[str, date], *, index_since: datetime, usual: date) -> int:
    """Delete days that are too old, by feature (``usual`` for features nobody knows), and old parts of the index."""
    gone = 0
    for path in folder.glob("*/day=*"):
        if date.fromisoformat(path.name.removeprefix("day=")) < keep_since.get(path.parent.name, usual):
            shutil.rmtree(path)
            gone += 1
    for path in (folder / _INDEX).glob("*-*-*"):
        last = path.name.lstrip(".").split("-", 2)[1]
        if int(last) < index_since.timestamp() * 1000:
            path.unlink(missing_ok=True)
    return gone


def _packed(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=6).compress(text)


def lines_of(path: Path) -> Iterator[bytes]:
    """Lines of a file of pieces, with their line feeds. Raises ValueError for a damaged one."""
    with path.open("rb") as raw:
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        rest = b""
        try:
            while block := reader.read(1 << 20):
                *lines, rest = (rest + block).split(b"\n")
                yield from (line + b"\n" for line in lines)
        except zstandard.ZstdError as error:
            raise ValueError(f"{path.name} is damaged") from error


def _line(row: Mapping[str, Any], call: bytes, names: Mapping[int, str], forgotten: frozenset[int]) -> dict[str, Any]:
    unit = 0 if row["unit"] in forgotten else row["unit"]
    flags = frame.Flag(row["flags"])
    return {
        "id": call.hex(),
        "ts": datetime.fromtimestamp(row["at_ms"] / 1000, UTC).isoformat(timespec="milliseconds"),
        "asked": names.get(row["model_asked"], ""),
        "model": names.get(row["model_served"], ""),
        "host": names.get(row["host"], ""),
        "stage": names.get(row["stage"], ""),
        "unit": f"{unit:016x}" if unit else "",
        **{name: row[name] if row[name] >= 0 else None for name in _COUNTS},
        "latency_ms": row["latency_us"] / 1000 if row["latency_us"] >= 0 else None,
        "ttft_ms": row["ttft_us"] / 1000 if row["ttft_us"] >= 0 else None,
        "share": row["share"],
        "confidence": row["confidence"] if row["confidence"] >= 0 else None,
        "status": row["status"],
        **{name: _word(kind, row[name]) for name, kind in _WORDS.items()},
        "flags": [flag.name.lower() for flag in frame.Flag if flag in flags and flag.name],
    }


_WORDS: Mapping[str, Any] = {
    "why": frame.Why,
    "assigned": frame.Arm,
    "served": frame.Arm,
    "role": frame.Role,
    "finish": frame.Finish,
    "source": frame.Source,
    "fault": frame.Fault,
}


def _word(kind: Any, number: int) -> str:  # noqa: ANN401 (one of the frame's closed lists)
    try:
        return str(kind(number).name).lower()
    except ValueError:
        return str(number)


def _entries(answers: Frames, names: Mapping[int, str]) -> tuple[NDArray[Any], list[list[str]]]:
    """Index entries in order of their keys, and the places they point to."""
    places: list[list[str]] = []
    known: dict[tuple[str, ...], int] = {}
    entries = np.zeros(len(answers), dtype=np.dtype(_ENTRY))
    entries["key"], entries["unit"] = _keys(answers), answers["unit"]
    for one in hours.group(answers):
        stages = answers["stage"][one.rows]
        for stage in np.unique(stages):
            slug = names.get(one.feature, UNKNOWN_FEATURE)
            place = one.place(names.get(one.model, ""))
            told = (slug, names.get(int(stage), ""), place.hour.isoformat(), *place[1:])
            if told not in known:
                known[told] = len(places)
                places.append(list(told))
            entries["place"][one.rows[stages == stage]] = known[told]
    return np.sort(entries, order="key"), places


def _looked_up(entries: NDArray[Any], places: Sequence[Sequence[str]], wanted: Sequence[bytes]) -> dict[bytes, Found]:
    keys = np.ascontiguousarray(entries["key"])
    found: dict[bytes, Found] = {}
    for call in wanted:
        at = int(np.searchsorted(keys, np.uint64(_key(call))))
        if at < len(keys) and int(keys[at]) == _key(call):
            slug, stage, hour, *rest = places[int(entries["place"][at])]
            place = Place(datetime.fromisoformat(hour), *rest)
            found[call] = Found(slug, place, stage, int(entries["unit"][at]))
    return found


def _forget_in_index(folder: Path, unit: int) -> None:
    for path in (folder / _INDEX).glob("*.npy"):
        entries = np.load(path)
        mine = entries["unit"] == np.uint64(unit % 2**64)
        if mine.any():
            draft = path.with_name(f".{path.name}")
            with draft.open("wb") as file:
                np.save(file, entries[~mine])
            draft.replace(path)


def _keys(frames: Frames) -> NDArray[np.uint64]:
    """The last 8 bytes of calls' ids: of a UUIDv7 the random ones."""
    return np.ascontiguousarray(_bytes_of_ids(frames)[:, 8:]).view("<u8").reshape(len(frames))


def _bytes_of_ids(frames: Frames) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frames["id"]).view(np.uint8).reshape(len(frames), 16)


def _key(call: bytes) -> int:
    return int.from_bytes(call[8:], "little")


def _oldest_ms(answers: Frames) -> int:
    """When the oldest of the calls was made, as ids tell it: products report theirs afterwards."""
    raw = _bytes_of_ids(answers)
    timed = raw[raw[:, 6] >> 4 == 7, :6].astype(np.int64)
    return int((timed @ (256 ** np.arange(5, -1, -1))).min(initial=_FAR))


def _may_be_in(call: bytes, first_ms: int, last_ms: int) -> bool:
    is_timed = call[6] >> 4 == 7  # a UUIDv7 says when it was made; ids of products do not
    at_ms = int.from_bytes(call[:6], "big")
    return not is_timed or first_ms - _NEAR_MS <= at_ms <= last_ms + _NEAR_MS


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    draft.replace(path)
