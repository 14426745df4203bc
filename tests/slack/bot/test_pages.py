"""Pages over HTTP and in a browser: who has the address may look, at any width, in the dark, and nothing else loads."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

from bot import links
from engine.desk import Desk
from engine.errors import NotFound
from engine.models.labels import Part
from engine.services import Services
from engine.testing.clock import FixedClock
from tests.builders import texts_of
from tests.flows.ready import BETTER, SLUG, ready, run
from tests.flows.scripted import Script
from tests.slack.bot.wire import Wire, wired
from tests.slack.standin.rooms import Served


@dataclass(frozen=True)
class Site:
    """A bot whose feature was investigated: addresses of both pages, and the sealed texts."""

    report: str
    reading: str
    base: str
    sealed: tuple[str, ...]


@pytest.fixture
def site(services: Services, room: Served) -> Iterator[Site]:
    with wired(services, room) as wire:
        yield _site(wire)


def _site(wire: Wire) -> Site:
    ready(wire.desk)
    run_id = run(wire.desk, Script(right=BETTER)).run_id
    base = f"http://127.0.0.1:{wire.port}"
    desk = seen_at(wire.desk, public_url=base)
    sealed = tuple(texts_of(wire.desk, Part.SEALED, slug=SLUG))
    return Site(links.report(desk, run_id), links.reading(desk, SLUG), base, sealed)


def test_a_page_comes_with_a_policy_that_lets_nothing_else_in(site: Site) -> None:
    for address in (site.report, site.reading):
        with urlopen(address) as answer:
            html, headers = answer.read().decode(), answer.headers
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        sha = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

        assert headers["Content-Security-Policy"].startswith(f"default-src 'none'; style-src 'sha256-{sha}';")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_address_that_was_not_given_opens_nothing(site: Site) -> None:
    whole, _, key = site.reading.rpartition("/")
    wrong = f"{whole}/{'a' if key[0] != 'a' else 'b'}{key[1:]}"
    other = f"{site.base}/readings/other-feature/{key}"
    month, run_of_none = f"{site.base}/digests/2026-10/{key}", f"{site.base}/reports/inv-22222222/{key}"
    later = f"{whole}/2099{key[4:]}"
    for address in (wrong, other, f"{whole}/", whole, month, run_of_none, later, site.report.rpartition("/")[0]):
        with pytest.raises(HTTPError) as told:
            urlopen(address)
        assert told.value.code == 404
        assert SLUG not in told.value.read().decode()


def test_another_token_closes_the_address(wire: Wire) -> None:
    mine = seen_at(wire.desk, public_url="https://assay.example")
    other = seen_at(mine, slack_bot_token=SecretStr("xoxb-other"))

    assert links.reading(mine, SLUG) != links.reading(other, SLUG)
    assert links.reading(mine, SLUG) != links.reading(mine, f"{SLUG}-2").replace("-2", "")
    assert links.digest(mine, "2026-10").rpartition("/")[2] != links.digest(other, "2026-10").rpartition("/")[2]
    assert "xoxb" not in links.reading(mine, SLUG)


def test_an_address_opens_for_three_months_and_says_how_to_get_another(wire: Wire, clock: FixedClock) -> None:
    signature = links.reading(seen_at(wire.desk, public_url="https://assay.example"), SLUG).rpartition("/")[2]
    clock.move(days=90)
    links.check(wire.desk, links.Shelf.READING, SLUG, signature)
    clock.move(days=31)
    with pytest.raises(NotFound, match="opened until") as told:
        links.check(wire.desk, links.Shelf.READING, SLUG, signature)
    assert told.value.hint == "For a new one: /assay ready SLUG"


def seen_at(desk: Desk, **settings: Any) -> Desk:
    """The same counter under other settings."""
    changed = desk.services.settings.model_copy(update=settings)
    return replace(desk, services=replace(desk.services, settings=changed))


@pytest.mark.e2e
@pytest.mark.xdist_group("chromium")
def test_both_pages_are_whole_on_a_phone_and_in_the_dark(site: Site, browser: Browser) -> None:
    for address, charts in ((site.report, 4), (site.reading, 2)):
        page = browser.new_page(viewport={"width": 360, "height": 780}, color_scheme="dark")
        broken: list[str] = []
        page.on("console", lambda told, broken=broken: broken.append(told.text))
        page.on("request", lambda asked, broken=broken, mine=address: broken.extend({asked.url} - {mine}))
        page.goto(address)

        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert _drawn(page) == charts
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 29)"
        words = page.inner_text("body")
        assert not [text for text in site.sealed if f"\n{text}\n" in words]
        page.set_viewport_size({"width": 1_000, "height": 900})
        assert _drawn(page) == charts
        assert page.evaluate("document.documentElement.scrollWidth") == 1_000
        assert broken == []
        page.close()


def _drawn(page: Page) -> int:
    """How many charts are seen, each with a title, none of them wider than the page."""
    seen = page.get_by_role("img").all()
    for chart in seen:
        assert chart.locator("title").text_content()
        box = chart.bounding_box()
        assert box
        assert box["x"] + box["width"] <= page.viewport_size["width"]  # pyright: ignore[reportOptionalSubscript]
    return len(seen)
