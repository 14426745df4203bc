"""What calls look like."""

from __future__ import annotations

from bot.messages import traffic
from bot.router import Answer, Words, command
from engine.desk import volumes


@command("traffic")
def show(words: Words) -> Answer:
    """The traffic of one feature; without one that of all of them."""
    slug = words.asked.word()
    if not slug:
        return Answer(traffic.overview(volumes.every(words.desk)))
    return Answer(traffic.shown(volumes.show(words.desk, slug)))
