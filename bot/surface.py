"""Slack as four verbs: post, update, open a form, fetch a file; and a way to answer one person. The only Web API calls.

Errors are told apart by what must be done next, never by Slack's hundred codes (docs/slack.md).
"""

from __future__ import annotations

import http
import http.client
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from bot import files
from bot.blockkit import degrade
from bot.blockkit.render import Message
from bot.blockkit.shape import Json
from bot.files import SentFile
from bot.metrics import API_CALLS
from engine.errors import Invalid, RateLimited, Unavailable, Upstream

log = logging.getLogger(__name__)

CALL_SECONDS = 10
REST_SECONDS = 30.0  # where Slack says 429 and not for how long
REST_MOST = 300.0
DEAD_TOKEN = frozenset({"token_revoked", "invalid_auth", "not_authed", "account_inactive", "token_expired"})
TEMPORARY = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
GONE_PERSON = ("user_not_found", "user_not_visible")
GONE_GROUP = ("no_such_subteam", "subteam_not_found")
SHUT_PERSON = ("cannot_dm_bot", "messages_tab_disabled")
TOO_LARGE = "view_too_large"
OPEN_ALREADY = "duplicate_external_id"
GONE_FILE = frozenset({"file_not_found", "file_deleted", "file_not_visible"})

T = TypeVar("T")


class SlackRefused(Upstream):
    """Slack understood and said no; ``code`` is its word for why, ``needed`` a scope that is missing."""

    def __init__(self, code: str, needed: str = "") -> None:
        super().__init__(f"Slack says {code}" + (f" (scope {needed})" if needed else ""))
        self.code = code
        self.needed = needed


class Unsure(Upstream):
    """The connection broke after the call was sent: it may have taken effect."""


@dataclass(frozen=True)
class Place:
    """Where a person who asked can be answered."""

    person: str
    channel: str = ""
    response_url: str = ""


@dataclass(frozen=True)
class Greeting:
    """Who Slack says we are; the scopes it granted (a comma list) and the time it has, "" where it does not say."""

    said: dict[str, Any]
    scopes: str
    date: str

    def ahead(self, now: datetime) -> float:
        """Seconds that ``now`` is ahead of Slack's time; 0 where Slack does not tell."""
        try:
            return (now - parsedate_to_datetime(self.date)).total_seconds()
        except (TypeError, ValueError):
            return 0.0


