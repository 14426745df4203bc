"""Pages made of the whole example, and what a reader or a browser sees in one."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from html.parser import HTMLParser
from typing import Any

from bot.messages import examples, months
from bot.messages.digest import month
from bot.messages.reading import reading as told_reading
from bot.messages.verdict import verdict
from bot.pages import digest, paper, reading, report
from engine.desk.reports import RunReport
from tests.unit.pages import whole

VOID = {"meta", "br", "link", "img"}


@cache
def plain_run() -> str:
    return run_page()


@cache
def plain_reading() -> str:
    return reading_page()


@cache
def plain_digest() -> str:
    return paper.page("digest/month", digest.DigestPage(month(months.digest(late_days=2))))


def run_page(record: dict[str, Any] | None = None, more: RunReport | None = None, today: date = whole.TODAY) -> str:
    record = record or whole.record()
    told = verdict(examples.judged(**record))
    return paper.page("report/verdict", report.report(told, record, more or whole.run_report(), today))


def reading_page(more: Any = None, **changes: object) -> str:
    told, shown = told_reading(whole.reading(**changes)), more or whole.feature_report()
    addresses = {one.run_id: f"/reports/{one.run_id}/k" for one in shown.verdicts}
    return paper.page("report/reading", reading.view(told, shown, addresses))


class Tree(HTMLParser):
    """Every tag opened in a page, its attributes and the text it shows; an unclosed or crossed tag is a fault."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title", "desc"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+([.,;:)])", r"\1", " ".join(" ".join(self.words).split()))


def text_of(html: str) -> str:
    return Tree(html).text
