"""The monthly message: the newest one, or the month so far."""

from __future__ import annotations

from bot.messages import digest
from bot.router import Answer, Words, command
from engine.desk import digests


@command("digest")
def show(words: Words) -> Answer:
    """The newest digest; with ``now`` the running month, measured at this moment."""
    found = digests.so_far(words.desk) if words.asked.word() == "now" else digests.newest(words.desk)
    return Answer(digest.month(found))
