"""The whole road in a real browser, on the stand-in: from a form to the monthly digest."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import HEIGHT, WIDTH, Demo

pytestmark = [pytest.mark.e2e, pytest.mark.torch, pytest.mark.processes, pytest.mark.xdist_group("processes")]

SLUG = "review-mood"
LABELLED = 3_500  # enough for a clear verdict, few enough for a quick one
VERDICT_MS = 600_000
Shot = Callable[..., None]


def say(page: Page, words: str) -> None:
    """Type words as a person does."""
    box = page.get_by_role("combobox")
    box.fill(words)
    box.press("Escape")  # closes the list of completions
    page.get_by_role("button", name="Send").click()


def become(page: Page, name: str) -> None:
    """Switch to another person, in the same channel."""
    page.get_by_text("Switch", exact=True).click()
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="assay", exact=True).click()


def log(page: Page) -> Locator:
    """Where messages stand."""
    return page.get_by_role("log")


@pytest.mark.timeout(1500)
def test_a_feature_walks_the_whole_road(page: Page, demo: Demo, shot: Shot) -> None:
    page.get_by_role("button", name="Got it").click()
    _registers_by_form(page, demo, shot)
    _uploads_labels(page, demo, shot)
    demo.assay("import-traffic", SLUG, str(demo.home / "traffic-ticket-mood.jsonl"), "--format", "assay")
    run_id = _investigates(page, shot)
    _reads_the_report(page, demo, run_id, shot)
    _reads_the_reading(page, demo)
    _asks_and_a_second_person_approves(page, shot)
    _sees_the_digest(page, demo)
    _nothing_of_it_reached_the_logs(demo)


def _registers_by_form(page: Page, demo: Demo, shot: Shot) -> None:
    say(page, "/assay register")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Model it runs on now")).to_be_visible()
    form.get_by_label("Name", exact=False).first.fill("Review Mood!")
    form.get_by_label("Model it runs on now").fill("simulated-frontier-1")
    form.get_by_label("Prompt it runs on now").fill("Answer negative, neutral or positive.\n\nReview: {{ input }}")
    form.get_by_label("Labels").fill("negative, neutral, positive")
    form.get_by_label("Margin").fill("5%")
    form.get_by_role("button", name="Register").click()
    expect(form.get_by_role("alert").first).to_contain_text("no slug")
    form.get_by_label("Name", exact=False).first.fill(SLUG)
    shot("register")
    form.get_by_role("button", name="Register").click()
    expect(form).to_have_count(0)
    expect(log(page).get_by_role("heading", name=SLUG)).to_be_visible()


def _uploads_labels(page: Page, demo: Demo, shot: Shot) -> None:
    say(page, f"/assay labels {SLUG}")
    form = page.get_by_role("dialog")
    lines = (demo.home / "labels.jsonl").read_bytes().splitlines(keepends=True)[:LABELLED]
    broken = b"".join(lines) + b'{"input": "", "output": "positive"}\n'
    form.locator("input[type=file]").set_input_files(
        {"name": "labels.jsonl", "mimeType": "application/jsonl", "buffer": broken}
    )
    form.get_by_role("button", name="Check the file").click()
    confirm = log(page).get_by_role("button", name="Confirm")
    expect(confirm).to_be_visible()
    expect(log(page).get_by_text(f"line {LABELLED + 1}: input is empty")).to_be_visible()
    shot("labels")
    confirm.click()
    expect(log(page).get_by_role("button", name="Confirm")).to_have_count(0)


def _investigates(page: Page, shot: Shot) -> str:
    say(page, f"/assay investigate {SLUG} effort=quick")
    form = page.get_by_role("dialog")
    expect(form.get_by_text("simulated").first).to_be_visible()
    form.get_by_role("button", name="Confirm").click()
    card = log(page).get_by_role("article").filter(has_text=f"Investigating {SLUG}").last
    expect(card).to_be_visible()
    expect(card.get_by_text("train tfidf")).to_be_visible(timeout=VERDICT_MS)
    shot("progress")
    verdict = log(page).get_by_role("button", name="Ask for shadow")
    expect(verdict).to_be_visible(timeout=VERDICT_MS)
    card = log(page).get_by_role("article").filter(has=page.get_by_role("button", name="Ask for shadow"))
    page.set_viewport_size({"width": WIDTH, "height": 1_420})  # the whole card at once
    shot("verdict")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    text = card.inner_text()
    assert "Ship the tuned model" in text
    assert "simulated" in text
    return next(word for word in text.split() if word.startswith("inv-"))


def _reads_the_report(page: Page, demo: Demo, run_id: str, shot: Shot) -> None:
    link = log(page).get_by_role("button", name="Open the report").first.get_attribute("data-url")
    assert link
    assert run_id in link
    with urllib.request.urlopen(link) as answer:
        html = answer.read().decode()
    assert "is simulated" in html
    assert "sealed rows, paired" in html
    _is_whole_on_a_phone(page, demo, link)
    assert page.context.browser
    other = page.context.browser.new_page(viewport={"width": 900, "height": 1400}, color_scheme="light")
    other.goto(link)
    other.evaluate("document.querySelector('#difference').scrollIntoView()")
    shot("report", other)
    other.close()


def _reads_the_reading(page: Page, demo: Demo) -> None:
    say(page, f"/assay ready {SLUG}")
    opens = log(page).get_by_role("button", name="Open the page")
    expect(opens.last).to_be_visible()
    link = opens.last.get_attribute("data-url")
    assert link
    _is_whole_on_a_phone(page, demo, link)


def _is_whole_on_a_phone(page: Page, demo: Demo, link: str) -> None:
    """The page fits 360 pixels, its charts have titles, and it holds no sealed text."""
    assert page.context.browser
    phone = page.context.browser.new_page(viewport={"width": 360, "height": 780}, color_scheme="dark")
    phone.goto(link)
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    charts = phone.get_by_role("img").all()
    assert len(charts) >= 2
    assert all(chart.locator("title").text_content() for chart in charts)
    words = phone.inner_text("body")
    phone.close()
    assert not [text for text in _sealed(demo) if text in words]


def _sealed(demo: Demo) -> list[str]:
    """This feature's sealed texts, those long enough to be no accident: another feature may show the same corpus."""
    with contextlib.closing(sqlite3.connect(f"file:{demo.home / 'assay.db'}?mode=ro", uri=True)) as database:
        asked = "SELECT input FROM label JOIN feature ON feature.id = feature_id WHERE part = 'sealed' AND slug = ?"
        found = [row[0] for row in database.execute(asked, (SLUG,))]
    assert found
    return [" ".join(text.split()) for text in found if len(text) > 40]


