"""Tell text from other files, and make the bytes of a label file text. Knows nothing of rows."""

from __future__ import annotations

import codecs

from engine.errors import Invalid

_OTHERS = (  # what a file under another name begins with
    (b"PK\x03\x04", "a zip or Excel file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"SQLite format 3", "an SQLite file"),
)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 4096
_NUL_SHARE = 0.3  # of every second byte: UTF-16 of a Latin script has nearly all, a binary file far fewer
_HINT = "Save the labels as CSV or JSONL, encoded as UTF-8, and upload that."


def plain(name: str, content: bytes) -> bytes:
    """The content as UTF-8 bytes without a mark; UTF-16 is converted, broken UTF-8 stays for the reader to tell.

    Raises ``Invalid`` for an empty file, another kind of file, or one that holds NULs.
    """
    _refuse_others(name, content)
    mark, encoding = next(((mark, known) for mark, known in _BOMS if content.startswith(mark)), (b"", ""))
    text = _converted(name, content[len(mark) :], encoding or _unmarked(content))
    if not text.strip():
        raise Invalid(f"{name} is empty.", hint=_HINT)
    return text


def decoded(name: str, content: bytes) -> str:
    """UTF-8 bytes as text. Raises ``Invalid`` naming line and byte of what is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line, column = _place(content, error.start)
        raise Invalid(
            f"{name} is not UTF-8: line {line}, byte {column}.",
            hint="Save it again as UTF-8 (in Excel: CSV UTF-8), so that no letter is guessed.",
        ) from error


def _refuse_others(name: str, content: bytes) -> None:
    for head, kind in _OTHERS:
        if content.startswith(head):
            raise Invalid(f"{name} is {kind}, not text.", hint=_HINT)
    if content[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise Invalid(f"{name} is a web page, not labels.", hint=_HINT)


def _unmarked(content: bytes) -> str:
    sample = content[:_SAMPLE]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        every_second = sample[first::2]
        if every_second.count(0) > _NUL_SHARE * len(every_second) and not sample[1 - first :: 2].count(0):
            return encoding
    return "utf-8"


def _converted(name: str, content: bytes, encoding: str) -> bytes:
    if encoding != "utf-8":
        try:
            content = content.decode(encoding).encode()
        except UnicodeError as error:
            raise Invalid(f"{name} is neither UTF-8 nor UTF-16.", hint=_HINT) from error
    at = content.find(0)
    if at >= 0:
        line, column = _place(content, at)
        raise Invalid(f"{name} is no text file: line {line}, byte {column} is a NUL.", hint=_HINT)
    return content


def _place(content: bytes, at: int) -> tuple[int, int]:
    return content.count(b"\n", 0, at) + 1, at - (content.rfind(b"\n", 0, at) + 1) + 1
