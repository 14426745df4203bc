"""Home: its pages are turned by button."""

from __future__ import annotations

from bot.router import Press, button
from engine.desk import mail


@button("home.page", looks=True)
def turn(press: Press) -> None:
    """Show the features from the button's number on; Home itself is the answer."""
    mail.turn_home(press.desk, press.actor.id, int(press.value) if press.value.isdigit() else 0)
