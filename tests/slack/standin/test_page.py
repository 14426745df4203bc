"""What a person sees on the page and what each press of theirs does; no browser, the same requests a browser makes."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk import WebClient

from bot.standin.page import POLICY
from tests.slack.standin.rooms import App, Served, answer_of

SCRIPT = Path(__file__).parents[3] / "templates/standin/standin.js"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def cell(text: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": text}


def axes(kind: str, **series: list[float]) -> dict[str, Any]:
    months = ["Sep", "Oct"]
    lines = [
        {"name": name, "data": [{"label": month, "value": value} for month, value in zip(months, values, strict=True)]}
        for name, values in series.items()
    ]
    chart = {"type": kind, "series": lines, "axis_config": {"categories": months, "y_label": "US dollars"}}
    return {"type": "data_visualization", "title": "Cost a month", "chart": chart}


def page(room: Served, who: str = "U1", where: str = "c/C1") -> str:
    return room.get(f"/as/{who}/{where}")[1]


def shown(room: Served, *blocks: dict[str, Any], **options: Any) -> str:
    room.client().chat_postMessage(channel="C1", text="twin", blocks=blocks, **options)
    return page(room)


def test_the_front_page_leads_to_the_first_person_and_says_what_it_is(room: Served) -> None:
    html = room.get("/")[1]
    assert "Local stand-in, not Slack." in html
    assert "Mara Lind" in html


def test_nothing_runs_on_the_page_but_our_own_script(room: Served) -> None:
    with urllib.request.urlopen(f"{room.url}/as/U1/c/C1") as answer:
        policy, html = answer.headers["Content-Security-Policy"], answer.read().decode()
    assert policy == POLICY
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL) == [""]
    assert not re.search(r"\s(on\w+|style)=", html)


def test_every_file_the_page_names_is_served(room: Served) -> None:
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page(room)):
        assert room.get(path)[0] == 200, path


def test_the_script_stays_short() -> None:
    assert len(SCRIPT.read_text("utf-8").splitlines()) < 200


def test_a_first_visit_shows_three_things_to_try_until_they_are_put_away(room: Served) -> None:
    assert page(room).count("<li>Type") == 1
    assert page(room).count("Three things to try") == 1
    room.form("/as/U1/tour")
    assert "Three things to try" not in page(room)
    assert "Three things to try" not in page(room, "U2")


def test_the_message_box_completes_the_verbs_it_was_given(room: Served) -> None:
    assert re.findall(r'data-verb="([^"]+)"', page(room)) == ["help", "register"]


def test_everyone_can_be_switched_to(room: Served) -> None:
    switch = page(room).partition('class="who"')[2].partition("</details>")[0]
    assert re.findall(r'href="/as/(U\d)/c/C1"', switch) == ["U2", "U3", "U4", "U5"]
    assert "Jonas Weber" in page(room, "U2").partition("<summary>")[2].partition("</summary>")[0]


def test_an_ephemeral_is_drawn_for_its_reader_alone(room: Served) -> None:
    room.client().chat_postEphemeral(channel="C1", user="U1", text="for Mara only")
    assert "for Mara only" in page(room)
    assert "for Mara only" not in page(room, "U2")


def test_a_table_has_headers_and_its_figures_stand_right(room: Served) -> None:
    html = shown(
        room,
        {
            "type": "table",
            "rows": [[cell("Measure"), cell("Tuned")], [cell("Accuracy"), cell("94.1 %")]],
            "column_settings": [{"align": "left"}, {"align": "right"}],
        },
    )
    assert '<th scope="col" class="number">Tuned</th>' in html
    assert '<th scope="row">Accuracy</th>' in html
    assert '<td class="number">94.1 %</td>' in html


def test_a_table_without_settings_is_drawn_too(room: Served) -> None:
    figure = {"type": "raw_number", "text": "94", "value": 94}
    rows = [[cell("Measure"), cell("Tuned")], [cell("Accuracy"), figure]]
    assert '<td class="number">94</td>' in shown(room, {"type": "data_table", "caption": "All", "rows": rows})


@pytest.mark.parametrize(("kind", "shapes"), [("bar", 4), ("line", 2), ("area", 4)])
def test_a_chart_is_drawn_with_its_numbers_beside_it(room: Served, kind: str, shapes: int) -> None:
    html = shown(room, axes(kind, Prompted=[2200.5, 2300], Tuned=[-50, 684]))
    assert len(re.findall(r'<path class="(?:solid|line|area) s', html)) == shapes
    assert "US dollars" in html
    for figure in ("2,200.5", "2,300", "-50", "684"):
        assert f'<td class="number">{figure}</td>' in html


@pytest.mark.parametrize(("values", "shares"), [([3, 1], ["75%", "25%"]), ([5], ["100%"])])
def test_a_pie_shows_shares(room: Served, values: list[int], shares: list[str]) -> None:
    segments = [{"label": f"part {index}", "value": value} for index, value in enumerate(values)]
    html = shown(room, {"type": "data_visualization", "title": "Money", "chart": {"type": "pie", "segments": segments}})
    assert html.count('<path class="solid') == len(values)
    assert all(f'<td class="number">{share}</td>' in html for share in shares)


def test_a_plan_says_in_words_how_far_each_task_is(room: Served) -> None:
    statuses = ["pending", "in_progress", "complete", "error"]
    tasks = [{"task_id": str(n), "title": f"Step {n}", "status": status} for n, status in enumerate(statuses)]
    html = shown(room, {"type": "plan", "title": "Investigating", "tasks": tasks})
    assert re.findall(r'<span class="state">(\w+)</span>', html) == ["waiting", "running", "done", "failed"]


def test_a_dangerous_press_asks_first(room: Served) -> None:
    confirm = {"title": plain("Sure?"), "text": plain("Send 1 %."), "confirm": plain("Send"), "deny": plain("No")}
    button = {"type": "button", "text": plain("Approve"), "action_id": "a", "confirm": confirm}
    html = shown(room, {"type": "actions", "elements": [button]})
    assert '<dialog class="confirm">' in html
    assert re.search(r"<button[^>]*data-confirm[^>]*>Approve</button>", html)
    assert not re.search(r"<button[^>]*data-pressed[^>]*>Approve</button>", html)


ELEMENTS = [
    ({"type": "static_select", "options": [{"text": plain("Red"), "value": "r"}]}, "<select"),
    ({"type": "checkboxes", "options": [{"text": plain("Red"), "value": "r"}]}, 'type="checkbox"'),
    ({"type": "radio_buttons", "options": [{"text": plain("Red"), "value": "r"}]}, 'type="radio"'),
    ({"type": "overflow", "options": [{"text": plain("Red"), "value": "r"}]}, 'class="overflow"'),
    ({"type": "users_select", "placeholder": plain("Who")}, "Jonas Weber</option>"),
    ({"type": "channels_select", "placeholder": plain("Where")}, "# random</option>"),
    ({"type": "datepicker", "initial_date": "2026-11-02"}, 'type="date"'),
    ({"type": "timepicker"}, 'type="time"'),
]


@pytest.mark.parametrize(("element", "drawn"), ELEMENTS, ids=[element["type"] for element, _ in ELEMENTS])
def test_every_element_of_a_message_can_be_used(room: Served, element: dict[str, Any], drawn: str) -> None:
    assert drawn in shown(room, {"type": "actions", "elements": [{**element, "action_id": "a"}]})


INPUTS = [
    ({"type": "plain_text_input", "multiline": True}, "<textarea"),
    ({"type": "number_input", "is_decimal_allowed": True}, 'step="any"'),
    ({"type": "email_text_input"}, 'type="email"'),
    ({"type": "url_text_input"}, 'type="url"'),
    ({"type": "multi_users_select"}, 'type="checkbox"'),
    ({"type": "multi_channels_select"}, 'type="checkbox"'),
    ({"type": "datetimepicker"}, 'type="datetime-local"'),
    ({"type": "file_input", "filetypes": ["csv"]}, 'accept=".csv"'),
    ({"type": "rich_text_input"}, "<textarea"),
]


@pytest.mark.parametrize(("element", "drawn"), INPUTS, ids=[element["type"] for element, _ in INPUTS])
def test_every_input_of_a_form_can_be_filled(room: Served, app: App, element: dict[str, Any], drawn: str) -> None:
    field = {"type": "input", "label": plain("Field"), "element": {**element, "action_id": "a"}}
    view = {"type": "modal", "title": plain("Form"), "submit": plain("Send"), "blocks": [field]}
    room.form("/as/U1/say", channel="C1", text="/assay form")
    trigger = app.wait("slash_commands")[0].payload["trigger_id"]
    room.client().views_open(trigger_id=trigger, view=view)
    assert drawn in room.get("/as/U1/part/modal")[1]
    assert drawn in page(room)


def test_a_file_dropped_on_the_page_reaches_the_app_and_the_thread(room: Served, app: App) -> None:
    root = room.client().chat_postMessage(channel="D1", text="Send labels here")["ts"]
    request = urllib.request.Request(f"{room.url}/as/U1/upload?name=labels.csv&field=file", b"input,output\na,b\n")
    kept = answer_of(request)[1]
    assert "labels.csv" in kept["html"]
    assert f'value="{kept["id"]}"' in kept["html"]
    room.form("/as/U1/say", channel="D1", thread_ts=root, text="here", file=[kept["id"]])
    kinds = {request.payload["event"]["type"] for request in app.wait("events_api", 2)}
    assert kinds == {"message", "file_shared"}
    assert "labels.csv" in page(room, where=f"c/D1?thread={root}")
    assert room.get(f"/as/U1/file/{kept['id']}")[1] == "input,output\na,b\n"


def test_a_chosen_file_stands_in_the_form_the_app_gets(room: Served, app: App) -> None:
    field = {"type": "input", "block_id": "f", "label": plain("Labels"), "element": {"type": "file_input"}}
    view = {"type": "modal", "title": plain("Form"), "submit": plain("Send"), "blocks": [field]}
    field["element"] |= {"action_id": "a", "filetypes": ["csv"], "max_files": 1}  # type: ignore[operator]
    room.form("/as/U1/say", channel="C1", text="/assay labels")
    opened = room.client().views_open(trigger_id=app.wait("slash_commands")[0].payload["trigger_id"], view=view)
    path = f"/as/U1/view/{opened['view']['id']}/submit"
    ids = [answer_of(urllib.request.Request(f"{room.url}/as/U1/upload?name={name}", b"x"))[1]["id"] for name in NAMES]
    assert "another kind" in room.form(path, **{"f-0-0": ids[0]})[1]["errors"]["f"]
    assert "at most 1 file" in room.form(path, **{"f-0-0": ids})[1]["errors"]["f"]
    assert room.form(path, **{"f-0-0": ids[1]})[1] == {}
    values = app.wait("interactive")[0].payload["view"]["state"]["values"]
    assert [file["id"] for file in values["f"]["a"]["files"]] == [ids[1]]


NAMES = ("labels.exe", "labels.csv")


def test_home_shows_what_was_published_for_this_person(room: Served) -> None:
    assert "has not published a Home for Mara Lind yet" in page(room, where="home")
    blocks = [{"type": "header", "text": plain("Waiting for you")}]
    room.client().views_publish(user_id="U1", view={"type": "home", "blocks": blocks})
    assert "Waiting for you" in page(room, where="home")
    assert "Waiting for you" not in page(room, "U2", "home")


def test_a_reader_that_lost_the_wire_is_told_what_it_missed(room: Served) -> None:
    before = int(re.findall(r'data-after="(\d+)"', page(room))[0])
    ts = room.client().chat_postMessage(channel="C1", text="while you were away")["ts"]
    request = urllib.request.Request(f"{room.url}/as/U1/events", headers={"Last-Event-ID": str(before)})
    with urllib.request.urlopen(request, timeout=10) as wire:
        told = [wire.readline().decode().strip() for _ in range(5)]
    assert told[2:5] == [f"id: {before + 1}", "event: message", f'data: {{"channel": "C1", "ts": "{ts}"}}']


def test_a_permalink_leads_to_the_message(room: Served) -> None:
    client: WebClient = room.client()
    ts = client.chat_postMessage(channel="C1", text="find me")["ts"]
    link = client.chat_getPermalink(channel="C1", message_ts=ts)["permalink"]
    with urllib.request.urlopen(link) as answer:
        assert "find me" in answer.read().decode()
        assert answer.url.endswith(f"#m-{ts}")


@pytest.mark.parametrize("path", ["/as/U9/c/C1", "/as/U1/c/C9", "/as/U9/home", "/as/U1/part/message/C9/1.0"])
def test_nobody_and_nowhere_are_not_found(room: Served, path: str) -> None:
    assert room.get(path)[0] == 404


def test_another_site_cannot_act_for_a_person(room: Served) -> None:
    body = urllib.request.Request(f"{room.url}/as/U1/say", b"channel=C1&text=hi", {"Origin": "http://evil.example"})
    assert answer_of(body)[0] == 403
    assert "hi</div>" not in page(room)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("<>&\"'`*_~|!@#: \nabc{}%/\u2028\u202e"), min_size=1, max_size=60))
def test_no_text_of_an_app_becomes_markup(room: Served, text: str) -> None:
    marked = f"<script>alert(1)</script><img src=x onerror=y>{text}"
    section = {"type": "section", "text": {"type": "mrkdwn", "text": marked}}
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": marked}]}
    blocks = [section, {"type": "rich_text", "elements": [rich]}, {"type": "markdown", "text": marked}]
    ts = room.client().chat_postMessage(channel="C1", text=marked, blocks=blocks)["ts"]
    html = room.get(f"/as/U1/part/message/C1/{ts}")[1]
    assert "<script" not in html
    assert "<img" not in html


def test_a_link_leads_only_to_the_web(room: Served) -> None:
    room.client().chat_postMessage(channel="C1", text="<javascript:alert(1)|press> <https://example.org|read>")
    links = re.findall(r'href="([^"]*)"', page(room))
    assert "https://example.org" in links
    assert not [found for found in links if found.startswith("javascript")]
