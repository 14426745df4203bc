"""Serve an adapter by a vLLM of the team's own, over HTTP alone: loaded and unloaded while it runs.

It must run with ``VLLM_ALLOW_RUNTIME_LORA_UPDATING=True``, in a private network, and see the artifact's folder under
the same path. Never run against a real vLLM by Assay's authors (docs/engine.md).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import NotFound, NotReady, WorkFailed
from engine.models.base import Value
from engine.servers import Condition, Endpoint, Health
from engine.servers.wire import Wire, inner, rows
from engine.store.artifacts import Artifacts

ADAPTER = "adapter_model.safetensors"
_OURS = 64  # an artifact's id: other adapters of that vLLM are somebody else's


class Fingerprint(Value):
    """A prompt, and how the candidate's answer to it was read when it was judged."""

    prompt: str
    answer: str
    task: Task

    def is_answer(self, text: str) -> bool:
        """Whether a reply is read as the same answer: it may say how it was reached, or be written otherwise."""
        approach = approach_of(self.task.approach)
        return approach.grade(self.answer, approach.parse(text, self.task), self.task) == 1.0


class VllmServer:
    """Implements ``Server``. ``base_url`` ends in /v1; ``fingerprint`` gives the recorded answer of a candidate."""

    look_seconds = 5.0

    def __init__(
        self,
        base_url: str,
        key: str,
        artifacts: Artifacts,
        *,
        cache: Path,
        fingerprint: Callable[[str], Fingerprint | None],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._artifacts = artifacts
        self._cache = cache
        self._fingerprint = fingerprint

    def ensure(self, artifact: str) -> Endpoint:
        """Load the adapter under its hash, and ask it one thing it must know: vLLM has answered with the wrong one.

        Raises ``NotReady`` for a candidate that is no adapter, ``WorkFailed`` for another answer (it is unloaded then).
        """
        wire = self._wire()
        if artifact not in _loaded(wire):
            folder = self._artifacts.path(artifact, self._cache)
            if not (folder / ADAPTER).exists():
                raise NotReady(
                    "vLLM serves LoRA adapters of chat models; this candidate is none.",
                    hint="Serve it on the engine's host: assay routes --set SLUG server=local",
                )
            wire.ask("POST", "/load_lora_adapter", {"lora_name": artifact, "lora_path": str(folder)})
            self._prove(wire, artifact)
        return Endpoint(base_url=self._base_url, model=artifact)

    def health(self, artifact: str) -> Health:
        """Ready once it lists the adapter under its hash."""
        wire = self._wire()
        return Health(condition=Condition.READY if artifact in _loaded(wire) else Condition.DOWN)

    def unload(self, artifact: str) -> None:
        """Take the adapter out; one that is not there is out already."""
        wire = self._wire()
        if artifact in _loaded(wire):
            wire.ask("POST", "/unload_lora_adapter", {"lora_name": artifact})

    def served(self) -> list[str]:
        """The adapters it lists whose names are hashes, as ours are."""
        wire = self._wire()
        return [name for name in _loaded(wire) if len(name) == _OURS]

    def _wire(self) -> Wire:
        return Wire("vLLM", self._base_url, self._key)

    def _prove(self, wire: Wire, artifact: str) -> None:
        known = self._fingerprint(artifact)
        if known is None:
            return
        messages = [{"role": "user", "content": known.prompt}]
        said = wire.ask(
            "POST", "/chat/completions", {"model": artifact, "messages": messages, "temperature": 0, "max_tokens": 512}
        )
        answers = [str(inner(one, "message").get("content") or "") for one in rows(said, "choices")]
        if not answers or not known.is_answer(answers[0]):
            wire.ask("POST", "/unload_lora_adapter", {"lora_name": artifact})
            raise WorkFailed("vLLM answers its fingerprint prompt otherwise than the candidate did; it was unloaded.")


def _loaded(wire: Wire) -> list[str]:
    try:
        told = wire.ask("GET", "/models")
    except NotFound as error:
        raise NotReady(
            "There is no OpenAI-compatible API at that address.", hint="Does server_url end in /v1?"
        ) from error
    return [str(one["id"]) for one in rows(told)]
