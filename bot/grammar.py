"""Read ``/assay …`` and ``assay say "…"``: words in, ``Asked`` out. The table itself is ``bot.verbs``.

Knows nothing of Slack, the desk or who asks; whatever cannot be understood is refused with what would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from bot import typed
from bot.verb import Key, Kind, Place, Verb
from bot.verbs import MENU, VERBS
from bot.words import UnclosedQuote, Word, clean, escaped, quoted, split
from engine.errors import Invalid
from engine.models.actor import Role

__all__ = [
    "MENU",
    "VERBS",
    "Asked",
    "NotUnderstood",
    "Verb",
    "help_for",
    "parse",
    "role_of",
    "suggest",
    "usage",
    "usage_hint",
]

LONGEST = 3_000
WORDS_AGAIN = 2_000  # what a button can carry back
LIKELY = ("register", "features", "status")


class NotUnderstood(Invalid):
    """The words are no command (exit code 2). ``suggestion`` is the verb meant, ``words`` the whole line put right."""

    def __init__(self, message: str, hint: str = "", *, suggestion: str = "", words: str = "") -> None:
        super().__init__(message, hint)
        self.suggestion = suggestion
        self.words = words


@dataclass(frozen=True)
class Asked:
    """What was asked. Values are strings, cleaned and freed of Slack's marks; the methods read typed ones."""

    verb: str
    positionals: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict[str, str])

    def word(self, place: int = 0) -> str:
        """The argument at a place, empty when not given."""
        return self.positionals[place] if place < len(self.positionals) else ""

    def text(self, key: str, default: str = "") -> str:
        """The value of a key as text."""
        return self.options.get(key, default)

    def money(self, key: str, default: float) -> float:
        """US dollars. Raises ``Invalid``."""
        return typed.money(key, self.options[key]) if key in self.options else default

    def share(self, key: str) -> float | None:
        """A fraction in 0..1, none when not given. Raises ``Invalid``."""
        return typed.share(key, self.options[key]) if key in self.options else None

    def whole(self, key: str, default: int) -> int:
        """A whole number. Raises ``Invalid``."""
        return typed.whole(key, self.options[key]) if key in self.options else default

    def day(self, key: str) -> date | None:
        """A day, none when not given. Raises ``Invalid``."""
        return typed.day(key, self.options[key]) if key in self.options else None

    def people(self, key: str) -> tuple[str, ...]:
        """Ids of persons and user groups, empty when not given. Raises ``Invalid``."""
        return typed.people(key, self.options[key]) if key in self.options else ()

    def names(self, key: str) -> tuple[str, ...]:
        """A comma list, empty when not given. Raises ``Invalid``."""
        return typed.names(key, self.options[key]) if key in self.options else ()

    def line(self) -> str:
        """The words that ask for the same; ``parse`` gives the same ``Asked`` back."""
        if self.verb == MENU:
            return ""
        pairs = (f"{key}={quoted(value)}" for key, value in self.options.items())
        return escaped(" ".join((self.verb, *(quoted(word) for word in self.positionals), *pairs)))


def parse(words: str, verbs: Sequence[Verb] = VERBS) -> Asked:
    """What the words ask for, of the verbs there are; no words ask for the menu.

    Raises ``NotUnderstood`` for an unknown verb or key, a missing or extra argument or an unclosed quote,
    ``Invalid`` for a value that cannot be read.
    """
    if len(words) > LONGEST:
        raise Invalid(
            f"That is {len(words):,} characters; a command takes {LONGEST:,}.",
            hint="Forms take longer text: /assay register, without more, opens one.",
        )
    line = clean(words)
    try:
        first, *rest = split(line) or [Word(MENU)]
    except UnclosedQuote as error:
        raise NotUnderstood(error.message, error.hint) from error
    if first == Word(MENU) and not rest:
        return Asked(MENU)
    verb = _verb(f"{first.key}={first.text}" if first.key else first.text, line, verbs=verbs)
    placed = [word.text for word in rest if not word.key]
    options = _options(verb, [word for word in rest if word.key])
    return Asked(verb.name, _positionals(verb, placed, options), options)


def help_for(name: str) -> Verb:
    """The row of one verb. Raises ``NotUnderstood`` with the nearest."""
    return _verb(name, name, "help ")


def role_of(asked: Asked) -> Role:
    """The least role this asking needs: looking is open to all, some words of a verb are looser than the verb."""
    if asked.verb == MENU:
        return Role.GUEST
    verb = help_for(asked.verb)
    steps = [word for place, word in zip(verb.places, asked.positionals, strict=False) if place.words]
    if verb.looks and not asked.options and len(asked.positionals) < 2:  # more words than what to look at: a deed
        return Role.GUEST
    tighter = next((role for word, role in verb.tightened if word in (*steps, *asked.options)), None)
    return tighter or dict(verb.loosened).get(steps[-1] if steps else "", verb.role)


def usage(verb: Verb) -> str:
    """How a verb is typed: ``investigate SLUG [budget=50] [effort=quick|normal|thorough]``."""
    places = ("|".join(place.words) or place.name for place in verb.places)
    told = (text if place.needed else f"[{text}]" for place, text in zip(verb.places, places, strict=True))
    keys = (_key_usage(key) for key in verb.keys)
    more = ("[SETTING=VALUE …]",) if verb.takes_any else ()
    return " ".join((verb.name, *told, *keys, *more))


def usage_hint() -> str:
    """The hint Slack shows while a person types ``/assay``."""
    return "[" + " | ".join(verb.name for verb in VERBS) + "]"


