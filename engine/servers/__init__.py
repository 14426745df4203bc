"""Where a candidate answers over HTTP. A server's model name is the artifact id: a stale one never answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from pydantic import Field

from engine.models.base import Value


class Endpoint(Value):
    """Where to ask: an OpenAI-compatible base URL, the model's name there, and headers to send."""

    base_url: str
    model: str
    headers: dict[str, str] = Field(default_factory=dict)


class Condition(StrEnum):
    """Whether a candidate is served: it answers, it is about to, or it has to be started."""

    READY = "ready"
    STARTING = "starting"
    DOWN = "down"


class Health(Value):
    """How a server is, and why where it does not answer."""

    condition: Condition
    why: str = ""


class Server(Protocol):
    """Serves candidates. Every method is idempotent on the artifact and returns within seconds.

    ``look_seconds`` is how long its health may be taken for what it was. All raise ``Upstream`` for a server that
    cannot be asked, and ``Refused`` or ``WorkFailed`` with the sentence why it never will serve this candidate.
    """

    look_seconds: float

    def ensure(self, artifact: str) -> Endpoint:
        """Serve it, or say where it is served already; it may take a while until it answers there."""
        ...

    def health(self, artifact: str) -> Health:
        """Whether it answers."""
        ...

    def unload(self, artifact: str) -> None:
        """Stop serving it."""
        ...

    def served(self) -> list[str]:
        """The artifacts it serves for this deployment, wanted or not."""
        ...
