"""Files out: everything stored of a feature, the rows an upload refused, the report of a verdict."""

from __future__ import annotations

from pathlib import Path

from bot import access
from bot.messages import notice
from bot.router import Answer, Press, Words, always, button, command
from engine.desk import exports
from engine.errors import Invalid
from engine.models.actor import Role


@command("export", changes=always)
def export(words: Words) -> Answer:
    """To who asks, in a direct message; in a shell into its folder."""
    slug = words.asked.word()
    if words.actor.role is not Role.OPERATOR:
        return _asked(exports.ask(words.desk, words.actor, "export", slug, once=words.once))
    made = exports.packed(words.desk, words.actor, slug)
    path = Path(made.name)
    if path.exists():
        raise Invalid(f"{path} is there already; it is not overwritten.", hint="Move it, or export elsewhere.")
    path.write_bytes(made.content)
    return Answer(notice.Receipt("packed", slug, name=str(path)))


@button("labels.refused")
def refused_pressed(press: Press) -> Answer:
    """All refused rows of an upload, as a file."""
    return _asked(exports.ask(press.desk, press.actor, "refused", press.value, once=press.once))


@button("verdict.report")
def report_pressed(press: Press) -> Answer:
    """A verdict's report, as a file."""
    access.check_words(press.desk, press.actor, f"status {press.value}")
    return _asked(exports.ask(press.desk, press.actor, "report", press.value, once=press.once))


def _asked(slug: str) -> Answer:
    return Answer(notice.Receipt("sending", slug))
