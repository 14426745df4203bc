"""Clean what a person typed and cut it into words.

Knows nothing of verbs or keys: text goes in as Slack or a shell hands it over, words come out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from engine.errors import Invalid

QUOTES = str.maketrans(dict.fromkeys("“”„‟＂", '"') | dict.fromkeys("‘’‚‛＇", "'"))
REFERENCE = re.compile(r"<(?:(?:[@#]|!subteam\^)[A-Z0-9]+|(?:https?|mailto):[^>|\s]+)(?:\|[^>\n]*)?>")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}=", re.ASCII)
_ENTITY = re.compile(r"&(?=(?:amp|lt|gt);)")
_LIST_GAP = re.compile(r"(<(?:[@#]|!subteam\^)[A-Z0-9]+(?:\|[^>\n]*)?>)[ \n]*,[ \n]*(?=<)")
_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))  # "&amp;" last, or "&amp;lt;" would be undone twice
_DROPPED = frozenset({"Cc", "Cf", "Cs"})
_SPACES = frozenset(" \n")


class Word(NamedTuple):
    """One word. ``key`` is what stood before the first ``=``, empty for a word that is told by its place."""

    text: str
    key: str = ""


class UnclosedQuote(Invalid):
    """A quote was opened and never closed."""


def clean(text: str) -> str:
    """NFC, plain spaces and newlines, no zero-width or control characters, straight quotes, Slack's escapes undone."""
    lines = _NEWLINES.sub("\n", unicodedata.normalize("NFC", text))
    kept = "".join(_letter(letter) for letter in lines)
    straight = kept.translate(QUOTES)
    for entity, letter in _ENTITIES:
        straight = straight.replace(entity, letter)
    return unicodedata.normalize("NFC", _LIST_GAP.sub(r"\1,", straight)).strip(" \n")


def split(text: str) -> list[Word]:
    """The words of a cleaned text.

    A quote opens at the start of a word or after ``key=`` and closes where a space or the end follows, so that
    quotes inside a quoted text stay letters. Raises ``UnclosedQuote`` naming where the quote opened.
    """
    words: list[Word] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACES:
            at += 1
            continue
        word, at = _word(text, at)
        words.append(word)
    return words


def quoted(text: str) -> str:
    """The text as it must be typed for ``split`` to give it back as one word that is no pair."""
    if text and not text.startswith(("'", '"')) and not _SPACES.intersection(text) and not _KEY.match(text):
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def escaped(line: str) -> str:
    """A cleaned line as it must be typed again: what looks like one of Slack's escapes is meant as written."""
    return _ENTITY.sub("&amp;", line)


def _letter(letter: str) -> str:
    if letter == "\n":
        return letter
    if letter == "\t" or unicodedata.category(letter) == "Zs":
        return " "
    return "" if unicodedata.category(letter) in _DROPPED else letter


def _word(text: str, start: int) -> tuple[Word, int]:
    key = _KEY.match(text, start)
    at = key.end() if key else start
    if at < len(text) and text[at] in "\"'":
        value, at = _in_quotes(text, at)
    else:
        value, at = _bare(text, at)
    return Word(value, key.group()[:-1] if key else ""), at


def _bare(text: str, start: int) -> tuple[str, int]:
    at = start
    while at < len(text) and text[at] not in _SPACES:
        reference = REFERENCE.match(text, at)
        at = reference.end() if reference else at + 1
    return text[start:at], at


def _in_quotes(text: str, opened: int) -> tuple[str, int]:
    mark, inner, at = text[opened], "", opened + 1
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in (mark, "\\"):
            inner, at = inner + text[at + 1], at + 2
        elif text[at] == mark and text[at + 1 : at + 2] in ("", *_SPACES):
            return inner, at + 1
        else:
            inner, at = inner + text[at], at + 1
    raise UnclosedQuote(
        f"The quote that opens at character {opened + 1} is never closed: {text[opened : opened + 30]}…",
        hint=f"Add a {mark} where the text ends.",
    )