def suggest(word: str) -> str:
    """The verb most likely meant: by its name, then aliases, then words of summaries; empty when none is near."""
    return nearest(word.lower(), _spellings())


def nearest(word: str, candidates: Iterable[tuple[str, str]]) -> str:
    """The meaning of the (spelling, meaning) fewest edits away; the first of equals; empty when none is near."""
    best, fewest = "", max(1, len(word) // 3) + 1
    for spelling, meaning in candidates:
        edits = distance(word, spelling) if abs(len(spelling) - len(word)) < fewest else fewest
        if edits < fewest:
            best, fewest = meaning, edits
    return best


def distance(one: str, other: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours from one word to the other (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, target in enumerate(other, 1):
            edits = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != target))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == target:
                edits = min(edits, last[j - 2] + 1)
            row.append(edits)
    return row[-1]


def _spellings() -> list[tuple[str, str]]:
    own = [(verb.name, verb.name) for verb in VERBS]
    aliases = [(alias, verb.name) for verb in VERBS for alias in verb.aliases]
    words = [(word.strip(".,").lower(), verb.name) for verb in VERBS for word in verb.summary.split() if len(word) > 4]
    return own + aliases + words


def _verb(word: str, line: str, before: str = "", *, verbs: Sequence[Verb] = VERBS) -> Verb:
    found = next((verb for verb in verbs if verb.name == word.lower()), None)
    if found is not None:
        return found
    near = suggest(word[: typed.SHOWN])
    if near:
        again = before + (line.replace(word, near, 1) if line.startswith(word) else near)
        raise NotUnderstood(
            f"I don't know `{typed.echo(word)}`.",
            hint=f"Did you mean {near}?",
            suggestion=near,
            words=escaped(again) if len(again) <= WORDS_AGAIN else near,
        )
    raise NotUnderstood(
        f"I don't know `{typed.echo(word)}`.",
        hint=f"Most people start with {', '.join(LIKELY)}; help lists every verb.",
        suggestion="help",
        words="help",
    )


def _options(verb: Verb, pairs: list[Word]) -> dict[str, str]:
    options: dict[str, str] = {}
    for value, written in pairs:
        key = verb.key(written.lower())
        if key is None:
            raise _unknown_key(verb, written)
        if key.name in options:
            raise NotUnderstood(f"{key.name} is given twice.", hint=f"Give {key.name} once.", suggestion=verb.name)
        options[key.name] = _value(key, value)
    return options


def _unknown_key(verb: Verb, written: str) -> NotUnderstood:
    if not verb.keys:
        return NotUnderstood(
            f"{verb.name} takes no key, and `{typed.echo(written)}=` is one.",
            hint=f"Type: /assay {usage(verb)}",
            suggestion=verb.name,
        )
    near = nearest(written.lower(), [(key.name, key.name) for key in verb.keys])
    known = f"{verb.name} knows {', '.join(key.name for key in verb.keys)}."
    return NotUnderstood(
        f"{verb.name} has no key `{typed.echo(written)}`.",
        hint=f"Did you mean {near}? {known}" if near else known,
        suggestion=verb.name,
    )


def _value(key: Key, value: str) -> str:
    if not value.strip():
        raise Invalid(f"{key.name} is empty.", hint=f"Give it a value, like {key.name}={key.example}, or leave it out.")
    if key.words:
        return _one_of(key.name, value, key.words)
    match key.kind:
        case Kind.PERSON:
            return typed.person(key.name, value)
        case Kind.PEOPLE:
            return ",".join(typed.people(key.name, value))
        case Kind.CHANNEL:
            return typed.channel(value)
        case Kind.ADDRESS:
            return typed.address(value)
        case _:
            return typed.prose(value)


def _one_of(name: str, value: str, words: tuple[str, ...]) -> str:
    if value.lower() in words:
        return value.lower()
    near = nearest(value.lower(), [(word, word) for word in words])
    meant = f" Did you mean {near}?" if near else ""
    raise Invalid(f"{name} is `{typed.echo(value)}`.{meant}", hint=f"It is one of {', '.join(words)}.")


def _positionals(verb: Verb, placed: list[str], options: dict[str, str]) -> tuple[str, ...]:
    least = max(_least(verb), 1 if verb.name == "register" and options else 0)
    if len(placed) < least:
        raise NotUnderstood(
            f"{verb.name} needs {verb.places[len(placed)].name}.",
            hint=f"For example: /assay {verb.example}",
            suggestion=verb.name,
        )
    if len(placed) > len(verb.places):
        quotes = 'Text with spaces goes in quotes: key="two words". ' if verb.keys else ""
        raise NotUnderstood(
            f"`{typed.echo(placed[len(verb.places)])}` is one word too many for {verb.name}.",
            hint=f"{quotes}Type: /assay {usage(verb)}",
            suggestion=verb.name,
        )
    missing = next((key for key in verb.keys if key.needed and key.name not in options), None)
    if missing is not None:
        raise NotUnderstood(
            f"{verb.name} needs {missing.name}.", hint=f"For example: /assay {verb.example}", suggestion=verb.name
        )
    return tuple(_in_place(place, word) for place, word in zip(verb.places, placed, strict=False))


def _in_place(place: Place, word: str) -> str:
    if place.words:
        return _one_of(place.name.lower(), word, place.words)
    return word.lower() if place.kind is Kind.SLUG else word


def _least(verb: Verb) -> int:
    return sum(place.needed for place in verb.places)


def _key_usage(key: Key) -> str:
    told = f"{key.name}={'|'.join(key.words) or key.example}"
    return told if key.needed else f"[{told}]"
