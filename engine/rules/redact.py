"""Replace secrets and personal marks in a text by numbered placeholders, before anything is stored.

Knows nothing of features, files or networks; the gateway imports it, so it needs the standard library alone.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_DIGIT = re.compile(r"\d")
_MARK = re.compile(r"\[([A-Z]+)_(\d+)\]")

# Every pattern starts where no character of its own kind stands before it, so a long run is tried once, not at each
# of its characters: the time grows with the length of the text and not with its square.
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_URL = re.compile(
    r"(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>\[\]]{0,256}:[^\s/@\"'<>\[\]]{1,256}@[^\s\"'<>]+"
)
# A key may be glued to a word by a hyphen. Where its own signs hold hyphens, what is looked through is bounded or holds
# none, so that a run of such beginnings is not read anew from each of them.
_KEY = re.compile(
    r"(?<!\w)(?:"
    r"(?<!-)eyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*|eyJ\w{4,}\.[\w-]{4,}\.[\w-]*"
    r"|(?:sk|pk|rk)-(?=[\w-]{0,256}\d)[\w-]{10,}"
    r"|gh[pousr]_\w{10,}|github_pat_\w{10,}|glpat-[\w-]{10,}|hf_\w{16,}"
    r"|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}"
    r"|A(?:KIA|SIA)[0-9A-Z]{16}|AIza[\w-]{30,}"
    r"|agk_[\w-]{8,}"
    r")(?!\w)"
)
_BEARER = re.compile(r"\b(?:bearer\s+|authorization[\"']?\s*[:=]\s*[\"']?basic\s+)([\w.~+/=-]{8,})", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?:key|token|secret|password|passwd)s?[\"']?\s{0,3}(?:[:=]|is\s)\s{0,3}[\"']?([^\s\"',;<>\[\]{}()]{12,512})",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{0,62}")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_DIGIT_RUN = re.compile(r"(?<!\d)\d{3,}(?:[ -]\d{3,})*(?:[ -]\d{1,2})?(?!\d)")
_CARD_DIGITS = (13, 19)
_SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:"
    r"\+\d{1,3}(?:[ .()/-]{0,2}\d){6,14}"
    r"|\(\d{2,5}\)(?:[ .-]{0,2}\d){5,10}"
    r"|(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}"
    r"|0\d{1,4}[ ./-]{1,3}\d{2,4}(?:[ .-]?\d{1,4}){1,4}"
    r")(?![\w-]|[.:]\d)"
)
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")


@dataclass(frozen=True)
class Redacted:
    """A text with its secrets replaced, and how many of each kind were."""

    text: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class RedactedRow:
    """The texts of one row with their secrets replaced, and how many of each kind were in all of them."""

    texts: tuple[str, ...]
    counts: Mapping[str, int]


Spans = Iterator[tuple[int, int]]


def redact(text: str) -> Redacted:
    """Replace e-mail addresses, phones, cards, IBANs, SSNs, IP addresses, URLs with credentials and keys by marks.

    The same value gets the same mark ([EMAIL_1]); marks that are already there stay. Names of people are not guessed.
    """
    row = redact_row([text])
    return Redacted(row.texts[0], row.counts)


def redact_row(texts: Sequence[str]) -> RedactedRow:
    """Redact the texts of one row together, so that the same value in input and output gets the same mark."""
    marks = _Marks(texts)
    redacted = tuple(_redact(text, marks) for text in texts)
    return RedactedRow(redacted, dict(sorted(marks.counts.items())))


class _Marks:
    """Numbers for values, going on after the marks that the texts already hold."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.counts: Counter[str] = Counter()
        self._given: dict[tuple[str, str], str] = {}
        self._last: Counter[str] = Counter()
        for text in texts:
            for kind, number in _MARK.findall(text):
                self._last[kind] = max(self._last[kind], int(number))

    def mark(self, kind: str, value: str) -> str:
        self.counts[kind] += 1
        key = (kind, _canonical(kind, value))
        if key not in self._given:
            self._last[kind] += 1
            self._given[key] = f"[{kind}_{self._last[kind]}]"
        return self._given[key]


def _redact(text: str, marks: _Marks) -> str:
    has_digit = _DIGIT.search(text) is not None
    for kind, find in _FINDERS:
        if kind in _NUMERIC and not has_digit:
            continue
        pieces: list[str] = []
        done = 0
        for start, end in find(text):
            pieces += [text[done:start], marks.mark(kind, text[start:end])]
            done = end
        text = "".join([*pieces, text[done:]])
    return text


