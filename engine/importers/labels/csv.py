"""CSV with a header that names ``input`` and ``output``; separated by comma, semicolon, tab or bar."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from engine.errors import Invalid, OtherColumns
from engine.importers.labels.raw import Columns, RawRow, nameable
from engine.models.call import BadRow
from engine.rules.redact import redact

NEEDED = ("input", "output")
OWN = Columns({})  # a file that calls its columns as we do
SEPARATORS = ",;\t|"
_COLUMNS_MOST = 1000
_CELL_MOST = 131_072  # characters; the module's limit is one for the whole process, so each reader sets its own
_SHOWN = 10  # columns named in a refusal
_HINT = (
    "Its first line must name the columns: input, output and, where there are, group, source, minutes, id. "
    "In Slack the form takes other names for them."
)


def read(name: str, text: str, columns: Columns = OWN) -> Iterator[RawRow | BadRow]:
    """Rows in their order, each at the line it begins on.

    Raises ``Invalid`` naming line and column for a broken quote, and for a header that is missing, doubled or other.
    """
    csv.field_size_limit(_CELL_MOST)
    separator, named = _header(name, text, columns)
    header = [columns.name(column) for column in named]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(name, text, separator, (line, reader.line_num), error=error) from error
        at, line = line, reader.line_num + 1
        if at > 1 and [cell.strip().casefold() for cell in cells] == named:
            yield BadRow(line=at, reason="repeats the header")
        elif at > 1 and any(cell.strip() for cell in cells):
            yield _row(at, header, cells)


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> RawRow | BadRow:
    if len(cells) > len(header):
        return BadRow(line=line, reason=f"has {len(cells)} cells; the header names {len(header)} columns")
    return RawRow(line, dict(zip(header, cells, strict=False)))


def _header(name: str, text: str, own: Columns) -> tuple[str, list[str]]:
    """The separator under which the first line names most, and the file's names in lower case."""
    first = io.StringIO(text, newline="").readline()
    columns = max(first.count(separator) for separator in SEPARATORS) + 1
    if columns > _COLUMNS_MOST:
        raise Invalid(f"{name} has {columns:,} columns; at most {_COLUMNS_MOST:,} can be read.", hint=_HINT)
    found = [(separator, _cells(first, separator)) for separator in SEPARATORS]
    asked = [own.asked(column) for column in NEEDED]
    separator, header = max(found, key=lambda pair: (set(asked) <= set(pair[1]), len(pair[1])))
    missing = [column for column in dict.fromkeys([*asked, *own.ours]) if column not in header]
    if missing:
        says = f"{name} has no column {' and no column '.join(missing)}. {_named(header)}"
        raise OtherColumns(says, _HINT, nameable(header))
    doubled = [column for column, count in Counter(header).items() if count > 1 and column]
    if doubled:
        raise Invalid(f'{name} names the column "{doubled[0]}" twice in line 1.', hint=_HINT)
    return separator, header


def _cells(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip().casefold() for cells in csv.reader([line], delimiter=separator) for cell in cells]
    except csv.Error:  # a cell over the csv module's limit: no name of a column
        return [line]


def _named(header: Sequence[str]) -> str:
    if len(header) == 1:
        return "Its first line is one column, whether parted by comma, semicolon, tab or bar."
    shown = ", ".join(f'"{redact(column).text[:40]}"' for column in header[:_SHOWN])
    return f"Its first line reads {shown}{' …' if len(header) > _SHOWN else ''}."


def _broken(name: str, text: str, separator: str, lines: tuple[int, int], *, error: csv.Error) -> Invalid:
    first, last = lines
    if "field limit" in str(error):
        return Invalid(
            f"{name}, line {first}: a cell is longer than {_CELL_MOST:,} characters.",
            hint="Is a quote left open there? A text of that length fits no model: cut it, or leave the row out.",
        )
    if first == last and "expected after" in str(error):
        place = re.search(rf'(?<=[^"{re.escape(separator)}])"(?=[^"{re.escape(separator)}\r\n])', _line(text, last))
        said = f"line {last}, column {place.start() + 1 if place else 1}: text follows a closing quote"
    else:
        column = _line(text, first).find('"') + 1
        said = f"line {first}, column {max(column, 1)}: a quote is opened and not closed where its cell ends"
    return Invalid(f"{name}, {said}.", hint='Write a quote inside a quoted cell twice (""), and close every cell.')


def _line(text: str, number: int) -> str:
    lines = io.StringIO(text, newline="").readlines()
    return lines[min(number, len(lines)) - 1] if lines else ""
