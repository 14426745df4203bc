"""Who is in the small Slack and what the page suggests, read from JSON.

Knows nothing of the room that keeps it, nor of the bot whose verbs they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.resources import files

from bot.blockkit.shape import mapping, mappings, sequence
from bot.standin.context import Tour, Verb
from bot.standin.room import Channel, Person, Workspace


@dataclass(frozen=True)
class Seed:
    """What a file given with --seed says."""

    workspace: Workspace
    people: tuple[Person, ...]
    channels: tuple[Channel, ...]
    tour: Tour

    def with_verbs(self, text: str) -> Seed:
        """The same with these verbs to complete: a JSON list of {"name", "summary", "example"}, or of names."""
        verbs = tuple(_verb(found) for found in sequence(json.loads(text)))
        return replace(self, tour=replace(self.tour, verbs=verbs))


def _verb(found: object) -> Verb:
    return Verb(found) if isinstance(found, str) else Verb(**mapping(found))


def read_seed(text: str) -> Seed:
    """Read a seed: {"workspace": {...}, "people": [...], "channels": [...], "verbs": [...], "hints": ["...", ...]}.

    The keys of each part are the fields of Workspace, Person, Channel and Verb; all parts are optional.
    """
    found = mapping(json.loads(text))
    return Seed(
        Workspace(**mapping(found.get("workspace"))),
        tuple(Person(**person) for person in mappings(found.get("people"))),
        tuple(Channel(**channel) for channel in mappings(found.get("channels"))),
        Tour(
            tuple(Verb(**verb) for verb in mappings(found.get("verbs"))),
            tuple(str(hint) for hint in sequence(found.get("hints"))),
        ),
    )


def default_seed() -> Seed:
    """A requester, two approvers, a manager and a guest in two channels, with three things to try."""
    return read_seed(files("templates").joinpath("standin/seed.json").read_text("utf-8"))
