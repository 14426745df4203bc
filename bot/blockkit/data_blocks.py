"""Check the blocks that hold figures: table, data_table, data_visualization.

Knows nothing of what the figures mean.
"""

from __future__ import annotations

from bot.blockkit import limits
from bot.blockkit.elements import Problem, Problems, between, short
from bot.blockkit.rich_text import rich_text
from bot.blockkit.shape import Json, mapping, mappings, sequence, string

AXIS_CHARTS = ("bar", "area", "line")


def table(block: Json, at: str) -> Problems:
    """A plain table: up to 100 rows of up to 20 raw_text or rich_text cells."""
    yield from between(block.get("rows"), f"{at}/rows", limits.TABLE_ROWS)
    for index, row in enumerate(sequence(block.get("rows"))):
        yield from _row(row, f"{at}/rows/{index}", numbers=False)
    if "column_settings" in block:
        yield from between(block["column_settings"], f"{at}/column_settings", limits.TABLE_COLUMNS)


def data_table(block: Json, at: str) -> Problems:
    """A rich table: a header row, then 1 to 200 rows of the same width."""
    yield from short(block.get("caption"), f"{at}/caption", limits.TEXT)
    yield from between(block.get("rows"), f"{at}/rows", limits.DATA_TABLE_ROWS, least=limits.DATA_TABLE_ROWS_LEAST)
    rows = sequence(block.get("rows"))
    for index, row in enumerate(rows):
        yield from _row(row, f"{at}/rows/{index}", numbers=True)
    if len({len(sequence(row)) for row in rows}) > 1:
        yield Problem(f"{at}/rows", "all rows must have the same number of cells")
    if any(cell.get("type") == "rich_text" for cell in mappings(rows[0] if rows else [])):
        yield Problem(f"{at}/rows/0", "a header cell must not be rich_text")
    if not 1 <= block.get("page_size", 1) <= limits.DATA_TABLE_PAGE:
        yield Problem(f"{at}/page_size", f"must be between 1 and {limits.DATA_TABLE_PAGE}")
    letters = sum(len(string(cell.get("text"))) for row in rows for cell in mappings(row))
    if letters > limits.DATA_TABLE_TEXT:
        yield Problem(f"{at}/rows", f"all cells must be less than {limits.DATA_TABLE_TEXT + 1} characters together")


def _row(row: object, at: str, *, numbers: bool) -> Problems:
    yield from between(row, at, limits.TABLE_COLUMNS)
    for index, cell in enumerate(sequence(row)):
        yield from _cell(mapping(cell), f"{at}/{index}", numbers=numbers)


def _cell(cell: Json, at: str, *, numbers: bool) -> Problems:
    match cell.get("type"):
        case "raw_text":
            yield from short(cell.get("text"), f"{at}/text", limits.TEXT)
        case "raw_number" if numbers:
            yield from short(cell.get("text"), f"{at}/text", limits.TEXT)
            if not _is_number(cell.get("value")):
                yield Problem(f"{at}/value", "must be a number")
        case "rich_text":
            yield from rich_text(cell, at)
        case kind:
            yield Problem(f"{at}/type", f"unsupported cell type: {kind}")


def chart(block: Json, at: str) -> Problems:
    """A data_visualization: a pie of segments, or bars, areas or lines over shared categories."""
    yield from short(block.get("title"), f"{at}/title", limits.CHART_TITLE)
    found, here = mapping(block.get("chart")), f"{at}/chart"
    if found.get("type") == "pie":
        yield from between(found.get("segments"), f"{here}/segments", limits.CHART_SERIES)
        for index, segment in enumerate(mappings(found.get("segments"))):
            yield from _point(segment, f"{here}/segments/{index}")
            if _is_number(segment.get("value")) and segment["value"] <= 0:
                yield Problem(f"{here}/segments/{index}/value", "must be more than 0")
    elif string(found.get("type")) in AXIS_CHARTS:
        yield from _axes(found, here)
    else:
        yield Problem(f"{here}/type", "must be one of pie, bar, area, line")


def _axes(found: Json, at: str) -> Problems:
    axis = mapping(found.get("axis_config"))
    categories = sequence(axis.get("categories"))
    yield from between(axis.get("categories"), f"{at}/axis_config/categories", limits.CHART_POINTS)
    for index, name in enumerate(categories):
        yield from short(name, f"{at}/axis_config/categories/{index}", limits.CHART_LABEL)
    if len(set(map(str, categories))) < len(categories):
        yield Problem(f"{at}/axis_config/categories", "must be unique")
    for part in ("x_label", "y_label"):
        yield from short(axis.get(part), f"{at}/axis_config/{part}", limits.CHART_AXIS_LABEL, needed=False)
    yield from between(found.get("series"), f"{at}/series", limits.CHART_SERIES)
    for index, line in enumerate(mappings(found.get("series"))):
        yield from _series(line, f"{at}/series/{index}", categories)
    names = [string(line.get("name")) for line in mappings(found.get("series"))]
    if len(set(names)) < len(names):
        yield Problem(f"{at}/series", "names must be unique")


def _series(line: Json, at: str, categories: list[object]) -> Problems:
    yield from short(line.get("name"), f"{at}/name", limits.CHART_LABEL)
    yield from between(line.get("data"), f"{at}/data", limits.CHART_POINTS)
    for index, point in enumerate(mappings(line.get("data"))):
        yield from _point(point, f"{at}/data/{index}")
    if sorted(string(point.get("label")) for point in mappings(line.get("data"))) != sorted(map(str, categories)):
        yield Problem(f"{at}/data", "labels must be exactly the categories")


def _point(point: Json, at: str) -> Problems:
    yield from short(point.get("label"), f"{at}/label", limits.CHART_LABEL)
    if not _is_number(point.get("value")):
        yield Problem(f"{at}/value", "must be a number")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
