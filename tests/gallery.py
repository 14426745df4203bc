"""docs/gallery.html: every message, form and Home from its ``example()``, drawn by the stand-in's own templates."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

import bot.messages
import templates
from bot.blockkit.render import render, render_form, render_home
from bot.standin.app import build_standin
from bot.standin.render import Renderer
from bot.standin.room import Channel, Person, Room
from engine.testing.clock import FixedClock

SHEETS = ("standin.css", "blocks.css")
STYLE = Path(templates.__file__).parent / "standin"
PEOPLE = [Person("U0ANN", "ann", "Ann"), Person("U0BO", "bo", "Bo"), Person("U0CY", "cy", "Cy")]
CHANNELS = [Channel("C0AI", "support-ai")]


@dataclass(frozen=True)
class Shown:
    """One view, rendered: what Slack would be sent, and for a message its text twin."""

    template: str
    told: str
    blocks: list[dict[str, Any]]
    twin: str = ""
    title: dict[str, Any] | None = None
    submit: dict[str, Any] | None = None
    close: dict[str, Any] | None = None


@dataclass(frozen=True)
class Group:
    """The views of one noun."""

    name: str
    shown: list[Shown]


def views() -> list[Any]:
    """Every view of ``bot.messages``, by template."""
    found: list[Any] = []
    for module in pkgutil.iter_modules(bot.messages.__path__):
        loaded = importlib.import_module(f"bot.messages.{module.name}")
        found += [
            kind
            for kind in vars(loaded).values()
            if isinstance(kind, type) and hasattr(kind, "template") and kind.__module__ == loaded.__name__
        ]
    return sorted(found, key=lambda kind: kind.template)


def gallery_page() -> str:
    """The page: Home first, then messages by noun, then forms."""
    groups: dict[str, list[Shown]] = {"home": []}
    for view in views():
        groups.setdefault(view.template.partition("/")[0], []).append(_shown(view))
    groups["forms"] = groups.pop("forms")
    room = Room.open(":memory:", FixedClock())
    room.seed(PEOPLE, CHANNELS)
    told = Renderer(build_standin(room).state.standin).html(
        "gallery.html.j2",
        groups=[Group(name, shown) for name, shown in groups.items()],
        style=Markup("").join(Markup((STYLE / name).read_text(encoding="utf-8")) for name in SHEETS),
        me=PEOPLE[0],
        humans=PEOPLE,
        channels=CHANNELS,
    )
    room.close()
    return "\n".join(line.rstrip() for line in re.sub(r"\n\s*\n+", "\n", told).splitlines()) + "\n"


def _shown(view: Any) -> Shown:
    name, example = view.template, view.example()
    told = " ".join((inspect.getdoc(view) or "").split("\n\n")[0].split()).replace("``", "")
    if name.startswith("forms/"):
        form = render_form(example)
        ends = {end: form[end] for end in ("title", "submit", "close")}
        return Shown(name, told, _named(name, form["blocks"]), **ends)
    if name.startswith("home/"):
        return Shown(name, told, _named(name, render_home(example)["blocks"]))
    message = render(example)
    return Shown(name, told, _named(name, message.blocks), twin=message.said)


def _named(name: str, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks with an id each, as Slack gives them, the same every time."""
    return [{"block_id": f"{name}-{number}", **block} for number, block in enumerate(blocks)]
