"""Socket Mode: the same Bolt app over a connection that the bot opens, so that no public address is needed."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

log = logging.getLogger(__name__)

SOCKET_THREADS = 32
TOKEN_SECONDS = 30.0  # a bad token is tried again, for somebody may be mending it
SHORT = 1_000  # characters; no disconnect is as long
LINK_DISABLED = "link_disabled"  # Socket Mode was switched off in the app's settings: no connection will do
LINK_FIX = (
    "Socket Mode is switched off for this Slack app. Switch it on at api.slack.com/apps, Socket Mode, and start the "
    "bot again; or unset SLACK_APP_TOKEN, set SLACK_SIGNING_SECRET and take deliveries over HTTP (docs/slack.md)."
)


class Wire:
    """The connection; once open the library opens it anew by itself, also when Slack asks it to.

    ``is_disabled``: Slack takes no connection of this app any more, and ``stopping`` was set.
    """

    def __init__(self, app: App, client: WebClient, app_token: str, *, threads: int = SOCKET_THREADS) -> None:
        self._line = SocketModeHandler(app, app_token, concurrency=threads)
        self._line.client.web_client = client
        self._line.client.on_message_listeners.append(self._heard)
        self._stopping = threading.Event()
        self.is_disabled = False

    def connect(self, stopping: threading.Event) -> None:
        """Open it; what refuses or is out of reach at start is tried again, as the library does later on."""
        waits, self._stopping = pauses(), stopping
        while not stopping.is_set():
            try:
                self._line.connect()
            except (SlackApiError, OSError) as error:
                if isinstance(error, SlackApiError) and error.response.get("error") == LINK_DISABLED:
                    self._disabled()
                    return
                log.warning("socket.not_connected", extra={"why": str(error)})
                stopping.wait(TOKEN_SECONDS if isinstance(error, SlackApiError) else next(waits))
            else:
                return

    def unconnected(self) -> list[str]:
        """Why the bot is not ready; empty while it is connected."""
        return [] if self._line.client.is_connected() else ["the socket to Slack is not open"]

    def _heard(self, message: str) -> None:
        """Slack says why it disconnects: most reasons are routine, and the library is connecting anew already."""
        if len(message) > SHORT or '"disconnect"' not in message:  # of all that comes in, only this is read here
            return
        said = json.loads(message)
        if said.get("type") != "disconnect":
            return
        reason = str(said.get("reason", ""))
        log.info("socket.disconnected", extra={"reason": reason})
        if reason == LINK_DISABLED:
            self._disabled()

    def _disabled(self) -> None:
        self.is_disabled = True
        self._stopping.set()

    def close(self) -> None:
        """End it."""
        self._line.close()

    def end(self) -> None:
        """End it, and wait for its threads."""
        self.close()
        client = self._line.client
        client.message_workers.shutdown(wait=True)
        client.current_session_runner.shutdown()
        client.message_processor.shutdown()


def pauses() -> Iterator[float]:
    """Seconds between tries while Slack is out of reach: 1, doubled up to 30."""
    seconds = 1.0
    while True:
        yield seconds
        seconds = min(2 * seconds, TOKEN_SECONDS)
