"""The sentences the stand-in itself says, rendered from `templates/standin/notice.txt.j2`.

Knows nothing of when they are said.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    # Plain text: what is said is escaped where it is shown.
    return Environment(loader=PackageLoader("templates", "standin"), undefined=StrictUndefined, autoescape=False)  # noqa: S701 (text, not HTML)


def notice(kind: str, **facts: object) -> str:
    """One sentence to a person."""
    return _environment().get_template("notice.txt.j2").render(kind=kind, **facts)
