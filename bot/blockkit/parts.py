"""What a template calls: one macro, one block, one line of JSON (docs/decisions/0014-templates-one-block-a-line.md).

Markup a template made goes through ``mrkdwn`` or ``plain``; bare strings are somebody's text, which Slack never parses.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from bot.blockkit import limits
from bot.blockkit.escape import ADDRESS, MENTION, PERSON, cut, cut_escaped, mrkdwn, plain
from bot.blockkit.shape import Json

Caller = Callable[[], Markup]
Text = str | Markup

EMPTY = "–"  # Slack refuses an empty cell
FACT_TEXT = 600
SAID_TEXT = 2_900
_MARKS = re.compile(r"[*_~`:\n]|^>")  # what mrkdwn would read in a bare value
_LIVE = re.compile(r"(<@[UW][A-Z0-9]{1,20}>)", re.ASCII)  # in markup only ``user`` makes one
_SPAN = re.compile(r"`([^`\n]+)`|<@([A-Za-z0-9._@+-]{1,64})>", re.ASCII)


def line(block: Json) -> Markup:
    """A block as one line of ASCII JSON: nothing in it can end the line."""
    return Markup(f"{json.dumps(block)}\n")  # noqa: S704 (JSON, read back by json.loads alone)


def words(text: Text, most: int) -> Json:
    """A plain_text object, cut to ``most`` characters; emoji words stay words."""
    return {"type": "plain_text", "text": cut(plain(text).strip(), most) or EMPTY, "emoji": False}


def headline(text: Text) -> Markup:
    """A header."""
    return line({"type": "header", "text": words(text, limits.HEADER_TEXT)})


def say(caller: Caller) -> Markup:
    """A section of our own sentences; somebody's text in it stands in ``code()``. Nothing when nothing is said."""
    text = _tidy(mrkdwn(caller()))
    return line({"type": "section", "text": _mrkdwn(text)}) if text else Markup()


def small(caller: Caller) -> Markup:
    """A line of small print."""
    text = cut_escaped(_tidy(mrkdwn(caller())), limits.TEXT)
    return line({"type": "context", "elements": [_mrkdwn(text)]}) if text else Markup()


def told(text: str, people: Sequence[str] = ()) -> Markup:
    """A sentence made elsewhere (a refusal): not parsed but for code spans and mentions of the ``people`` named."""
    return _rich("rich_text_section", _leaves(text, people)) if text.strip() else Markup()


def quote(text: str) -> Markup:
    """Somebody's words, as a quotation."""
    return _rich("rich_text_quote", [_leaf(text)]) if text.strip() else Markup()


def bullets(lines: Sequence[str]) -> Markup:
    """Somebody's lines, as a list."""
    entries = [{"type": "rich_text_section", "elements": [_leaf(text)]} for text in lines if text.strip()]
    if not entries:
        return Markup()
    found: Json = {"type": "rich_text_list", "style": "bullet", "elements": entries}
    return line({"type": "rich_text", "elements": [found]})


def facts(*pairs: tuple[str, Text]) -> Markup:
    """Names and values in two columns, ten to a section; pairs without a value are left out."""
    fields = [_fact(name, value) for name, value in pairs if str(value).strip()]
    groups = [fields[start : start + limits.FIELDS] for start in range(0, len(fields), limits.FIELDS)]
    return Markup().join(line({"type": "section", "fields": group}) for group in groups)


def table(head: Sequence[str], rows: Sequence[Sequence[Text]], numbers: Sequence[int] = ()) -> Markup:
    """A table of strings; columns named in ``numbers`` stand to the right. Rows beyond Slack's limit are left out."""
    told_rows: list[Sequence[Text]] = [head, *rows[: limits.TABLE_ROWS - 1]]
    body = [[_cell(text) for text in row] for row in told_rows]
    settings = [{"align": "right" if index in numbers else "left", "is_wrapped": True} for index in range(len(head))]
    return line({"type": "table", "rows": body, "column_settings": settings})


def bars(title: Text, categories: Sequence[Text], series: Sequence[tuple[str, Sequence[float]]], unit: str) -> Markup:
    """Bars over shared categories: each series is a name and a value for each category."""
    labels = _labels(categories)
    lines = [
        {
            "name": cut(name, limits.CHART_LABEL),
            "data": [{"label": label, "value": value} for label, value in zip(labels, values, strict=False)],
        }
        for name, values in series
    ]
    axis = {"categories": labels, "y_label": cut(unit, limits.CHART_AXIS_LABEL)}
    chart: Json = {"type": "bar", "series": lines, "axis_config": axis}
    return line({"type": "data_visualization", "title": cut(plain(title), limits.CHART_TITLE), "chart": chart})


def plan(title: Text, tasks: Sequence[tuple[Text, str, Text]]) -> Markup:
    """Tasks as (name, status, note) under a title; the status is Slack's word."""
    found = [_task(index, *task) for index, task in enumerate(tasks[: limits.PLAN_TASKS], 1)]
    return line({"type": "plan", "title": cut(plain(title), limits.TEXT), "tasks": found}) if found else Markup()


