"""Fetch a file a person sent in Slack: checked before, capped while, and never a login page taken for labels."""

from __future__ import annotations

import http.client
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

from engine.errors import Invalid

FETCH_SECONDS = 30
MODAL_BYTES = 10 * 1024 * 1024  # docs/slack.md
CONVERSATION_BYTES = 50 * 1024 * 1024
MODES = ("hosted", "snippet")
LABEL_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")
_CHUNK = 64 * 1024
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class SentFile:
    """A file a person sent: what Slack says of it; its bytes are fetched later."""

    id: str
    name: str
    size: int
    url: str
    mode: str = "hosted"


def sent(said: dict[str, Any]) -> SentFile:
    """What Slack says of a file, of a form's value or of ``files.info``."""
    url = said.get("url_private_download") or said.get("url_private") or ""
    return SentFile(
        id=str(said.get("id", "")),
        name=str(said.get("name") or said.get("title") or "labels"),
        size=int(said.get("size") or 0),
        url=str(url),
        mode=str(said.get("mode") or "hosted"),
    )


def may_hold_labels(name: str) -> bool:
    """Whether a file's name is one labels come in; any other file in a thread of ours is none of our business."""
    return PurePath(name).suffix.casefold() in LABEL_SUFFIXES


def check(file: SentFile, most_bytes: int) -> None:
    """Refuse before a byte is fetched. Raises ``Invalid``."""
    if file.mode not in MODES:
        raise Invalid(f"Slack no longer has {file.name[:80]} ({file.mode}).", hint="Send the file again.")
    if file.size > most_bytes:
        raise too_large(file.name, file.size, most_bytes)
    if not file.url:
        raise Invalid(f"Slack gave no address for {file.name[:80]}.", hint="Send the file again.")


def too_large(name: str, size: int, most_bytes: int) -> Invalid:
    """The refusal of a file over the size of its way in, naming both and the way that takes more."""
    said = f"{name[:80]} has {size / _MEGABYTE:,.0f} MB; here at most {most_bytes // _MEGABYTE:,} MB are taken."
    return Invalid(said, hint="Larger files go in on the command line: assay import-labels SLUG FILE")


def fetch(file: SentFile, token: str, most_bytes: int, hosts: Collection[str]) -> bytes:
    """The file's bytes. The caller has checked the host. Raises ``Invalid`` for a login page or too many bytes."""
    request = Request(file.url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 (the host was checked)
    with build_opener(_SameHost(hosts)).open(request, timeout=FETCH_SECONDS) as response:
        content = _read(response, file.name, most_bytes)
        kind = str(response.headers.get("Content-Type", ""))
    if kind.startswith("text/html") or content.lstrip()[:9].lower() == b"<!doctype":
        raise Invalid(
            f"I can't read {file.name[:80]}: Slack sent a login page instead.",
            hint="Share it in this conversation or with me, and check the scope files:read (/assay doctor).",
        )
    return content


def put(url: str, content: bytes) -> int:
    """Send a file's bytes to the address Slack named; the status. The caller has checked the host."""
    request = Request(url, data=content, headers={"Content-Type": "application/octet-stream"}, method="POST")  # noqa: S310 (the host was checked)
    try:
        with urlopen(request, timeout=FETCH_SECONDS) as response:  # noqa: S310 (the same)
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


def _read(response: IO[bytes], name: str, most_bytes: int) -> bytes:
    content = bytearray()
    while chunk := response.read(_CHUNK):
        content += chunk
        if len(content) > most_bytes:
            raise too_large(name, len(content), most_bytes)
    return bytes(content)


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect to a host of Slack's, and drops the token on the way to any other."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = hosts

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        again = super().redirect_request(req, fp, code, msg, headers, newurl)
        if again is not None and urlsplit(newurl).netloc not in self._hosts:
            again.remove_header("Authorization")
        return again
