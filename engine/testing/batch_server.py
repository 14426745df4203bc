"""An OpenAI-compatible endpoint with files and batches, which answers each line of a batch as a script says.

It keeps what OpenAI's documentation says a batch goes through; no live endpoint was ever compared with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.testing.scripted_server import Script, refusal


@dataclass
class BatchServer:
    """``script`` answers calls, of a batch and single ones. A batch is over at its ``looks``-th look.

    ``most`` lines of a batch are answered, then it expires; none for all. ``offers``: there is a Batch API at all.
    ``refuses``: it takes no batch. ``then_down`` requests about a batch that was created are answered 503.
    """

    script: Script
    looks: int = 2
    most: int | None = None
    offers: bool = True
    refuses: bool = False
    then_down: int = 0
    single: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    files: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    batches: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def app(self) -> Starlette:
        """The endpoint."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/files", self._files, methods=["GET", "POST"]),
                Route("/v1/files/{name}/content", self._content),
                Route("/v1/batches", self._batches, methods=["GET", "POST"]),
                Route("/v1/batches/{name}", self._look),
                Route("/v1/batches/{name}/cancel", self._cancel, methods=["POST"]),
            ]
        )

    @property
    def uploads(self) -> int:
        """How many files were uploaded."""
        return sum(name.startswith("file-in") for name in self.files)

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        self.single.append(body)
        return self.script(body)

    async def _files(self, request: Request) -> Response:
        if not self.offers:
            return refusal(404)
        if request.method == "GET":
            listed = [_file(name, title) for name, (title, _) in self.files.items() if name.startswith("file-in")]
            return JSONResponse({"object": "list", "data": listed, "has_more": False})
        async with request.form() as form:
            sent = form["file"]
            assert isinstance(sent, UploadFile)
            assert form["purpose"] == "batch"
            name = f"file-in-{len(self.files)}"
            self.files[name] = (sent.filename or "", (await sent.read()).decode())
        return JSONResponse(_file(name, sent.filename or ""))

    async def _content(self, request: Request) -> Response:
        return PlainTextResponse(self.files[request.path_params["name"]][1])

    async def _batches(self, request: Request) -> Response:
        if not self.offers:
            return refusal(404)
        if request.method == "GET":
            return JSONResponse({"object": "list", "data": list(self.batches.values()), "has_more": False})
        asked = await request.json()
        if self.refuses:
            return refusal(400, code="model_not_supported")
        assert asked["endpoint"] == "/v1/chat/completions"
        lines = self.files[asked["input_file_id"]][1].strip().split("\n")
        made: dict[str, Any] = {
            "id": f"batch-{len(self.batches)}",
            "object": "batch",
            "created_at": 0,
            "completion_window": "24h",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "metadata": asked.get("metadata"),
            "status": "validating",
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "looked": 0,
        }
        self.batches[made["id"]] = made
        return JSONResponse(made)

    async def _look(self, request: Request) -> Response:
        if self.then_down:
            self.then_down -= 1
            return refusal(503)
        if request.path_params["name"] not in self.batches:
            return refusal(404)
        batch = self.batches[request.path_params["name"]]
        batch["looked"] += 1
        if batch["status"] in ("validating", "in_progress"):
            batch["status"] = "in_progress"
            if batch["looked"] >= self.looks:
                self._answer(batch, "completed" if self.most is None else "expired")
        return JSONResponse(batch)

    async def _cancel(self, request: Request) -> Response:
        if request.path_params["name"] not in self.batches:
            return refusal(404)
        batch = self.batches[request.path_params["name"]]
        if batch["status"] not in ("validating", "in_progress"):
            return refusal(409)
        self._answer(batch, "cancelled")
        return JSONResponse(batch)

    def _answer(self, batch: dict[str, Any], status: str) -> None:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]][1].strip().split("\n")]
        good: list[str] = []
        bad: list[str] = []
        for line in lines[: self.most]:
            said = self.script(line["body"])
            row = {
                "id": f"req-{line['custom_id'][:8]}",
                "custom_id": line["custom_id"],
                "response": {"status_code": said.status_code, "body": json.loads(bytes(said.body))},
                "error": None,
            }
            (good if said.status_code == 200 else bad).append(json.dumps(row, ensure_ascii=False))
        batch["status"] = status
        batch["request_counts"] = {"total": len(lines), "completed": len(good), "failed": len(bad)}
        for key, rows in (("output_file_id", good), ("error_file_id", bad)):
            if rows:
                batch[key] = f"file-{key[:3]}-{batch['id']}"
                self.files[batch[key]] = (key, "\n".join(rows))


def _file(name: str, title: str) -> dict[str, Any]:
    return {
        "id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": title, "purpose": "batch",
        "status": "processed",
    }  # fmt: skip
