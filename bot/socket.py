"""Socket Mode: the same Bolt app over a connection that the bot opens, so that no public address is needed."""

from __future__ import annotations

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


class Wire:
    """The connection; once open the library opens it anew by itself."""

    def __init__(self, app: App, client: WebClient, app_token: str, *, threads: int = SOCKET_THREADS) -> None:
        self._line = SocketModeHandler(app, app_token, concurrency=threads)
        self._line.client.web_client = client

    def connect(self, stopping: threading.Event) -> None:
        """Open it; what refuses or is out of reach at start is tried again, as the library does later on."""
        waits = pauses()
        while not stopping.is_set():
            try:
                self._line.connect()
            except (SlackApiError, OSError) as error:
                log.warning("socket.not_connected", extra={"why": str(error)})
                stopping.wait(TOKEN_SECONDS if isinstance(error, SlackApiError) else next(waits))
            else:
                return

    def unconnected(self) -> list[str]:
        """Why the bot is not ready; empty while it is connected."""
        return [] if self._line.client.is_connected() else ["the socket to Slack is not open"]

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
