"""Cells of files people open in a spreadsheet: none of them may run there."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run (docs/labels.md)


def disarmed(cell: str | float) -> str | float:
    """A quote before what a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
