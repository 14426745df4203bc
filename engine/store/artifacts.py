"""Content-addressed folders over fsspec: an artifact is a folder with a manifest; its id is the manifest's sha256."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from uuid import uuid4

import fsspec

from engine.errors import Invalid, NotFound, WorkFailed

MANIFEST = "manifest.json"


class Artifacts:
    """A store of artifacts under an fsspec URL. Written under a temporary name, then renamed: whole or not there."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            self._files, root = fsspec.core.url_to_fs(self.url)  # pyright: ignore[reportUnknownVariableType] # fsspec is untyped
        except (ImportError, ValueError) as error:
            raise Invalid(
                f"ASSAY_ARTIFACTS: {self.url.partition(':')[0]} is no store this installation can reach.",
                hint="Use file:///folder, or install the fsspec package of that store (s3fs for s3://).",
            ) from error
        self._root = str(root)  # pyright: ignore[reportUnknownArgumentType] # fsspec
        self._local = self.url.startswith("file://")

    def put(self, folder: Path) -> str:
        """Store a folder; the id. The same content again is the same id and no write."""
        manifest = _manifest(folder)
        artifact_id = hashlib.sha256(manifest).hexdigest()
        if self.has(artifact_id):
            return artifact_id
        temporary = f"{self._root}/.{artifact_id}-{uuid4().hex}"
        self._files.makedirs(temporary, exist_ok=True)
        for path in _paths(folder):
            target = f"{temporary}/{path.relative_to(folder).as_posix()}"
            self._files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            self._files.put_file(str(path), target)
        with self._files.open(f"{temporary}/{MANIFEST}", "wb") as file:
            file.write(manifest)
        self._rename(temporary, artifact_id)
        return artifact_id

    def put_bytes(self, name: str, content: bytes) -> str:
        """Store one file as an artifact of its own."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_bytes(content)
            return self.put(Path(folder))

    def has(self, artifact_id: str) -> bool:
        """Whether it is stored."""
        return bool(self._files.exists(f"{self._root}/{artifact_id}/{MANIFEST}"))

    def ids(self) -> list[str]:
        """The ids of all that is stored, in order; what is half written is not among them."""
        if not self._files.exists(self._root):
            return []
        names = (str(path).rsplit("/", 1)[-1] for path in self._files.ls(self._root, detail=False))
        return sorted(name for name in names if not name.startswith(".") and self.has(name))

    def path(self, artifact_id: str, cache: Path | None = None) -> Path:
        """The verified artifact as a folder on this host; copied into ``cache`` where the store is elsewhere.

        Raises ``NotFound``, or ``WorkFailed`` naming a damaged file and both hashes.
        """
        if not self.has(artifact_id):
            raise NotFound(f"There is no artifact {artifact_id[:12]} in {self.url}.", hint="Was ASSAY_ARTIFACTS moved?")
        folder = Path(self._root) / artifact_id if self._local else self._copied(artifact_id, cache)
        _verify(folder)
        return folder

    def read_bytes(self, artifact_id: str, name: str) -> bytes:
        """One verified file of an artifact. Raises ``WorkFailed`` for a damaged one."""
        expected = _named(self._read(artifact_id, MANIFEST), artifact_id).get(name, "missing")
        content = self._read(artifact_id, name)
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise WorkFailed(f"Artifact file {name} is damaged: {found[:12]} instead of {expected[:12]}.")
        return content

    def _read(self, artifact_id: str, name: str) -> bytes:
        with self._files.open(f"{self._root}/{artifact_id}/{name}", "rb") as file:
            return bytes(file.read())

    def _copied(self, artifact_id: str, cache: Path | None) -> Path:
        target = (cache or Path(tempfile.gettempdir()) / "assay-artifacts") / artifact_id
        if not (target / MANIFEST).exists():
            target.mkdir(parents=True, exist_ok=True)
            self._files.get(f"{self._root}/{artifact_id}/", str(target), recursive=True)
        return target

    def _rename(self, temporary: str, artifact_id: str) -> None:
        try:
            self._files.mv(temporary, f"{self._root}/{artifact_id}", recursive=True)
        except OSError:
            if not self.has(artifact_id):  # somebody else stored the same content first: theirs is as good
                raise
            self._files.rm(temporary, recursive=True)


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
    strange = [path for path in _paths(folder) if path.relative_to(folder).as_posix() not in named]
    if strange:
        raise WorkFailed(f"Artifact {folder.name[:12]} holds {strange[0].name}, which its manifest does not name.")


def _named(manifest: bytes, artifact_id: str) -> dict[str, str]:
    """The hashes of a manifest's files by path. Raises ``WorkFailed`` for a manifest that is not of this artifact."""
    found = hashlib.sha256(manifest).hexdigest()
    if found != artifact_id:
        raise WorkFailed(f"Artifact file {MANIFEST} is damaged: {found[:12]} instead of {artifact_id[:12]}.")
    return {str(entry["path"]): str(entry["sha256"]) for entry in json.loads(manifest)["files"]}