class Slack:
    """One workspace's Web API. Every call is made once: trying again is the outbox's."""

    def __init__(self, client: WebClient) -> None:
        self.client = client
        self._hosts = {"files.slack.com", "hooks.slack.com", urlsplit(client.base_url).netloc}

    def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One Web API call. Raises ``RateLimited``, ``Unavailable``, ``Unsure`` or ``SlackRefused``."""
        return _told_apart(method, lambda: _body(self.client.api_call(method, json=arguments)))

    def who_am_i(self) -> Greeting:
        """What ``auth.test`` says. Raises what ``call`` raises."""
        response: Any = _told_apart("auth.test", lambda: self.client.auth_test())
        headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
        return Greeting(_body(response), headers.get("x-oauth-scopes", ""), headers.get("date", ""))

    def post(self, channel: str, message: Message, *, uid: str) -> str:
        """Post a message that can be found again by ``uid``; where it stands (``ts``)."""
        metadata = {"event_type": "assay_outbox", "event_payload": {"outbox_id": uid}}
        body = {"channel": channel, **_content(message), "metadata": metadata, "unfurl_links": False}
        return str(self.call("chat.postMessage", body)["ts"])

    def update(self, channel: str, ts: str, message: Message) -> None:
        """Show something else in a message."""
        self.call("chat.update", {"channel": channel, "ts": ts, **_content(message)})

    def find(self, channel: str, uid: str, *, since: float) -> str | None:
        """Where the message with ``uid`` stands, none when it is not there. Raises what ``call`` raises."""
        asked: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "oldest": f"{since:.6f}"}
        looked = _told_apart(
            "conversations.history", lambda: _body(self.client.conversations_history(**asked, limit=200))
        )
        for message in looked.get("messages", []):
            payload = message.get("metadata", {}).get("event_payload", {})
            if payload.get("outbox_id") == uid:
                return str(message["ts"])
        return None

    def person(self, person: str) -> dict[str, Any]:
        """What Slack says of somebody. Raises what ``call`` raises."""
        said = _told_apart("users.info", lambda: _body(self.client.users_info(user=person)))
        return said.get("user") or {}

    def groups(self) -> dict[str, str]:
        """The name (``handle``) of every user group, by its id. Raises what ``call`` raises."""
        said = _told_apart("usergroups.list", lambda: _body(self.client.usergroups_list()))
        return {str(one["id"]): str(one.get("handle", "")) for one in said.get("usergroups", [])}

    def group_members(self, group: str) -> list[str]:
        """The ids of who is in a user group. Raises what ``call`` raises."""
        said = _told_apart("usergroups.users.list", lambda: _body(self.client.usergroups_users_list(usergroup=group)))
        return [str(person) for person in said.get("users", [])]

    def upload(self, channel: str, thread: str, name: str, content: bytes) -> None:
        """Put a file into a thread. Raises what ``call`` raises, ``Invalid`` for an address that is none of Slack's."""
        begun = _told_apart(
            "files.getUploadURLExternal",
            lambda: _body(self.client.files_getUploadURLExternal(filename=name, length=len(content))),
        )
        url = str(begun.get("upload_url", ""))
        self._check_host(url)
        if _told_apart("files.upload", lambda: files.put(url, content)) >= http.HTTPStatus.BAD_REQUEST:
            raise SlackRefused("invalid_upload_url")
        placed = {"channel_id": channel, "thread_ts": thread, "files": [{"id": begun.get("file_id"), "title": name}]}
        self.call("files.completeUploadExternal", placed)

    def has_file(self, channel: str, thread: str) -> bool:
        """Whether a thread holds a file. Raises what ``call`` raises."""
        said = _told_apart(
            "conversations.replies", lambda: _body(self.client.conversations_replies(channel=channel, ts=thread))
        )
        return any(message.get("files") for message in said.get("messages", []))

    def open_form(self, trigger_id: str, form: Json) -> None:
        """Open a modal; the trigger lives three seconds. A try whose answer was lost is made once more.

        One that is open already (Slack knows it by its ``external_id``) is shown anew, one too large with its lists
        to be typed. Raises what ``call`` raises.
        """
        try:
            self._open(trigger_id, form)
        except Unsure:
            self._open(trigger_id, form)

    def _open(self, trigger_id: str, form: Json) -> None:
        try:
            self.call("views.open", {"trigger_id": trigger_id, "view": form})
        except SlackRefused as error:
            if error.code == OPEN_ALREADY:
                self.call("views.update", {"external_id": form["external_id"], "view": form})
            elif error.code == TOO_LARGE:
                self.call("views.open", {"trigger_id": trigger_id, "view": degrade.typed(form)})
            else:
                raise

    def answer(self, place: Place, message: Message, *, fallback: Callable[[str, Message], None]) -> None:
        """Tell one person alone: by ``response_url``, else as ephemeral message, else by ``fallback`` (a DM)."""
        ways: list[Callable[[], object]] = []
        if place.response_url:
            ways.append(lambda: self._respond(place.response_url, message))
        if place.channel:
            asked = {"channel": place.channel, "user": place.person, **_content(message)}
            ways.append(lambda: self.call("chat.postEphemeral", asked))
        for way in ways:
            try:
                way()
            except (Upstream, Invalid) as error:  # Invalid: an address that is none of Slack's
                log.info("answer.failed", extra={"why": type(error).__name__})
            else:
                return
        fallback(place.person, message)

    def file(self, file_id: str) -> dict[str, Any]:
        """What Slack says of a file. Raises ``Invalid`` for one that is gone, else what ``call`` raises."""
        try:
            said = _told_apart("files.info", lambda: _body(self.client.files_info(file=file_id)))
        except SlackRefused as error:
            if error.code not in GONE_FILE:
                raise
            raise Invalid("Slack no longer has this file.", hint="Send the file again.") from error
        return said.get("file") or {}

    def fetch_file(self, sent: SentFile, most_bytes: int) -> bytes:
        """The bytes of a file a person sent. Raises ``Invalid`` for one we will not read, ``Upstream`` otherwise."""
        files.check(sent, most_bytes)
        self._check_host(sent.url)
        token = str(self.client.token)
        return _told_apart("files.fetch", lambda: files.fetch(sent, token, most_bytes, self._hosts))

    def _respond(self, url: str, message: Message) -> None:
        self._check_host(url)
        body = {"response_type": "ephemeral", "replace_original": False, **_content(message)}
        response = _told_apart("respond", lambda: _webhook(url, body))
        if response >= http.client.BAD_REQUEST:
            raise SlackRefused("response_url_refused")

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc not in self._hosts or parts.scheme not in ("http", "https"):
            raise Invalid(
                "That address is not Slack's, so nothing was fetched from it.", hint="Send the file in Slack."
            )


def _content(message: Message) -> dict[str, Any]:
    return {"text": message.text, **({"blocks": message.blocks} if message.blocks else {})}


def _webhook(url: str, body: dict[str, Any]) -> int:
    return WebhookClient(url, timeout=CALL_SECONDS, retry_handlers=[]).send_dict(body).status_code


def _told_apart(method: str, call: Callable[[], T]) -> T:
    """Make the call; what it raises becomes one of our errors, named by what must be done next."""
    outcome = "failed"
    try:
        said = call()
        outcome = "ok"
    except SlackApiError as error:
        raise _refused(error) from error
    except URLError as error:
        if isinstance(error.reason, ConnectionRefusedError | socket.gaierror):
            raise Unavailable(f"Slack cannot be reached for {method}.") from error
        raise Unsure(f"The connection broke during {method}.") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unsure(f"The connection broke during {method}.") from error
    else:
        return said
    finally:
        API_CALLS.labels(method=method, outcome=outcome).inc()


def _body(response: SlackResponse) -> dict[str, Any]:
    said: Any = getattr(response, "data", None)  # bytes where Slack answered with a page
    return dict(said) if isinstance(said, dict) else {}  # pyright: ignore[reportUnknownArgumentType] # untyped in slack_sdk


def _refused(error: SlackApiError) -> Upstream:
    response: Any = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    headers: dict[str, str] = getattr(response, "headers", None) or {}
    body = _body(response)
    code = str(body.get("error", ""))
    if status == http.HTTPStatus.TOO_MANY_REQUESTS or code in ("ratelimited", "rate_limited"):
        return RateLimited(f"Slack says {code or 429}", _rest(headers))
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or not code or code in TEMPORARY:
        return Unavailable(f"Slack answered {status} {code}".strip())
    return SlackRefused(code, str(body.get("needed", "")))


def _rest(headers: dict[str, str]) -> float:
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(told), REST_MOST) if str(told).isdigit() else REST_SECONDS