def _asks_and_a_second_person_approves(page: Page, shot: Shot) -> None:
    log(page).get_by_role("button", name="Ask for shadow").click()
    approve = log(page).get_by_role("button", name="Approve")
    expect(approve).to_be_visible()
    _presses_approve(page)
    expect(log(page).get_by_text("You asked for this, so somebody else must approve it")).to_be_visible()
    become(page, "Jonas Weber")
    approve = log(page).get_by_role("button", name="Approve")
    approve.scroll_into_view_if_needed()
    shot("approval")
    _presses_approve(page)
    expect(log(page).get_by_role("button", name="Approve")).to_have_count(0)
    say(page, f"/assay rollout {SLUG}")
    expect(log(page).get_by_text("shadow").last).to_be_visible()


def _presses_approve(page: Page) -> None:
    log(page).get_by_role("button", name="Approve").click()
    sure = page.locator("dialog[open]")
    sure.get_by_role("button").last.click()


def _sees_the_digest(page: Page, demo: Demo) -> None:
    today = datetime.now(UTC)
    due = (today.replace(day=1) + timedelta(days=32)).replace(day=5)
    for _ in range(2):  # the same month twice is one digest
        demo.assay("scheduler", "--once", "--now", f"{due:%Y-%m-%d}T09:00:00Z")
    digest = log(page).get_by_role("article").filter(has_text=f"Assay, {today:%Y-%m}")
    expect(digest.first).to_be_visible()
    expect(digest.first.get_by_text(SLUG).first).to_be_visible()
    page.reload()
    expect(log(page).get_by_role("article").filter(has_text=f"Assay, {today:%Y-%m}")).to_have_count(1)


def _nothing_of_it_reached_the_logs(demo: Demo) -> None:
    lines = [json.loads(line) for line in (demo.home / "labels.jsonl").read_text().splitlines()]
    texts = [line["input"] for line in lines if len(line["input"]) > 40][:300]
    told = "".join(path.read_text(errors="replace") for path in demo.home.rglob("*.log"))
    told += "".join(path.read_text(errors="replace") for path in demo.home.rglob("log.txt"))
    assert "engine.started" in told
    assert not [text for text in [*texts, "Answer negative, neutral or positive", "xoxb-standin"] if text in told]
