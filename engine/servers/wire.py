"""JSON over HTTP to a server's or provider's own API, with its failures as our errors. Knows no provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import httpx2

from engine.errors import BadReply, KeyRejected, NotFound, RateLimited, Unavailable

SECONDS = 30.0
Fields = dict[str, Any]


def rows(told: Fields, name: str = "data") -> list[Fields]:
    """The objects listed under a name; none where there is no such list."""
    found = told.get(name)
    listed = cast("list[object]", found) if isinstance(found, list) else []
    return [cast("Fields", one) for one in listed if isinstance(one, dict)]


def inner(told: Fields, name: str) -> Fields:
    """The object under a name, empty where there is none."""
    found = told.get(name)
    return cast("Fields", found) if isinstance(found, dict) else {}


class Wire:
    """One API: its address, its key ("" for none), and who it is in sentences."""

    def __init__(self, name: str, base_url: str, key: str) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def ask(self, method: str, path: str, body: Fields | None = None) -> Fields:
        """The JSON object of an answer, empty for an answer without one; a bare list is its ``data``.

        Raises ``NotFound`` for 404, ``KeyRejected``, ``RateLimited``, ``Unavailable``, and ``BadReply`` with the status
        for anything else that is no success: an answer's text is not repeated, it may quote what was sent.
        """
        try:
            url = f"{self._base_url}{path}"
            reply = httpx2.request(method, url, json=body, headers=self._headers, timeout=SECONDS)
        except httpx2.HTTPError as error:
            raise Unavailable(f"{self.name} does not answer: {type(error).__name__}.") from error
        self._check(reply)
        try:
            told: object = reply.json() if reply.content else {}
        except ValueError as error:
            if method != "GET":  # vLLM says in words that it did it
                return {}
            raise BadReply(f"{self.name} answered {method} {path} with no JSON.") from error
        return {"data": told} if isinstance(told, list) else cast("Fields", told if isinstance(told, dict) else {})

    def found(self, path: str) -> Fields | None:
        """The JSON object at a path; none where there is nothing."""
        try:
            return self.ask("GET", path)
        except NotFound:
            return None

    def put(self, url: str, file: Path) -> None:
        """Send a file to an address that was given for it; our key does not go along."""
        try:
            with file.open("rb") as content:
                size = str(file.stat().st_size)
                headers = {"content-type": "application/octet-stream", "content-length": size}
                headers["x-goog-content-length-range"] = f"{size},{size}"
                self._check(httpx2.put(url, content=content, headers=headers, timeout=SECONDS * 10))
        except httpx2.HTTPError as error:
            raise Unavailable(f"{self.name}'s upload does not answer: {type(error).__name__}.") from error

    def _check(self, reply: httpx2.Response) -> None:
        match reply.status_code:
            case code if 200 <= code < 300:
                return
            case 401 | 403:
                raise KeyRejected(f"{self.name} refuses the key. Mend the variable that ASSAY_UPSTREAM_KEYS names.")
            case 404:
                raise NotFound(f"{self.name} knows no {reply.request.url.path}.", hint="Was it deleted there?")
            case 429:
                raise RateLimited(f"{self.name} is asked too often.", retry_after=60.0)
            case code if code >= 500:
                raise Unavailable(f"{self.name} answered {code}.")
            case code:
                raise BadReply(f"{self.name} refused {reply.request.method} {reply.request.url.path} with {code}.")
