"""slack_sdk's SocketModeClient finds in the stand-in what it finds in Slack."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.standin import messages
from tests.slack.standin.rooms import App, Served, connected, served
from tests.waiting import eventually

PLAIN = {"type": "plain_text", "text": "Reason"}
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "reject",
    "title": PLAIN,
    "submit": PLAIN,
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": PLAIN,
            "element": {"type": "plain_text_input", "action_id": "text", "min_length": 3},
        },
        {"type": "actions", "elements": [{"type": "button", "text": PLAIN, "action_id": "more"}]},
    ],
}


def seen(room: Served, reader: str = "U1", channel: str = "C1") -> list[str]:
    return [found["text"] for found in messages.roots(room.standin.room, channel, reader)]


def command(room: Served, app: App, text: str = "/assay help") -> dict[str, Any]:
    room.form("/as/U1/say", channel="C1", text=text)
    return app.wait("slash_commands")[-1].payload


def opened(room: Served, app: App, view: dict[str, Any] = MODAL) -> dict[str, Any]:
    trigger = command(room, app)["trigger_id"]
    return room.client().views_open(trigger_id=trigger, view=view)["view"]


def test_a_command_carries_what_slack_sends(room: Served, app: App) -> None:
    payload = command(room, app, "/assay show x & <y> @jonas #random")
    assert payload["command"] == "/assay"
    assert payload["text"] == "show x &amp; &lt;y&gt; <@U2|jonas> <#C2|random>"
    assert (payload["user_id"], payload["channel_id"], payload["team_id"]) == ("U1", "C1", "T0DEMO")


def test_the_acknowledgement_of_a_command_is_seen_by_its_reader_alone(room: Served, app: App) -> None:
    app.answers["slash_commands"] = {"text": "Eleven verbs"}
    command(room, app)
    assert seen(room) == ["Eleven verbs"]
    assert seen(room, "U2") == []


def test_a_command_nobody_answers_says_so_and_is_delivered_again(room: Served, app: App) -> None:
    app.silent.add("slash_commands")
    room.standin.delivery.patience = 0.4
    room.form("/as/U1/say", channel="C1", text="/assay help")
    assert "did not answer within 3 seconds" in seen(room)[0]
    again = app.wait("slash_commands", 2)
    assert again[0].envelope_id == again[1].envelope_id
    assert again[1].retry_attempt == 1


def test_a_response_url_works_five_times(room: Served, app: App) -> None:
    url = command(room, app)["response_url"].removeprefix(room.url)
    answers = [room.post(url, {"text": str(number)}) for number in range(6)]
    assert answers == [(200, "ok")] * 5 + [(404, "used_url")]
    assert seen(room) == ["0", "1", "2", "3", "4"]


def test_a_response_url_replaces_deletes_and_expires(room: Served, app: App) -> None:
    url = command(room, app)["response_url"].removeprefix(room.url)
    room.post(url, {"text": "one"})
    room.post(url, {"text": "two", "replace_original": True})
    assert seen(room) == ["two"]
    room.post(url, {"delete_original": True})
    assert seen(room) == []
    room.clock.push(31 * 60)
    assert room.post(url, {"text": "late"}) == (404, "expired_url")


def test_a_trigger_works_once_and_for_three_seconds(room: Served, app: App) -> None:
    trigger = command(room, app)["trigger_id"]
    room.client().views_open(trigger_id=trigger, view=MODAL)
    late = command(room, app, "/assay again")["trigger_id"]
    room.clock.push(3.1)
    found = []
    for used in (trigger, late, "1.2.forged"):
        with pytest.raises(SlackApiError) as refused:
            room.client().views_open(trigger_id=used, view=MODAL)
        found.append(refused.value.response["error"])
    assert found == ["exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id"]


def test_a_form_is_checked_filled_in_and_sent(room: Served, app: App) -> None:
    view = opened(room, app)
    path = f"/as/U1/view/{view['id']}/submit"
    assert room.form(path)[1]["errors"] == {"why": "Please complete this required field."}
    assert room.form(path, **{"f-0-0": "no"})[1]["errors"] == {"why": "Please write at least 3 characters."}
    assert room.form(path, **{"f-0-0": "too slow"})[1] == {}
    sent = app.wait("interactive")[0].payload
    assert sent["type"] == "view_submission"
    assert sent["view"]["state"]["values"]["why"]["text"] == {"type": "plain_text_input", "value": "too slow"}
    assert sent["view"]["callback_id"] == "reject"
    assert room.form(path, **{"f-0-0": "too slow"})[1]["error"] == "This form is closed already."


def test_the_apps_answer_to_a_form_is_applied(room: Served, app: App) -> None:
    view = opened(room, app)
    path = f"/as/U1/view/{view['id']}/submit"
    app.answers["interactive"] = {"response_action": "errors", "errors": {"why": "Say more."}}
    assert room.form(path, **{"f-0-0": "abc"})[1] == {"errors": {"why": "Say more."}}
    app.answers["interactive"] = {"response_action": "update", "view": {**MODAL, "callback_id": "second"}}
    room.form(path, **{"f-0-0": "abc"})
    app.answers["interactive"] = {"response_action": "push", "view": {**MODAL, "callback_id": "third"}}
    room.form(path, **{"f-0-0": "abc"})
    modal = room.get("/as/U1/part/modal")[1]
    assert 'data-depth="2"' in modal
    app.answers["interactive"] = {"response_action": "clear"}
    room.form(path, **{"f-0-0": "abc"})
    assert room.get("/as/U1/part/modal")[1].strip() == ""


def test_modals_stack_three_deep(room: Served, app: App) -> None:
    view = opened(room, app)
    for depth in (2, 3, 4):
        room.form(f"/as/U1/view/{view['id']}/press", pressed="f-1-0")
        trigger = app.wait("interactive", depth - 1)[-1].payload["trigger_id"]
        if depth < 4:
            view = room.client().views_push(trigger_id=trigger, view=MODAL)["view"]
    with pytest.raises(SlackApiError) as refused:
        room.client().views_push(trigger_id=trigger, view=MODAL)
    assert refused.value.response["error"] == "push_limit_reached"


def test_an_update_with_an_old_hash_is_refused(room: Served, app: App) -> None:
    view = opened(room, app)
    room.client().views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    with pytest.raises(SlackApiError) as refused:
        room.client().views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    assert refused.value.response["error"] == "hash_conflict"


def test_closing_a_form_is_told_to_an_app_that_asked(room: Served, app: App) -> None:
    view = opened(room, app)
    room.form(f"/as/U1/view/{view['id']}/close")
    closed = app.wait("interactive")[0].payload
    assert (closed["type"], closed["is_cleared"]) == ("view_closed", False)


def test_a_press_carries_its_message_and_can_replace_it(room: Served, app: App) -> None:
    button = {"type": "button", "text": PLAIN, "action_id": "approve", "value": "secret.1"}
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    ts = room.client().chat_postMessage(channel="C1", text="Approve?", blocks=blocks)["ts"]
    assert room.form("/as/U2/press", channel="C1", ts=ts, pressed="f-0-0")[1] == {}
    pressed = app.wait("interactive")[0].payload
    assert pressed["actions"][0]["value"] == "secret.1"
    assert (pressed["message"]["ts"], pressed["user"]["id"], pressed["container"]["channel_id"]) == (ts, "U2", "C1")
    room.post(pressed["response_url"].removeprefix(room.url), {"text": "Done", "replace_original": True})
    assert seen(room) == ["Done"]


def test_only_its_reader_can_press_in_an_ephemeral(room: Served, app: App) -> None:
    blocks = [{"type": "actions", "elements": [{"type": "button", "text": PLAIN}]}]
    ts = room.client().chat_postEphemeral(channel="C1", user="U1", text="x", blocks=blocks)["message_ts"]
    assert room.form("/as/U2/press", channel="C1", ts=ts, pressed="f-0-0")[1] == {
        "error": "This message is gone. Reload the page."
    }
    assert room.form("/as/U1/press", channel="C1", ts=ts, pressed="f-0-0")[1] == {}
    assert app.wait("interactive")[0].payload["container"]["is_ephemeral"] is True


def test_events_tell_of_messages_mentions_files_and_home(room: Served, app: App) -> None:
    room.form("/as/U1/say", channel="D1", text="hello")
    room.form("/as/U1/say", channel="C1", text="@assay are you there?")
    room.form("/as/U1/say", channel="C1", text="just talking")
    room.get("/as/U1/home")
    found = [request.payload["event"] for request in app.wait("events_api", 3)]
    kinds = {(event["type"], event.get("channel_type", "")) for event in found}
    assert kinds == {("message", "im"), ("app_mention", ""), ("app_home_opened", "")}
    assert len({request.payload["event_id"] for request in app.got}) == 3


def test_an_event_without_acknowledgement_comes_four_times_in_all(room: Served, app: App) -> None:
    app.silent.add("events_api")
    room.standin.delivery.patience = 0.4
    room.form("/as/U1/say", channel="D1", text="hello")
    tries = app.wait("events_api", 4)
    assert len({request.payload["event_id"] for request in tries}) == 1
    assert [request.retry_attempt for request in tries] == [None, 1, 2, 3]
    assert tries[1].retry_reason == "timeout"


def test_a_disconnect_on_request_makes_the_client_come_back(room: Served, app: App) -> None:
    room.post("/_socket", {"reason": "refresh_requested"})
    eventually(lambda: room.standin.sockets.count == 1)
    assert command(room, app)["text"] == "help"


def test_a_disabled_link_lets_nobody_back(room: Served) -> None:
    room.post("/_socket", {"reason": "link_disabled"})
    with pytest.raises(SlackApiError) as refused:
        room.client().apps_connections_open(app_token="xapp-standin")
    assert refused.value.response["error"] == "link_disabled"


def test_a_ticket_for_the_socket_is_single_use() -> None:
    with served() as room, connected(room):
        assert room.standin.sockets.count == 1
