"""The two messages people meet every month, on wide and narrow screens, by day and in the dark; all of it made up."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.blockkit.render import View, render
from bot.messages import digest, examples, months, rollout
from tests.slack.standin.rooms import Served, served

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("chromium")]

Scheme = Literal["light", "dark"]
SCREENS: dict[str, tuple[int, int, Scheme]] = {
    "": (1180, 1_300, "light"),
    "-dark": (1180, 1_300, "dark"),
    "-phone": (390, 2_400, "light"),
}
MODEL = "simulated-frontier-1"


@pytest.fixture
def room() -> Iterator[Served]:
    with served(patience=0.4) as found:
        yield found


def a_month() -> View:
    told = months.digest(late_days=0)
    lines = [
        {**line, "model": MODEL, "simulated": True, "shutdowns": [_named(one) for one in line["shutdowns"]]}
        for line in told.lines
    ]
    return digest.month(told.model_copy(update={"lines": tuple(lines)}), page_url="https://assay.example/2026-10")


def _named(shutdown: dict[str, Any]) -> dict[str, Any]:
    return {**shutdown, "name": MODEL}


def a_stage() -> View:
    return rollout.state(examples.rollout(simulated=True))


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("name", "view"), [("digest", a_month()), ("stage", a_stage())])
def test_a_message_is_whole_on_every_screen(browser: Browser, room: Served, name: str, view: View, screen: str) -> None:
    width, height, scheme = SCREENS[screen]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    message = render(view)
    page.goto(f"{room.url}/as/U4/c/C1")
    page.get_by_role("button", name="Got it").click()
    room.client().chat_postMessage(channel="C1", text=message.text, blocks=message.blocks)
    article = page.get_by_role("log").get_by_role("article")
    expect(article).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is cut off at the side"
    inside = article.evaluate("one => one.scrollWidth - one.clientWidth")
    assert inside <= 0, "no part of the message is wider than it"
    _keep(page, f"{name}{screen}")
    page.goto("about:blank")
    page.close()


def _keep(page: Page, name: str) -> None:
    folder = os.environ.get("ASSAY_SCREENSHOTS", "")
    if folder:
        page.wait_for_timeout(300)
        page.get_by_role("log").get_by_role("article").screenshot(path=pathlib.Path(folder) / f"{name}.png")