def _canonical(kind: str, value: str) -> str:
    """Spell a value one way, so that 4111-1111… and 4111 1111… are one card."""
    if kind in ("CARD", "PHONE", "SSN"):
        return re.sub(r"[^\d+]", "", value)
    if kind == "IBAN":
        return re.sub(r"[ -]", "", value).upper()
    return value.casefold() if kind in ("EMAIL", "IP") else value


def _keys(text: str) -> Spans:
    """Find keys by their shape, and what follows a word that announces one; the first to start wins an overlap."""
    spans = [match.span() for pattern in (_PEM, _KEY) for match in pattern.finditer(text)]
    spans += [match.span(1) for match in _BEARER.finditer(text) if re.search(r"\d", match[1]) or len(match[1]) >= 20]
    spans += [match.span(1) for match in _ASSIGNED.finditer(text) if _is_random(match[1])]
    done = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= done:
            yield start, end
            done = end


def _urls(text: str) -> Spans:
    if "://" in text:
        yield from (match.span() for match in _URL.finditer(text))


def _emails(text: str) -> Spans:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _ibans(text: str) -> Spans:
    """Find IBANs; words that follow one are matched too, so the longest start that passes mod 97 is taken."""
    at = 0
    while match := _IBAN.search(text, at):
        ends = [match.start() + gap.start() for gap in re.finditer(r"[ -]|\Z", match[0])]
        end = next((end for end in reversed(ends) if _is_iban(text[match.start() : end])), None)
        if end is not None:
            yield match.start(), end
        # What follows a refused match may still be one: go on behind its country code.
        at = match.start() + 4 if end is None else end


def _cards(text: str) -> Spans:
    """Find runs of whole digit groups with 13 to 19 digits that pass Luhn's check, longest first."""
    for run in _DIGIT_RUN.finditer(text):
        if len(run[0]) < _CARD_DIGITS[0]:
            continue
        groups = [(run.start() + group.start(), run.start() + group.end()) for group in re.finditer(r"\d+", run[0])]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1]
            first = (first if last is None else last) + 1


def _card_end(text: str, groups: Sequence[tuple[int, int]], first: int) -> int | None:
    for last in range(min(len(groups), first + _CARD_DIGITS[1]) - 1, first - 1, -1):
        digits = re.sub(r"\D", "", text[groups[first][0] : groups[last][1]])
        if _CARD_DIGITS[0] <= len(digits) <= _CARD_DIGITS[1] and _passes_luhn(digits):
            return last
    return None


def _ssns(text: str) -> Spans:
    yield from (match.span() for match in _SSN.finditer(text))


def _addresses(text: str) -> Spans:
    spans = [match.span() for match in _IPV4.finditer(text) if _is_address(match[0])]
    # A digit is asked for, so that a lone "::" of a program is no address.
    spans += [match.span() for match in _IPV6.finditer(text) if re.search(r"\d", match[0]) and _is_address(match[0])]
    yield from sorted(spans)


def _phones(text: str) -> Spans:
    for match in _PHONE.finditer(text):
        digits = len(re.sub(r"\D", "", match[0]))
        # A national number without brackets has at least 9; shorter ones are dates, sizes and order numbers.
        least = 7 if match[0][0] in "+(" else 9
        if least <= digits <= 15 and not _DATE.match(match[0]):
            yield match.span()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_random(value: str) -> bool:
    """Say whether a value looks drawn and not written: many different signs, letters and digits in one piece."""
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]", value) if len(piece) >= 8]
    is_mixed = any(re.search(r"\d", piece) and re.search(r"[A-Za-z]", piece) for piece in pieces)
    shares = [count / len(value) for count in Counter(value).values()]
    return is_mixed and -sum(share * math.log2(share) for share in shares) >= 3.0


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0 and int(digits) > 0


def _is_iban(text: str) -> bool:
    letters = re.sub(r"[ -]", "", text).upper()
    return len(letters) >= 15 and int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == 1


_NUMERIC = frozenset({"IBAN", "CARD", "SSN", "IP", "PHONE"})  # none of them is without a digit

# In this order: what holds other kinds comes first (a URL with credentials looks like an address of mail).
_FINDERS: tuple[tuple[str, Callable[[str], Spans]], ...] = (
    ("URL", _urls),
    ("KEY", _keys),
    ("EMAIL", _emails),
    ("IBAN", _ibans),
    ("CARD", _cards),
    ("SSN", _ssns),
    ("IP", _addresses),
    ("PHONE", _phones),
)
