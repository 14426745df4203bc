"""Turn a page's view into HTML that needs nothing else: no script, no network, one style named by its hash.

Knows nothing of what pages say; what Slack's templates say in a line is said in the same words here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bot.blockkit import figures
from bot.blockkit.escape import named
from bot.blockkit.render import FILTERS
from bot.charts import cash, columns, forest, interval, tornado

STALE_DAYS = 45  # docs/rules.md 6: an older price list is flagged
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def page(template: str, view: object) -> str:
    """The page of a view as HTML."""
    return _words().get_template(f"{template}.html.j2").render(view=view, style=_style())


def policy() -> str:
    """The Content-Security-Policy of every page: our one style by its hash, and nothing else at all."""
    sha = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    rules = ("default-src 'none'", f"style-src 'sha256-{sha}'", "base-uri 'none'", "form-action 'none'")
    return "; ".join((*rules, "frame-ancestors 'none'"))


def priced_on(snapshot: str) -> date | None:
    """The day of a price snapshot's name; none where it names none."""
    found = _DAY.search(snapshot)
    return date.fromisoformat(found[0]) if found else None


def is_stale(snapshot: str, today: date) -> bool:
    """Whether prices are too old to be trusted without a second look."""
    day = priced_on(snapshot)
    return day is not None and (today - day).days > STALE_DAYS


@cache
def _words() -> Environment:
    made = Environment(
        loader=ChoiceLoader([PackageLoader("templates", "pages"), PackageLoader("templates", "slack")]),
        autoescape=True,
        extensions=["jinja2.ext.do"],
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_known,
    )
    made.filters.update(FILTERS)
    words: dict[str, Callable[..., Any]] = {
        "code": Markup("<code>{}</code>").format,
        "draw_cash": cash.cash,
        "draw_columns": columns.columns,
        "draw_forest": forest.forest,
        "draw_interval": interval.interval,
        "draw_tornado": tornado.tornado,
        "user": named,
        "utc": figures.utc,
    }
    made.globals.update(words)
    return made


@cache
def _style() -> Markup:
    return Markup(_words().get_template("style.css.j2").render())  # noqa: S704 (our own style, with nothing put in)


def _known(value: object) -> object:
    return figures.UNKNOWN if value is None else value
