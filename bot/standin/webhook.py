"""HTTP mode: sign each delivery as Slack does and POST it to the app's `/slack/events`.

Knows nothing of what the deliveries hold.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier

from bot.blockkit.shape import Json, mapping
from bot.standin.delivery import Envelope
from bot.standin.refusals import Unanswered
from engine.clock import Clock

FORM = "application/x-www-form-urlencoded"
REASONS = {"timeout": "http_timeout", "no_connection": "connection_failed"}


class Webhook:
    """A carrier for an app that listens on HTTP."""

    def __init__(self, url: str, signing_secret: str, clock: Clock) -> None:
        self._url = url
        self._verifier = SignatureVerifier(signing_secret)
        self._clock = clock

    async def carry(self, envelope: Envelope, patience: float) -> Json:
        """POST one delivery; anything but 200 within the patience is Unanswered."""
        body, kind = _encoded(envelope)
        timeout = aiohttp.ClientTimeout(total=patience)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=body.encode(), headers=self._headers(envelope, body, kind)) as response,
            ):
                if response.status != 200:
                    raise Unanswered("http_error")
                return _acknowledgement(await response.text())
        except TimeoutError:
            raise Unanswered("http_timeout") from None
        except aiohttp.ClientError:
            raise Unanswered("connection_failed") from None

    def _headers(self, envelope: Envelope, body: str, kind: str) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        signature = self._verifier.generate_signature(timestamp=timestamp, body=body) or ""
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        if envelope.attempt and envelope.kind == "events_api":
            headers |= {"X-Slack-Retry-Num": str(envelope.attempt), "X-Slack-Retry-Reason": envelope.reason}
        return headers


def _encoded(envelope: Envelope) -> tuple[str, str]:
    match envelope.kind:
        case "slash_commands":
            return urlencode(envelope.payload), FORM
        case "interactive":
            return urlencode({"payload": json.dumps(envelope.payload)}), FORM
        case "events_api":
            return json.dumps(envelope.payload), "application/json"


def _acknowledgement(body: str) -> Json:
    if not body.strip():
        return {}
    if not body.lstrip().startswith("{"):
        return {"text": body}
    try:
        return mapping(json.loads(body))
    except ValueError:
        return {"text": body}
