"""Help, and the menu of somebody who typed no words."""

from __future__ import annotations

from bot.grammar import MENU, help_for
from bot.messages import notice
from bot.router import Answer, Words, command
from engine.desk import approvals, features


@command("help")
def explain(words: Words) -> Answer:
    """Every verb in a line, or one verb whole."""
    name = words.asked.word()
    return Answer(notice.help_one(help_for(name)) if name else notice.help_all())


@command(MENU)
def menu(words: Words) -> Answer:
    """What waits for this person, and their features first."""
    waiting = [one for one in approvals.pending(words.desk) if words.actor.id in one.approvers]
    mine_first = sorted(features.every(words.desk), key=lambda feature: feature.owner != words.actor.id)
    return Answer(notice.menu(tuple(waiting), tuple(mine_first)))
