"""Who did what: a feature's deeds, or whether the whole chain holds."""

from __future__ import annotations

from bot.messages import audit
from bot.router import Answer, Words, command
from engine.desk import audit as trails

VERIFY = "verify"


@command("audit")
def look(words: Words) -> Answer:
    """The newest deeds about a feature; with ``verify`` the chain, which answers badly where it is broken."""
    word = words.asked.word()
    if word.lower() == VERIFY:
        found = trails.verify(words.desk)
        return Answer(audit.Chain(found), is_bad=found.broken is not None)
    return Answer(audit.trail(trails.of_feature(words.desk, word)))
