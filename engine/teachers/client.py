"""Send one question over HTTP and read the reply, with the ``openai`` package. It never tries twice: ``ask`` does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, Field, ValidationError

from engine.errors import BadReply, KeyRejected, RateLimited, Unavailable, Upstream
from engine.models.feature import is_simulated
from engine.teachers.replies import Question, Reply

TIMEOUT_SECONDS = 60.0
TOO_LONG = "context_length_exceeded"  # the code of an input that does not fit, and the words of servers without it
_TOO_LONG_SAID = re.compile(
    r"maximum (context|model) length|context (length|window|size)|prompt is too long", re.IGNORECASE
)
FILTERED = "content_filter"  # the code and the finish reason of an endpoint's own filter
_DEFAULT_WAIT = 0.0  # a 429 without Retry-After: the caller's own waits decide
_MEND = {
    400: "it does not accept the request; check the prompt's parameters",
    401: "the key was rejected; check OPENAI_API_KEY or ASSAY_UPSTREAM_KEYS",
    402: "the account is out of credit",
    403: "the key may not use this model",
    404: "there is no such model or address; check model and base_url",
}


def connected(base_url: str, key: str, timeout: float) -> openai.OpenAI:
    """The SDK's client of one endpoint, which tries nothing twice and follows nobody elsewhere; close it."""
    # A redirect could lead a key, or a request from inside our network, to another host.
    http = openai.DefaultHttpxClient(follow_redirects=False, timeout=timeout)
    return openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=timeout, http_client=http)


class Client:
    """One endpoint with its key. Safe to use from several threads; close it, or use it in a ``with``."""

    def __init__(self, base_url: str, key: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._openai = connected(base_url, key, timeout)

    def send(self, question: Question) -> Reply:
        """Ask once.

        Raises ``RateLimited``, ``Unavailable`` or ``BadReply``, which may be tried again, and ``KeyRejected``, which
        may not.
        """
        began = time.perf_counter()
        try:
            got = self._openai.post(
                "/chat/completions",
                body={**question.parameters, "model": question.model, "messages": list(question.messages)},
                cast_to=object,
            )
        except openai.APIStatusError as error:
            return _refused(question, error, _since(began))
        except (openai.APIError, json.JSONDecodeError) as error:
            raise told(named(question.model, question.base_url), error) from error
        most = question.input_tokens_most, question.output_tokens_most
        return read(named(question.model, question.base_url), got, most=most, latency_ms=_since(began))

    def close(self) -> None:
        """Give the connections back."""
        self._openai.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Details(BaseModel):
    cached_tokens: int | None = Field(default=None, ge=0)


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    prompt_tokens_details: _Details | None = None


class _Said(BaseModel):
    content: Any = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Completion(BaseModel):
    """What is read of a chat completion; the SDK's own classes do not check what they parse."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def read(place: str, got: object, *, most: tuple[int, int], latency_ms: float) -> Reply:
    """A chat completion as a reply; ``most`` tokens in and out where it does not count them. Raises ``BadReply``."""
    try:
        completion = _Completion.model_validate(got)
    except ValidationError as error:
        raise BadReply(f"{place} sent something that is no chat completion.") from error
    said, usage = completion.choices[0].message, completion.usage
    if not isinstance(said.content, str | None):
        raise BadReply(f"{place} sent an answer that is no text.")
    details = usage.prompt_tokens_details if usage else None
    fed = usage.prompt_tokens if usage else most[0]
    return Reply(
        text=_storable(said.content or said.refusal or ""),
        finish=completion.choices[0].finish_reason or "",
        refusal=bool(said.refusal),
        tokens_in=fed,
        tokens_cached=min((details.cached_tokens if details else 0) or 0, fed),
        tokens_out=usage.completion_tokens if usage else most[1],
        latency_ms=latency_ms,
    )


def _storable(text: str) -> str:
    """A reply is kept whatever it holds; no database keeps half characters, and PostgreSQL no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def filtered(latency_ms: float) -> Reply:
    """The reply that is a refusal of one input by the endpoint's own filter."""
    return _nothing(FILTERED, latency_ms, refusal=True)


def too_long(latency_ms: float) -> Reply:
    """The reply to an input that does not fit the model's context: cut short, so no answer, and never cut silently."""
    return _nothing("length", latency_ms, refusal=False)


def told(place: str, error: openai.APIError | json.JSONDecodeError) -> Upstream:
    """What an error of the SDK's is to us."""
    if isinstance(error, openai.APIConnectionError):
        return Unavailable(f"{place} did not answer ({type(error).__name__}).")
    if not isinstance(error, openai.APIStatusError):
        return BadReply(f"{place} sent something that is no chat completion.")
    status, code = error.status_code, _word(error.code)
    if status == 429 and code != "insufficient_quota":
        return RateLimited(f"{place} asks to wait.", _seconds(error.response.headers))
    if status in (408, 409, 425) or status >= 500:
        return Unavailable(f"{place} answered {status}.")
    why = _MEND[402] if status == 429 else _MEND.get(status, "it refuses the request")
    marked = f"{status} ({code})" if code else str(status)
    return KeyRejected(f"{place} answered {marked}: {why}. What was paid is kept.")


def named(model: str, base_url: str) -> str:
    """A model and its endpoint as messages name them."""
    marked = " (simulated)" if is_simulated(model) else ""
    return f"{model}{marked} at {urlsplit(base_url).netloc.rpartition('@')[2]}"


def _nothing(finish: str, latency_ms: float, *, refusal: bool) -> Reply:
    return Reply(
        text="", finish=finish, refusal=refusal, tokens_in=0, tokens_cached=0, tokens_out=0, latency_ms=latency_ms
    )


def _refused(question: Question, error: openai.APIStatusError, latency_ms: float) -> Reply:
    """A reply that is a refusal of this one input, or the error the status stands for."""
    if _word(error.code) == FILTERED:
        return filtered(latency_ms)
    if error.status_code in (400, 413, 422) and (error.code == TOO_LONG or _TOO_LONG_SAID.search(str(error.message))):
        return too_long(latency_ms)
    raise told(named(question.model, question.base_url), error) from error


def _seconds(headers: Mapping[str, str]) -> float:
    """How long the endpoint asks to wait: in milliseconds, in seconds, or as a date against its own clock."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            return max(float(headers[name]) / unit, 0.0)
    with suppress(KeyError, ValueError):
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
        return max(wait.total_seconds(), 0.0)
    return _DEFAULT_WAIT


def _word(code: object) -> str:
    """The endpoint's own word for an error; its sentences may quote keys or prompts and are never shown."""
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else ""


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
