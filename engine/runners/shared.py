"""A job's folder in the artifact store, where control and a job on another host both reach it.

Every file is written whole. Checkpoints come and go with the job, so that another host may go on from them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import fsspec
from pydantic import ValidationError

from engine.errors import Unavailable
from engine.models.base import Value
from engine.runners import JobSpec
from engine.runners.folder import Attempt, Ended, Step
from engine.store.artifacts import away_errors

JOBS = "jobs"  # the folder of the store in which all of them lie
SEEN_SECONDS = 60.0  # control says at most so often that it still looks
_NOTES = ("lowered", "race.json")  # beside checkpoints: begun again at a lower rate, and what a race told so far
_TRAINED = "trainer_state.json"  # what transformers' Trainer writes last into a checkpoint's folder
V = TypeVar("V", bound=Value)
T = TypeVar("T")


class Begun(Value):
    """Said by the job when it starts working: which attempt it is, and on which host."""

    attempt: int
    host: str


class SharedFolder:
    """The files of a job under ``URL/jobs/NAME``. Raises ``Unavailable`` when the store does not answer."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        # Listings must not be remembered: the other side writes.
        files, root = fsspec.core.url_to_fs(url.rstrip("/"), use_listings_cache=False)  # pyright: ignore[reportUnknownVariableType] # fsspec is untyped
        self._files: Any = files
        self._away = (OSError, *away_errors(url))
        self._has_folders = not url.startswith("s3://")  # there it would make the bucket, a misspelt one too
        self._root = f"{root}/{JOBS}/{name}"

    @property
    def exists(self) -> bool:
        """Whether somebody ever asked for this job."""
        return self._bytes("spec.json") is not None

    def prepare(self, spec: JobSpec) -> None:
        """Write the spec; what it asks of the cluster may change from one attempt to the next."""
        if self._value("spec.json", JobSpec) != spec:
            self._write("spec.json", spec.model_dump_json())

    def text(self) -> str:
        """What it was given and what came of it, as it is stored: all that names an artifact."""
        return "\n".join((self._bytes(name) or b"").decode("utf-8", "replace") for name in ("spec.json", "result.json"))

    def spec(self) -> JobSpec:
        """The job's only input."""
        return JobSpec.model_validate_json(self._bytes("spec.json") or b"")

    def attempt(self) -> Attempt:
        """The newest attempt; number 0 before the first."""
        return self._value("attempt.json", Attempt) or Attempt()

    def begin(self, attempt: Attempt) -> None:
        """Note the new attempt; how an older one ended counts no more."""
        self._write("attempt.json", attempt.model_dump_json())
        self._remove("told.json")

    def begun(self) -> Begun | None:
        """Which attempt a host took up last."""
        return self._value("begun.json", Begun)

    def take_up(self, begun: Begun) -> None:
        """Said by the job: this host works on this attempt."""
        self._write("begun.json", begun.model_dump_json())

    def end(self, ended: Ended) -> None:
        """Written last: the attempt is over."""
        self._write("result.json", ended.model_dump_json())

    def ended(self) -> Ended | None:
        """How the newest attempt ended; a stale attempt's result is none.

        A later one counts: control was killed between submitting an attempt and noting it.
        """
        ended = self._value("result.json", Ended)
        return ended if ended is not None and ended.attempt >= max(1, self.attempt().number) else None

    def tell(self, step: Step) -> None:
        """How far the job is."""
        self._write("progress.json", step.model_dump_json())

    def newest_step(self) -> Step | None:
        """What the job told last."""
        return self._value("progress.json", Step)

    def told_seconds(self) -> float:
        """Seconds since control first told that the newest attempt failed; 0 when it has not."""
        at = self._bytes("told.json")
        return max(0.0, time.time() - float(json.loads(at))) if at is not None else 0.0

    def told(self) -> None:
        """Control tells now that the attempt failed."""
        if self._bytes("told.json") is None:
            self._write("told.json", json.dumps(time.time()))

    def seen(self) -> str:
        """A word that changes while control looks after the job."""
        return (self._bytes("seen.json") or b"").decode()

    def see(self) -> None:
        """Control looks after the job."""
        last = self.seen()
        if not last or time.time() - float(last) > SEEN_SECONDS:
            self._write("seen.json", str(time.time()))

    def keep(self, scratch: Path) -> None:
        """Bring the checkpoints of this host into the store: old ones go first, and each is whole or not there."""
        notes = _notes(scratch)
        here, there = _whole(scratch), _checkpoints(self._stored())
        for mark in there.keys() - here.keys():
            for name in (mark, *there[mark]):  # the mark first: without it a checkpoint is not there
                self._remove(f"scratch/{name}")
        for mark in sorted(here.keys() - there.keys()):
            for name in (*here[mark], mark):
                self._put(scratch / name, f"scratch/{name}")
        for name, content in notes.items():
            if self._bytes(f"scratch/{name}") != content:
                self._write(f"scratch/{name}", content)

    def fetch(self, scratch: Path) -> None:
        """Bring what ``keep`` stored into an empty folder of this host."""
        scratch.mkdir(parents=True, exist_ok=True)
        stored = self._stored()
        for mark, others in _checkpoints(stored).items():
            for name in (*others, mark):
                self._get(f"scratch/{name}", scratch / name)
        for name in filter(_is_note, stored):
            self._get(f"scratch/{name}", scratch / name)

    def forget_scratch(self) -> None:
        """A checkpoint is of no use to a job that is done."""
        self._told(
            lambda: self._files.exists(self._at("scratch")) and self._files.rm(self._at("scratch"), recursive=True)
        )

    def _stored(self) -> list[str]:
        """Names of what is in the store below the scratch folder."""
        root = self._at("scratch")

        def found() -> list[str]:
            try:
                return [str(path).partition(root)[2].strip("/") for path in self._files.find(root)]
            except FileNotFoundError:
                return []

        return self._told(found)

    def _get(self, name: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._told(lambda: self._files.get_file(self._at(name), str(target)))

    def _put(self, path: Path, name: str) -> None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return  # an old checkpoint that the training let go of meanwhile
        self._write(name, content)

    def _value(self, name: str, kind: type[V]) -> V | None:
        found = self._bytes(name)
        try:
            return kind.model_validate_json(found) if found is not None else None
        except ValidationError:
            return None  # written by another version: as good as not there

    def _bytes(self, name: str) -> bytes | None:
        def found() -> bytes | None:
            try:
                return bytes(self._files.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

        return self._told(found)

    def _write(self, name: str, content: str | bytes) -> None:
        body = content.encode() if isinstance(content, str) else content
        target = self._at(name)
        draft = f"{target.rpartition('/')[0]}/.{uuid4().hex}"

        def write() -> None:
            if self._has_folders:
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(draft, body)
            self._files.mv(draft, target)

        self._told(write)

    def _remove(self, name: str) -> None:
        def remove() -> None:
            if self._files.exists(self._at(name)):
                self._files.rm_file(self._at(name))

        self._told(remove)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _told(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except self._away as error:
            raise Unavailable(f"The artifact store does not answer ({type(error).__name__}).") from error


def job_names(url: str) -> list[str]:
    """Names of the jobs that have a folder in a store, sorted."""
    files, root = fsspec.core.url_to_fs(url.rstrip("/"), use_listings_cache=False)  # pyright: ignore[reportUnknownVariableType] # fsspec is untyped
    known: Any = files
    try:
        return sorted(Path(str(path)).name for path in known.ls(f"{root}/{JOBS}", detail=False))
    except FileNotFoundError:
        return []


def deployments(url: str) -> set[str]:
    """Ids of the deployments whose jobs have a folder in a store."""
    marks = (name.rpartition("-assay-")[2] for name in job_names(url) if "-assay-" in name)
    return {f"assay-{mark}" for mark in marks}


def _whole(scratch: Path) -> dict[str, list[str]]:
    return _checkpoints(_files_of(scratch))


def _files_of(scratch: Path) -> list[str]:
    """What is there now; the training lets go of folders meanwhile, which ``rglob`` does not bear."""
    return [
        (Path(where) / name).relative_to(scratch).as_posix() for where, _, names in os.walk(scratch) for name in names
    ]


def _notes(scratch: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in filter(_is_note, _files_of(scratch)):
        with suppress(FileNotFoundError):  # the job is done, and its scratch goes
            found[name] = (scratch / name).read_bytes()
    return found


def _is_note(name: str) -> bool:
    return name.rpartition("/")[2] in _NOTES


def _checkpoints(names: Iterable[str]) -> dict[str, list[str]]:
    """Of the files below a scratch folder the whole checkpoints: the file written last of each, and its others.

    Ours are two files in a folder ``checkpoints``, of each stage its own; those of transformers' Trainer a folder each.
    """
    known = sorted(names)
    found: dict[str, list[str]] = {}
    for name in known:
        folder, _, file = name.rpartition("/")
        own = f"{name.removesuffix('.json')}.safetensors"
        if folder.rpartition("/")[2] == "checkpoints" and name.endswith(".json") and own in known:
            found[name] = [own]
        elif file == _TRAINED and folder.startswith("checkpoint-"):
            found[name] = [other for other in known if other.startswith(f"{folder}/") and other != name]
    return found
