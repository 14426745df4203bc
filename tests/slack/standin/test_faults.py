"""Faults on request, and a room that outlives its process."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError

from tests.slack.standin.rooms import Served, served


def texts(room: Served) -> list[str]:
    return [found["text"] for found in room.client().conversations_history(channel="C1")["messages"]]


def test_a_429_carries_retry_after_and_passes(room: Served) -> None:
    room.post("/_faults", {"method": "chat.postMessage", "kind": "429", "retry_after": 7})
    with pytest.raises(SlackApiError) as refused:
        room.client().chat_postMessage(channel="C1", text="one")
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    room.client().chat_postMessage(channel="C1", text="two")
    assert texts(room) == ["two"]


def test_a_500_is_html_as_often_as_asked(room: Served) -> None:
    room.post("/_faults", {"method": "chat.postMessage", "kind": "500", "times": 2})
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            room.client().chat_postMessage(channel="C1", text="x")
        assert refused.value.response.status_code == 503
    assert room.client().chat_postMessage(channel="C1", text="x")["ok"]


@pytest.mark.parametrize(("after", "kept"), [(False, []), (True, ["hi"])])
def test_a_reset_cuts_the_connection_before_or_after_the_effect(room: Served, after: bool, kept: list[str]) -> None:
    room.post("/_faults", {"method": "chat.postMessage", "kind": "reset", "after": after})
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        room.client().chat_postMessage(channel="C1", text="hi")
    assert texts(room) == kept


def test_slowness_delays_and_then_answers(room: Served) -> None:
    room.post("/_faults", {"method": "chat.postMessage", "kind": "slow", "seconds": 0.3})
    began = time.monotonic()
    assert room.client().chat_postMessage(channel="C1", text="hi")["ok"]
    assert time.monotonic() - began >= 0.3


def test_an_error_of_slacks_own_can_be_asked_for(room: Served) -> None:
    room.post("/_faults", {"method": "*", "kind": "error", "error": "token_revoked"})
    with pytest.raises(SlackApiError) as refused:
        room.client().auth_test()
    assert refused.value.response["error"] == "token_revoked"


def test_an_unknown_fault_is_refused(room: Served) -> None:
    assert room.post("/_faults", {"kind": "earthquake"})[0] == 400


def test_a_restart_shows_the_same_room(tmp_path: Path) -> None:
    store = tmp_path / "room.db"
    with served(store) as room:
        ts = room.client().chat_postMessage(channel="C1", text="still here")["ts"]
        room.client().views_publish(user_id="U1", view={"type": "home", "blocks": [{"type": "divider"}]})
    with served(store) as room:
        assert texts(room) == ["still here"]
        assert "still here" in room.get("/as/U1/c/C1")[1]
        assert room.client().chat_postMessage(channel="C1", text="next")["ts"] > ts


def test_what_the_app_called_is_listed_for_tests(room: Served) -> None:
    room.client().chat_postMessage(channel="C1", text="hi")
    calls = room.get("/_calls?method=chat.postMessage")[1]["calls"]
    assert [call["arguments"]["text"] for call in calls] == ["hi"]
