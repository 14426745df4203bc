"""Turn a view into what is sent: its template's lines into blocks, its twin into text, both inside Slack's limits.

A view names its template: of ``notice/refused``, ``refused.j2`` holds the blocks and ``refused.txt.j2`` the twin.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.blockkit import degrade, figures, inputs, parts
from bot.blockkit import escape as live
from bot.blockkit.shape import Json
from bot.blockkit.validate import Surface, validate

log = logging.getLogger(__name__)

TWIN_TEXT = 3_000
CUT = "_cut"  # the closing line of a message that had to be cut

BLOCK_WORDS: dict[str, Callable[..., Any]] = {
    "asking": parts.asking,
    "bars": parts.bars,
    "bullets": parts.bullets,
    "button": parts.button,
    "buttons": parts.buttons,
    "channel": live.channel,
    "choice": inputs.choice,
    "channel_field": inputs.channel_field,
    "code": live.code,
    "date": live.date,
    "day_field": inputs.day_field,
    "facts": parts.facts,
    "file_field": inputs.file_field,
    "form": inputs.form,
    "goto": parts.goto,
    "headline": parts.headline,
    "link": live.link,
    "person_field": inputs.person_field,
    "plan": parts.plan,
    "quote": parts.quote,
    "say": parts.say,
    "small": parts.small,
    "table": parts.table,
    "text_field": inputs.text_field,
    "told": parts.told,
    "user": live.user,
}
FILTERS: dict[str, Callable[..., str]] = {
    "bill": figures.bill,
    "count": figures.count,
    "day": figures.day,
    "exactly": figures.exactly,
    "figure": figures.figure,
    "lasting": figures.lasting,
    "loss": figures.loss,
    "ms": figures.ms,
    "nano": figures.nano,
    "percent": figures.percent,
    "plus": figures.plus,
    "points": figures.points,
    "rate": figures.rate,
    "several": figures.several,
    "size": figures.size,
    "usd": figures.usd,
}


class View(Protocol):
    """What a message says, as values; ``template`` names how. Each has an ``example()`` that tests render."""

    template: ClassVar[str]


@dataclass(frozen=True)
class Message:
    """What is sent. ``text`` is the twin, escaped for Slack; no blocks when they would have been refused."""

    blocks: list[Json]
    text: str

    @property
    def said(self) -> str:
        """The twin for a terminal: ``<`` is ``<``."""
        return live.plain(Markup(self.text))  # noqa: S704 (undone at once, for a reader without markup)


def render(view: View, *, beside: str = "") -> Message:
    """A view as a message inside Slack's limits. Blocks Slack would refuse are logged and left out, not the twin.

    ``beside`` is a folder of templates that are not among ours.
    """
    told = _block_words(beside).get_template(f"{view.template}.j2").render(view=view)
    return Message(_checked(degrade.fit(_lines(told), _ending()), "message", view), twin(view, beside=beside))


def render_form(view: View) -> Json:
    """A view as a modal: the template's first line is its frame, the others are its blocks."""
    frame, *blocks = _lines(_block_words().get_template(f"{view.template}.j2").render(view=view))
    found = {**frame, "blocks": [part for block in blocks for part in degrade.split(block)]}
    _log_problems(found, "modal", view)
    return found


def render_home(view: View) -> Json:
    """A view as a person's Home tab; it has no twin, for nobody is notified of it."""
    blocks = _lines(_block_words().get_template(f"{view.template}.j2").render(view=view))
    found: Json = {"type": "home", "blocks": [part for block in blocks for part in degrade.split(block)]}
    _log_problems(found, "home", view)
    return found


def twin(view: View, *, beside: str = "") -> str:
    """The text twin: complete on its own, at most 3,000 characters, with nothing live in it."""
    told = live.mrkdwn(Markup(_twin_words(beside).get_template(f"{view.template}.txt.j2").render(view=view)))  # noqa: S704 (escaped by autoescape)
    lines = [line.strip() for line in told.split("\n") if line.strip()]
    whole = "\n".join(lines)
    if len(whole) <= TWIN_TEXT:
        return whole
    ending = _twin_words().get_template(f"{CUT}.txt.j2").render()
    return "\n".join([*_within(lines, TWIN_TEXT - len(ending) - 1), ending])


def _within(lines: list[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        short = live.cut_escaped(line, max(room, 1))
        if room < len(short):
            break
        kept.append(short)
        room -= len(short) + 1
        if short != line:
            break
    return kept


def _checked(blocks: list[Json], surface: Surface, view: View) -> list[Json]:
    return [] if _log_problems(blocks, surface, view) else blocks


def _log_problems(found: list[Json] | Json, surface: Surface, view: View) -> bool:
    problems = [f"{problem.pointer} {problem.message}" for problem in validate(found, surface)]
    if problems:
        log.error("blocks.invalid", extra={"template": view.template, "problems": problems})
    return bool(problems)


def _ending() -> Json:
    return _lines(_block_words().get_template(f"{CUT}.j2").render())[0]


def _lines(told: str) -> list[Json]:
    return [json.loads(line) for line in told.splitlines() if line.strip()]


@functools.cache
def _block_words(beside: str = "") -> Environment:
    return _environment(BLOCK_WORDS, beside)


@functools.cache
def _twin_words(beside: str = "") -> Environment:
    return _environment(
        {
            "channel": str,
            "code": _one_line,
            "date": figures.utc,
            "link": _address,
            "told": parts.spoken,
            "user": live.named,
        },
        beside,
    )


def _environment(words: dict[str, Callable[..., Any]], beside: str) -> Environment:
    ours = PackageLoader("templates", "slack")
    made = Environment(
        loader=ChoiceLoader([ours, FileSystemLoader(beside)]) if beside else ours,
        autoescape=True,
        extensions=["jinja2.ext.do"],
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_known,
    )
    made.globals.clear()
    made.globals.update(words)
    made.filters.update(FILTERS)
    return made


def _known(value: object) -> object:
    return figures.UNKNOWN if value is None else value


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _address(url: str, text: str) -> Markup:
    return Markup("{}: {}").format(text, url) if live.ADDRESS.fullmatch(url) else escape(text)
