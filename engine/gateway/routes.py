"""The route file: read whole, checked whole, swapped in as one immutable snapshot. It is all the gateway knows.

A file that is torn, wrong or older than the one in force is refused, and the one in force stays (docs/gateway.md).
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import Invalid
from engine.rules.address import refused

log = logging.getLogger(__name__)

SLUG = r"^[a-z][a-z0-9-]{1,39}$"
_OWN_FIELDS = {"model", "messages", "stream", "stream_options"}  # they make the call


def _address(url: str) -> str:
    wrong = refused(url) or ("" if url.isascii() else "holds letters that no address has")
    if wrong:
        raise ValueError(wrong)
    return url.rstrip("/")


def _not_own(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in _OWN_FIELDS)


def _settable(fields: dict[str, Any]) -> dict[str, Any]:
    if taken := _OWN_FIELDS.intersection(fields):
        raise ValueError(f"may not hold {', '.join(sorted(taken))}")
    return fields


class _Part(BaseModel):
    """A part of the file. Fields of later versions are passed over; types are taken as they are, never bent."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Side(_Part):
    """Where one side answers, and how a request is changed for it.

    ``system`` is ``keep``, ``drop`` or a text in the system message's place; ``drop`` and ``set`` name fields of the
    request, and ``drop`` takes out none of those that make the call.
    """

    base_url: Annotated[str, AfterValidator(_address)]
    model: str = Field(min_length=1)
    system: str = "keep"
    drop: Annotated[tuple[str, ...], AfterValidator(_not_own)] = ()
    sets: Annotated[dict[str, Any], AfterValidator(_settable)] = Field(default_factory=dict, alias="set")

    @property
    def keeps(self) -> bool:
        """Whether nothing of a request is changed but the model's name."""
        return self.system == "keep" and not self.drop and not self.sets


class Cascade(_Part):
    """When a tuned answer is good enough; ``labels`` and ``schema`` hold in every mode, ``min_confidence`` in one."""

    min_confidence: float = Field(default=0.0, ge=0, le=1)
    labels: tuple[str, ...] | None = None
    shape: dict[str, Any] | None = Field(default=None, alias="schema")


class Limits(_Part):
    """When the breaker trips: at least ``min_n`` tries in ``window_s``, and more than ``max_bad`` surely bad."""

    window_s: float = Field(default=60, gt=0, le=3600)
    min_n: int = Field(default=20, ge=1, le=600)
    max_bad: float = Field(default=0.10, ge=0, le=1)


class Route(_Part):
    """What traffic of one feature does. ``share`` is the final chance of the tuned side."""

    mode: Literal["observe", "shadow", "canary", "cascade", "tuned", "retired"]
    share: float = Field(ge=0, le=1)
    salt: str = Field(min_length=1)
    unit: Literal["sticky", "request"] = "sticky"
    stage: str = ""
    rolled_back: bool = False  # an observe that came of a rollback: flags say so
    baseline: Side
    tuned: Side | None = None
    ttft_timeout_ms: int = Field(default=10_000, gt=0)
    deadline_ms: int = Field(default=60_000, gt=0)
    capture: Literal["none", "sample", "all"] = "sample"
    redact: tuple[str, ...] = ()
    shadow_share: float = Field(default=1.0, ge=0, le=1)
    cascade: Cascade = Field(default_factory=Cascade)
    breaker: Limits = Field(default_factory=Limits)

    @model_validator(mode="after")
    def _has_sides(self) -> Route:
        if self.tuned is None and self.mode not in ("observe", "retired"):
            raise ValueError(f"has mode {self.mode} but no tuned side")
        return self

    @property
    def splits(self) -> bool:
        """Whether answers may come from the tuned side."""
        return self.mode in ("canary", "cascade", "tuned")


class Key(_Part):
    """A gateway key by its hash, and what it opens."""

    id: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    features: tuple[str, ...]


class _File(_Part):
    version: int = Field(ge=0)
    keys: tuple[Key, ...]
    features: dict[Annotated[str, Field(pattern=SLUG)], Route]


@dataclass(frozen=True)
class Snapshot:
    """All routes and keys of one version of the file."""

    version: int
    keys: dict[str, Key]
    features: dict[str, Route]
    _opened: dict[bytes, tuple[str, ...]] = field(default_factory=dict[bytes, tuple[str, ...]])

    def opens(self, key: bytes) -> tuple[str, ...] | None:
        """The features that a key opens and that exist, sorted; none for a key nobody made."""
        opened = self._opened.get(key)
        if opened is None:
            known = self.keys.get(hashlib.sha256(key).hexdigest())
            if known is None:
                return None
            opened = self._opened[key] = tuple(sorted(self.features.keys() & set(known.features)))
        return opened


def read(path: Path) -> Snapshot:
    """The snapshot a file holds. Raises ``Invalid`` naming the place of the first mistake, OSError when unreadable."""
    try:
        found = _File.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"The route file {path} cannot be used: {f'{where}: ' if where else ''}{first['msg']}.",
            hint="Write it again: assay routes",
        ) from None
    return Snapshot(found.version, {key.sha256: key for key in found.keys}, found.features)


class Routes:
    """The snapshot in force, and the file it is read from. ``refused`` counts files that were not taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshot: Snapshot | None = None
        self.refused = 0
        self.why = f"there is no route file at {path} yet; the engine writes it, or: assay routes"
        self._seen: tuple[int, ...] | None = ()

    def poll(self) -> bool:
        """Look whether the file changed, and take it if it may be. True when another snapshot came into force."""
        seen = self._signature()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            taken = self._newer(read(self.path))
        except FileNotFoundError:
            log.warning("routes.missing", extra={"path": str(self.path)})
            return False
        except (Invalid, OSError) as error:
            self.refused += 1
            self.why = str(error)
            log.warning("routes.refused", extra={"why": self.why})
            return False
        self.snapshot = taken
        log.info("routes.taken", extra={"version": taken.version, "features": len(taken.features)})
        return True

    def _signature(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 (four times a second: no Path object each)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _newer(self, found: Snapshot) -> Snapshot:
        if self.snapshot is not None and found.version < self.snapshot.version:
            raise Invalid(f"The route file has version {found.version}, but {self.snapshot.version} is in force.")
        return found
