"""Content-addressed folders over fsspec: an artifact is a folder with a manifest; its id is the manifest's sha256."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

import fsspec

from engine.errors import Invalid, NotFound, NotReady, Unavailable, WorkFailed
from engine.models.base import Value

MANIFEST = "manifest.json"
_ADDRESS_SECONDS = 7_200
_PICKLES = frozenset((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"))
_PROTOCOLS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


P = ParamSpec("P")
R = TypeVar("R")


class Kept(Value):
    """One thing in the store: its name (an artifact's id, or a leftover's), its bytes, and when it was last written."""

    name: str
    bytes: int
    touched_at: datetime


def _reaching(
    method: Callable[Concatenate[Artifacts, P], R],
) -> Callable[Concatenate[Artifacts, P], R]:
    """A method that raises ``Unavailable``, an error of ours, where an object store does not answer or refuses us."""

    @wraps(method)
    def reach(self: Artifacts, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except self.away as error:
            raise Unavailable(f"The artifact store {self.url} cannot be used: {str(error)[:200]}") from error

    return reach


class Artifacts:
    """A store of artifacts under an fsspec URL: whole or not there.

    In a folder an artifact is written under a temporary name, then renamed. An object store knows no rename of folders,
    so there the manifest is written last, and what has none is not there.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            # Without a memory of listings: another host may have stored or removed what was looked at before.
            self._files, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False)  # pyright: ignore[reportUnknownVariableType] # fsspec is untyped
        except (ImportError, ValueError) as error:
            raise Invalid(
                f"ASSAY_ARTIFACTS: {self.url.partition(':')[0]} is no store this installation can reach.",
                hint="Use file:///folder, or for s3://… install: pip install 'assay[s3]'",
            ) from error
        self._root = str(root)  # pyright: ignore[reportUnknownArgumentType] # fsspec
        self._local = self.url.startswith("file://")
        self._is_s3 = self.url.startswith("s3://")
        self.away = away_errors(self.url)

    @_reaching
    def put(self, folder: Path) -> str:
        """Store a folder; the id. The same content again is the same id and no write."""
        for path in _paths(folder):
            _refuse_pickle(path, path.relative_to(folder).as_posix())
        manifest = _manifest(folder)
        artifact_id = hashlib.sha256(manifest).hexdigest()
        if self.has(artifact_id):
            return artifact_id
        where = f"{self._root}/.{artifact_id}-{uuid4().hex}" if self._local else f"{self._root}/{artifact_id}"
        self._make(where)
        for path in _paths(folder):
            target = f"{where}/{path.relative_to(folder).as_posix()}"
            self._make(target.rsplit("/", 1)[0])
            self._files.put_file(str(path), target)
        with self._files.open(f"{where}/{MANIFEST}", "wb") as file:
            file.write(manifest)
        if self._local:
            self._rename(where, artifact_id)
        return artifact_id

    def put_files(self, files: Mapping[str, bytes]) -> str:
        """Store files, by name, as one artifact."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            return self.put(Path(folder))

    @_reaching
    def has(self, artifact_id: str) -> bool:
        """Whether it is stored."""
        return bool(self._files.exists(f"{self._root}/{artifact_id}/{MANIFEST}"))

    @_reaching
    def ids(self) -> list[str]:
        """The ids of all that is stored, in order; what is half written is not among them."""
        if not self._files.exists(self._root):
            return []
        names = (str(path).rsplit("/", 1)[-1] for path in self._files.ls(self._root, detail=False))
        return sorted(name for name in names if not name.startswith(".") and self.has(name))

    @_reaching
    def path(self, artifact_id: str, cache: Path | None = None) -> Path:
        """The verified artifact as a folder on this host; copied into ``cache`` where the store is elsewhere.

        Raises ``NotFound``, or ``WorkFailed`` naming a damaged file and both hashes.
        """
        if not self.has(artifact_id):
            raise NotFound(f"There is no artifact {artifact_id[:12]} in {self.url}.", hint="Was ASSAY_ARTIFACTS moved?")
        folder = Path(self._root) / artifact_id if self._local else self._copied(artifact_id, cache)
        _verify(folder)
        return folder

    @_reaching
    def read_bytes(self, artifact_id: str, name: str) -> bytes:
        """One verified file of an artifact. Raises ``WorkFailed`` for a damaged one."""
        expected = _named(self._read(artifact_id, MANIFEST), artifact_id).get(name, "missing")
        content = self._read(artifact_id, name)
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise WorkFailed(f"Artifact file {name} is damaged: {found[:12]} instead of {expected[:12]}.")
        return content

    def _read(self, artifact_id: str, name: str) -> bytes:
        return bytes(self._files.cat_file(f"{self._root}/{artifact_id}/{name}"))

    @_reaching
    def archive_address(self, artifact_id: str) -> str:
        """An address, good for two hours, from which others may fetch an artifact as one ``.tar.gz``.

        Raises ``NotReady`` for a store that gives no such addresses, as folders do.
        """
        where = f"{self._root}/archives/{artifact_id}.tar.gz"
        with tempfile.TemporaryDirectory() as name:
            folder = self.path(artifact_id, Path(name))
            archive = Path(name) / "archive.tar.gz"
            with tarfile.open(archive, "w:gz") as packed:
                for path in _paths(folder):
                    packed.add(path, arcname=path.relative_to(folder).as_posix())
            self._make(f"{self._root}/archives")
            try:
                self._files.put_file(str(archive), where)
                return str(self._files.sign(where, expiration=_ADDRESS_SECONDS))
            except RuntimeError as error:  # as fsspec says that a store cannot do it
                self._files.rm_file(where)
                raise NotReady(
                    f"{self.url.partition(':')[0]}:// gives no addresses that others may fetch from.",
                    hint="Keep artifacts in an S3 store: ASSAY_ARTIFACTS=s3://bucket/assay",
                ) from error

    @_reaching
    def kept(self, below: str = "") -> list[Kept]:
        """Everything in the store, leftovers of writes that were cut included, by name; or ``below`` a folder of it."""
        root = f"{self._root}/{below}".rstrip("/")
        if not self._files.exists(root):
            return []
        found: list[str] = [str(path) for path in self._files.ls(root, detail=False)]
        names = (path.rstrip("/").rpartition("/")[2] for path in sorted(found))
        return [self._one(f"{below}/{name}" if below else name) for name in names]

    @_reaching
    def remove(self, name: str) -> None:
        """Take an artifact out of the store: first it is not there any more, then its files go."""
        where = f"{self._root}/{name}"
        if self._files.exists(f"{where}/{MANIFEST}"):
            self._files.rm_file(f"{where}/{MANIFEST}")
        self._files.rm(where, recursive=True)

    def _one(self, name: str) -> Kept:
        files: dict[str, dict[str, Any]] = self._files.find(f"{self._root}/{name}", detail=True)
        touched = [_moment(one) for one in files.values()]
        size = sum(int(one.get("size") or 0) for one in files.values())
        return Kept(name=name, bytes=size, touched_at=max(touched, default=datetime.min.replace(tzinfo=UTC)))

    def _copied(self, artifact_id: str, cache: Path | None) -> Path:
        target = (cache or Path(tempfile.gettempdir()) / "assay-artifacts") / artifact_id
        if not (target / MANIFEST).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".copy-") as folder:
                self._files.get(f"{self._root}/{artifact_id}/", f"{folder}/{artifact_id}/", recursive=True)
                with contextlib.suppress(OSError):  # another process copied the same content: theirs is as good
                    (Path(folder) / artifact_id).rename(target)
        return target

    def _make(self, folder: str) -> None:
        """Make a folder. S3 has none: there it would make the bucket, and a misspelt one would go unnoticed."""
        if not self._is_s3:
            self._files.makedirs(folder, exist_ok=True)

    def _rename(self, temporary: str, artifact_id: str) -> None:
        try:
            self._files.mv(temporary, f"{self._root}/{artifact_id}", recursive=True)
        except OSError:
            if not self.has(artifact_id):  # somebody else stored the same content first: theirs is as good
                raise
            self._files.rm(temporary, recursive=True)


def away_errors(url: str) -> tuple[type[Exception], ...]:
    """What a store raises, beside what a file system does, while it does not answer or refuses us."""
    if not url.startswith("s3://"):
        return ()
    botocore = importlib.import_module("botocore.exceptions")  # the extra [s3] alone brings it
    return botocore.BotoCoreError, PermissionError, FileNotFoundError


def _moment(facts: dict[str, Any]) -> datetime:
    """When a file was written, in the words of its store; now where the store does not say, so that it is kept."""
    found: object = facts.get("mtime") or facts.get("LastModified") or facts.get("created")
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(found), UTC) if isinstance(found, int | float) else datetime.now(UTC)


def _refuse_pickle(path: Path, name: str) -> None:
    """Loading a pickle runs whatever is in it, so none gets in, and none that got in is given out."""
    with path.open("rb") as file:
        head = file.read(4096)
    is_pickle = head[:2] in _PROTOCOLS or (head[:2] == b"PK" and b"data.pkl" in head)
    if path.suffix in _PICKLES or (is_pickle and path.suffix != ".safetensors"):  # whose first bytes are a length
        raise WorkFailed(
            f"Artifact file {name} is a pickle, which runs code when it is loaded. Only safetensors, JSON."
        )


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _manifest(folder: Path) -> bytes:
    files = [
        {"path": path.relative_to(folder).as_posix(), "size": path.stat().st_size, "sha256": _sha(path)}
        for path in _paths(folder)
    ]
    return json.dumps({"files": files}, sort_keys=True, separators=(",", ":")).encode()


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(folder: Path) -> None:
    """Every file is the one of the manifest, the manifest is the one of the name, and nothing else lies there."""
    named = _named((folder / MANIFEST).read_bytes(), folder.name)
    for path, expected in named.items():
        found = _sha(folder / path) if (folder / path).exists() else "missing"
        if found != expected:
            raise WorkFailed(f"Artifact file {path} is damaged: {found[:12]} instead of {expected[:12]}.")
        _refuse_pickle(folder / path, path)
    strange = [path for path in _paths(folder) if path.relative_to(folder).as_posix() not in named]
    if strange:
        raise WorkFailed(f"Artifact {folder.name[:12]} holds {strange[0].name}, which its manifest does not name.")


def _named(manifest: bytes, artifact_id: str) -> dict[str, str]:
    """The hashes of a manifest's files by path. Raises ``WorkFailed`` for a manifest that is not of this artifact."""
    found = hashlib.sha256(manifest).hexdigest()
    if found != artifact_id:
        raise WorkFailed(f"Artifact file {MANIFEST} is damaged: {found[:12]} instead of {artifact_id[:12]}.")
    return {str(entry["path"]): str(entry["sha256"]) for entry in json.loads(manifest)["files"]}
