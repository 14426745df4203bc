"""The page in a real browser: what only its script and its style can break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect

from tests.slack.standin.rooms import App, Served
from tests.slack.standin.test_socket_mode import MODAL, PLAIN

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("chromium")]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    found = browser.new_page(viewport={"width": 1280, "height": 800})
    yield found
    found.close()


@pytest.fixture
def page(tab: Page, room: Served) -> Iterator[Page]:
    broken: list[str] = []

    def keep(told: ConsoleMessage | Error) -> None:
        if isinstance(told, Error) or told.type == "error":
            broken.append(str(told))

    tab.on("pageerror", keep)
    tab.on("console", keep)
    tab.goto(f"{room.url}/as/U1/c/C1")
    yield tab
    tab.remove_listener("pageerror", keep)
    tab.remove_listener("console", keep)
    tab.goto("about:blank")  # lets go of the wire, so that the server can stop
    assert broken == []


def test_a_command_is_completed_typed_and_answered_without_a_mouse(page: Page, app: App) -> None:
    app.answers["slash_commands"] = {"text": "Two verbs"}
    page.keyboard.type("/assay r")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Message #ticket-router")).to_have_value("/assay register ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log").get_by_text("Two verbs")).to_be_visible()
    assert app.got[0].payload["text"] == "register"


def test_a_post_an_update_and_a_deletion_arrive_by_themselves(page: Page, room: Served) -> None:
    client, log = room.client(), page.get_by_role("log")
    ts = client.chat_postMessage(channel="C1", text="first words")["ts"]
    expect(log.get_by_text("first words")).to_be_visible()
    client.chat_update(channel="C1", ts=ts, text="second words")
    expect(log.get_by_text("second words")).to_be_visible()
    expect(log.get_by_text("first words")).to_have_count(0)
    client.chat_delete(channel="C1", ts=ts)
    expect(log.get_by_role("article")).to_have_count(0)


def test_a_form_shows_its_errors_at_the_field_and_closes_by_itself(page: Page, room: Served, app: App) -> None:
    page.keyboard.type("/assay reject\n")
    room.client().views_open(trigger_id=app.wait("slash_commands")[0].payload["trigger_id"], view=MODAL)
    form = page.get_by_role("dialog")
    expect(form.get_by_role("textbox")).to_be_visible()
    form.get_by_role("button", name="Reason").last.click()
    expect(form.get_by_role("alert")).to_have_text("Please complete this required field.")
    app.answers["interactive"] = {"response_action": "errors", "errors": {"why": "Say what is wrong with it."}}
    form.get_by_role("textbox").fill("no good")
    form.get_by_role("textbox").press("Enter")
    expect(form.get_by_role("alert")).to_have_text("Say what is wrong with it.")
    app.answers.clear()
    form.get_by_role("textbox").press("Enter")
    expect(form).to_have_count(0)


def test_a_confirmed_press_reaches_the_app_and_a_refused_one_does_not(page: Page, room: Served, app: App) -> None:
    confirm = {"title": PLAIN, "text": PLAIN, "confirm": {**PLAIN, "text": "Send"}, "deny": {**PLAIN, "text": "No"}}
    button = {"type": "button", "text": {**PLAIN, "text": "Approve"}, "action_id": "a", "confirm": confirm}
    blocks = [{"type": "actions", "elements": [button]}]
    room.client().chat_postMessage(channel="C1", text="twin", blocks=blocks)
    for answer in ("No", "Send"):
        page.get_by_role("button", name="Approve").click()
        page.get_by_role("button", name=answer, exact=True).and_(page.locator("dialog[open] button")).click()
    assert len(app.wait("interactive")) == 1


def test_switching_the_person_and_dropping_a_file_work(page: Page, room: Served, app: App) -> None:
    page.get_by_text("Switch", exact=True).click()
    page.get_by_role("link", name="Jonas Weber").click()
    page.get_by_role("link", name="Messages").click()
    page.locator("main input[type=file]").set_input_files(
        {"name": "labels.csv", "mimeType": "text/csv", "buffer": b"input,output\n"}
    )
    expect(page.get_by_role("button", name="Remove labels.csv")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_text("labels.csv")).to_be_visible()
    events = [request.payload["event"] for request in app.wait("events_api", 2)]
    assert {(event["type"], event.get("user") or event["user_id"]) for event in events} == {
        ("message", "U2"),
        ("file_shared", "U2"),
    }


def test_nothing_is_wider_than_the_window(page: Page, room: Served) -> None:
    cells = [[{"type": "raw_text", "text": f"a rather long cell {column}"} for column in range(20)]] * 2
    room.client().chat_postMessage(channel="C1", text="x", blocks=[{"type": "table", "rows": cells}])
    expect(page.get_by_role("log").get_by_role("table")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelector('#log').scrollWidth <= document.querySelector('#log').clientWidth")
