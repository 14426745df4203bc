"""Hand many questions to an endpoint's Batch API, and read what came of them. Never run against a live endpoint.

A batch is found again by our own token, which lies in its metadata and in the name of its file. Knows nothing of money.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, cast

import openai
from openai.types import Batch

from engine.errors import BadReply
from engine.teachers.client import FILTERED, TOO_LONG, connected, filtered, named, read, told, too_long
from engine.teachers.replies import Question, Reply

TIMEOUT_SECONDS = 60.0
_OURS = "assay"  # the key of our token in a batch's metadata
_LOOKED_THROUGH = 500  # batches and files of the account among which ours is looked for, newest first
_OVER = ("completed", "failed", "expired", "cancelled")
_NOT_OFFERED = (404, 405, 501)


class Handed(NamedTuple):
    """A batch as the endpoint tells it: its id, whether nothing more comes, calls answered, and files of replies."""

    id: str
    is_over: bool
    answered: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class BatchClient:
    """The Batch API of one endpoint; use it in a ``with``. Every method raises ``Upstream``."""

    base_url: str
    model: str
    sdk: openai.OpenAI

    def offers(self) -> bool:
        """Whether the endpoint has a Batch API at all."""
        try:
            self.sdk.get("/batches?limit=1", cast_to=object)
        except openai.APIStatusError as error:
            if error.status_code in _NOT_OFFERED:
                return False
            raise told(self._place, error) from error
        except (openai.APIError, json.JSONDecodeError) as error:
            raise told(self._place, error) from error
        return True

    def find(self, token: str) -> Handed | None:
        """The batch that was created with this token, none where the account's newest ones have none."""
        with self._errors():
            listed = islice(self.sdk.batches.list(limit=100), _LOOKED_THROUGH)
            return next((_handed(one) for one in listed if (one.metadata or {}).get(_OURS) == token), None)

    def hand_over(self, token: str, questions: Sequence[Question]) -> Handed:
        """Upload the questions, unless their file is there already, and create the batch."""
        with self._errors():
            name = f"assay-{token}.jsonl"
            files = islice(self.sdk.files.list(purpose="batch"), _LOOKED_THROUGH)
            file_id = next((one.id for one in files if one.filename == name), "")
            if not file_id:
                lines = "".join(f"{json.dumps(_line(one), ensure_ascii=False)}\n" for one in questions)
                file_id = self.sdk.files.create(file=(name, lines.encode()), purpose="batch").id
            made = self.sdk.batches.create(
                input_file_id=file_id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={_OURS: token},
            )
            return _handed(made)

    def look(self, batch_id: str) -> Handed:
        """How it stands."""
        with self._errors():
            return _handed(self.sdk.batches.retrieve(batch_id))

    def cancel(self, batch_id: str) -> None:
        """End it; what was answered by then is paid and comes in. One that is over stays as it is."""
        with self._errors():
            try:
                self.sdk.batches.cancel(batch_id)
            except (openai.ConflictError, openai.BadRequestError):
                return

    def replies(self, handed: Handed) -> Iterator[tuple[str, Reply]]:
        """Key and reply of each call that brought one; calls that failed are left out."""
        for file_id in handed.files:
            with self._errors():
                lines = self.sdk.files.content(file_id).text.split("\n")  # a reply may hold other line breaks
            for line in lines:
                said = self._read(line)
                if said is not None:
                    yield said

    @property
    def _place(self) -> str:
        return named(self.model, self.base_url)

    def _read(self, line: str) -> tuple[str, Reply] | None:
        """A line of a file of replies, which may be anything; none for a call that brought no reply."""
        try:
            row: Any = json.loads(line)
            key, said = row["custom_id"], row["response"]
            if said["status_code"] == 200:
                return str(key), read(self._place, said["body"], most=(0, 0), latency_ms=0.0)
            code = said["body"]["error"]["code"]
        except (ValueError, KeyError, TypeError, BadReply):
            return None
        refused = {FILTERED: filtered(0.0), TOO_LONG: too_long(0.0)}.get(code)
        return (str(key), refused) if refused else None

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except (openai.APIError, json.JSONDecodeError) as error:
            raise told(self._place, error) from error
        except (AttributeError, TypeError) as error:  # the SDK does not check what it parses
            raise BadReply(f"{self._place} sent something that is no batch.") from error

    def __enter__(self) -> BatchClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sdk.close()


def batch_client(base_url: str, model: str, key: str, *, timeout: float = TIMEOUT_SECONDS) -> BatchClient:
    """The Batch API of an endpoint."""
    return BatchClient(base_url, model, connected(base_url, key, timeout))


def _line(question: Question) -> dict[str, Any]:
    body = {**question.parameters, "model": question.model, "messages": list(question.messages)}
    return {"custom_id": question.key, "method": "POST", "url": "/v1/chat/completions", "body": body}


def _handed(batch: Batch) -> Handed:
    counts = batch.request_counts
    files = tuple(name for name in (batch.output_file_id, batch.error_file_id) if name)
    return Handed(
        id=batch.id,
        is_over=cast("str", batch.status) in _OVER,
        answered=counts.completed if counts else 0,
        files=files,
    )
