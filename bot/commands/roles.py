"""Who may what."""

from __future__ import annotations

from bot.grammar import Asked
from bot.messages import roles
from bot.router import Answer, Words, command
from engine.desk import roles as grants
from engine.desk.roles import NAMED


def _changes(asked: Asked) -> bool:
    return bool(asked.options)


@command("roles", changes=_changes)
def name(words: Words) -> Answer:
    """Show roles, or name who has them."""
    slug = words.asked.word()
    named = {role: words.asked.people(role) for role in NAMED if role in words.asked.options}
    if not named:
        return Answer(roles.Roles(grants.show(words.desk, slug)))
    return Answer(roles.Roles(grants.name(words.desk, words.actor, slug, named, once=words.once)))
