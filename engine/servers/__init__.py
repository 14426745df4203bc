"""Where a candidate answers over HTTP. A server's model name is the artifact id: a stale one never answers."""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from engine.models.base import Value


class Endpoint(Value):
    """Where to ask: an OpenAI-compatible base URL, the model's name there, and headers to send."""

    base_url: str
    model: str
    headers: dict[str, str] = Field(default_factory=dict)


class Server(Protocol):
    """Serves candidates. Every method is idempotent on the artifact."""

    def ensure(self, artifact: str) -> Endpoint:
        """Serve it, or say where it is served already."""
        ...

    def health(self, artifact: str) -> str:
        """Empty, or the sentence why it does not answer."""
        ...

    def unload(self, artifact: str) -> None:
        """Stop serving it."""
        ...