def button(text: Text, action: str, value: Text = "", *, style: str = "", confirm: Json | None = None) -> Json:
    """A button for ``buttons``; ``style`` is "", "primary" or "danger"."""
    found: Json = {"type": "button", "text": words(text, limits.BUTTON_TEXT), "action_id": action}
    if value:
        found["value"] = cut(plain(value), limits.BUTTON_VALUE)
    if style:
        found["style"] = style
    return {**found, "confirm": confirm} if confirm else found


def goto(text: Text, url: str) -> Json:
    """A button that opens an address; nothing where the address is none."""
    if not ADDRESS.fullmatch(url):
        return {}
    return {"type": "button", "text": words(text, limits.BUTTON_TEXT), "action_id": "link.open", "url": url}


def asking(title: Text, text: Text, confirm: Text, deny: Text) -> Json:
    """The dialog a button asks before it acts."""
    return {
        "title": words(title, limits.CONFIRM_TITLE),
        "text": words(text, limits.CONFIRM_TEXT),
        "confirm": words(confirm, limits.CONFIRM_BUTTON),
        "deny": words(deny, limits.CONFIRM_BUTTON),
    }


def buttons(*found: Json | None) -> Markup:
    """A row of buttons. A second one with the same action id gets ``.2`` behind it, for Slack wants them to differ."""
    kept = [one for one in found if one]
    seen: Counter[str] = Counter()
    for one in kept:
        seen[one["action_id"]] += 1
        if seen[one["action_id"]] > 1:
            one["action_id"] = f"{one['action_id']}.{seen[one['action_id']]}"
    return line({"type": "actions", "elements": kept[: limits.ACTIONS_ELEMENTS]}) if kept else Markup()


def spoken(text: str, people: Sequence[str] = ()) -> str:
    """The twin of ``told``: the same sentence with persons as plain names."""
    return MENTION.sub(lambda found: f"@{found.group(1)}" if found.group(1) in people else found.group(), text)


def _leaves(text: str, people: Sequence[str]) -> list[Json]:
    leaves: list[Json] = []
    end = 0
    for span in _SPAN.finditer(text):
        leaves += [_leaf(text[end : span.start()])] if span.start() > end else []
        leaves.append(_span(span, people))
        end = span.end()
    return [*leaves, _leaf(text[end:])] if end < len(text) else leaves


def _span(span: re.Match[str], people: Sequence[str]) -> Json:
    code, person = span.groups()
    if code:
        return {"type": "text", "text": code, "style": {"code": True}}
    if person in people:
        return {"type": "user", "user_id": person} if PERSON.fullmatch(person) else _leaf(f"@{person}")
    return _leaf(span.group())


def _leaf(text: str) -> Json:
    return {"type": "text", "text": cut(text, SAID_TEXT)}


def _rich(kind: str, leaves: list[Json]) -> Markup:
    return line({"type": "rich_text", "elements": [{"type": kind, "elements": leaves}]})


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _fact(name: str, value: Text) -> Json:
    if not isinstance(value, Markup):
        value = cut(value, FACT_TEXT)
        if _MARKS.search(value):
            return words(f"{name}\n{value}", limits.FIELD_TEXT)
    return _mrkdwn(f"*{name}*\n{cut_escaped(_tidy(mrkdwn(escape(value))), limits.FIELD_TEXT - 100)}")


def _cell(text: Text) -> Json:
    if isinstance(text, Markup) and _LIVE.search(text):
        pieces = _LIVE.split(cut_escaped(text.strip(), FACT_TEXT))
        section = {"type": "rich_text_section", "elements": [_piece(piece) for piece in pieces if piece]}
        return {"type": "rich_text", "elements": [section]}
    return {"type": "raw_text", "text": cut(plain(text), FACT_TEXT).strip() or EMPTY}


def _piece(piece: str) -> Json:
    if _LIVE.fullmatch(piece):
        return {"type": "user", "user_id": piece[2:-1]}
    return _leaf(plain(Markup(piece)))  # noqa: S704 (cut out of markup)


def _labels(categories: Sequence[Text]) -> list[str]:
    """Short labels that differ, as Slack wants them."""
    labels: list[str] = []
    for category in categories[: limits.CHART_POINTS]:
        label = cut(plain(category), limits.CHART_LABEL) or EMPTY
        if label in labels:
            label = f"{label[: limits.CHART_LABEL - 3]} {len(labels) + 1}"
        labels.append(label)
    return labels


def _task(index: int, name: Text, status: str, note: Text) -> Json:
    found: Json = {"task_id": f"task-{index}", "title": cut(plain(name), FACT_TEXT) or EMPTY, "status": status}
    if note.strip():
        told_note = {"type": "rich_text_section", "elements": [_leaf(plain(note))]}
        found["details"] = {"type": "rich_text", "elements": [told_note]}
    return found


def _tidy(text: str) -> str:
    return "\n".join(part.strip() for part in text.split("\n") if part.strip())
