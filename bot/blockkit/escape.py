"""Keep text a person typed from becoming markup, and make the few live things Slack knows.

Knows nothing of blocks. A live thing comes only from a helper that was given an id or an address of the right form.
"""

from __future__ import annotations

import re
from datetime import datetime

from markupsafe import Markup, escape

from bot.blockkit.figures import utc

PERSON = re.compile(r"[UW][A-Z0-9]{1,20}", re.ASCII)
CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,20}", re.ASCII)
ADDRESS = re.compile(r"https?://[^\s<>|\"'`]{1,2000}")
MENTION = re.compile(r"<@([A-Za-z0-9._@+-]{1,64})>", re.ASCII)
_ENTITY = re.compile(r"&(?:amp|lt|gt);")
_QUOTES = (("&#34;", '"'), ("&#39;", "'"))


def user(person: str) -> Markup:
    """A live mention of a person; whoever is not named by a Slack id stays plain text."""
    return Markup("<@{}>").format(person) if PERSON.fullmatch(person) else escape(named(person))


def channel(place: str) -> Markup:
    """A live name of a channel; what is no Slack id stays plain text."""
    return Markup("<#{}>").format(place) if CHANNEL.fullmatch(place) else escape(place)


def date(moment: datetime) -> Markup:
    """A moment, shown by Slack in the reader's zone; in UTC where Slack cannot."""
    form = Markup("<!date^{}^{{date_short_pretty}} at {{time}}|{}>")
    return form.format(int(moment.timestamp()), utc(moment))


def link(url: str, text: str) -> Markup:
    """A live link; an address of another form than http(s) stays plain text."""
    if not ADDRESS.fullmatch(url):
        return escape(text)
    return Markup("<{}|{}>").format(url, text.replace("|", "/"))


def code(text: str) -> Markup:
    """Text in a code span, where Slack reads no marks: one line, back-ticks as straight quotes."""
    line = " ".join(text.split()).replace("`", "'")
    return Markup("`{}`").format(line) if line else Markup()


def named(person: str) -> str:
    """A person in plain text."""
    return f"@{person}"


def mrkdwn(text: Markup) -> str:
    """What autoescape made, for a mrkdwn field: quotes as they were, ``&lt; &gt; &amp;`` kept."""
    found = str(text)
    for entity, letter in _QUOTES:
        found = found.replace(entity, letter)
    return found


def plain(text: str) -> str:
    """What autoescape made, for a field Slack does not parse: all as it was typed. A bare string stays as it is."""
    return (
        mrkdwn(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if isinstance(text, Markup)
        else text
    )


def cut(text: str, most: int) -> str:
    """The text, or its head with an ellipsis, in at most ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def cut_escaped(text: str, most: int) -> str:
    """As ``cut``, of an escaped text: no entity is cut in two."""
    if len(text) <= most:
        return text
    end = most - 1
    for entity in _ENTITY.finditer(text, max(end - 5, 0), min(end + 5, len(text))):
        if entity.start() < end < entity.end():
            end = entity.start()
    return f"{text[:end]}…"
