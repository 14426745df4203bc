"""What must hold before the bot starts; each refusal names the variable and what to do."""

from __future__ import annotations

import socket

from engine.errors import Conflict, Invalid
from engine.settings import Settings
from engine.vault import Vault


def listen(settings: Settings) -> socket.socket:
    """The socket of the bot's web server. Raises ``Conflict`` where nothing can listen."""
    try:
        return socket.create_server((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        raise Conflict(
            f"Nothing can listen on {settings.host}, port {settings.port}: {str(error).partition(' (')[0]}.",
            hint="Is another bot running? Else set PORT and ASSAY_HOST.",
        ) from error


def refuse_without_slack(settings: Settings) -> None:
    """Raises ``Invalid``, naming the variable that is missing for one workspace, or for several."""
    if settings.serves_several:
        _refuse_unable_to_install(settings)
    elif not settings.slack_bot_token.get_secret_value():
        raise Invalid("SLACK_BOT_TOKEN is missing.", hint="Take it from your Slack app, or try: assay demo")
    if not settings.slack_app_token.get_secret_value() and not settings.slack_signing_secret.get_secret_value():
        raise Invalid(
            "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP) is missing.",
            hint="Socket Mode needs no public address: SLACK_APP_TOKEN=xapp-…",
        )


def _refuse_unable_to_install(settings: Settings) -> None:
    Vault(settings.slack_keys.get_secret_value())
    if not settings.slack_client_secret.get_secret_value():
        raise Invalid(
            "SLACK_CLIENT_SECRET is missing.", hint="It stands beside the client id, under Basic Information."
        )
    if not settings.public_url.startswith(("https://", "http://127.0.0.1")):
        raise Invalid(
            "ASSAY_PUBLIC_URL is missing or not https://: people come back there from Slack.",
            hint="For example ASSAY_PUBLIC_URL=https://assay.example.com",
        )
