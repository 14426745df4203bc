"""slack_sdk's WebClient finds in the stand-in what it finds in Slack."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.slack.standin.rooms import Served, answer_of

BLOCKS = [{"type": "header", "text": {"type": "plain_text", "text": "Verdict"}}]
HOME = {"type": "home", "blocks": BLOCKS}


def code(refused: pytest.ExceptionInfo[SlackApiError]) -> str:
    return refused.value.response["error"]


def test_auth_test_names_the_bot_and_its_scopes(room: Served) -> None:
    answer = room.client().auth_test()
    assert (answer["team_id"], answer["user_id"]) == ("T0DEMO", "U0ASSAY")
    scopes = answer.headers["x-oauth-scopes"].split(",")
    assert len(scopes) == 10
    assert "chat:write" in scopes


@pytest.mark.parametrize(
    ("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xapp-standin", "not_allowed_token_type")]
)
def test_a_wrong_token_opens_nothing(room: Served, token: str, error: str) -> None:
    client = WebClient(token=token, base_url=f"{room.url}/api/")
    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel="C1", text="hi")
    assert code(refused) == error


def test_an_unknown_method_is_named_so(room: Served) -> None:
    with pytest.raises(SlackApiError) as refused:
        room.client().api_call("reminders.add")
    assert code(refused) == "unknown_method"


def test_a_post_comes_back_with_its_metadata_only_when_asked_for(room: Served) -> None:
    client = room.client()
    metadata = {"event_type": "assay_outbox", "event_payload": {"outbox_id": "o-1"}}
    sent = client.chat_postMessage(channel="C1", text="hi", blocks=BLOCKS, metadata=metadata)
    with_it = client.conversations_history(channel="C1", include_all_metadata=True)["messages"]
    without = client.conversations_history(channel="C1")["messages"]
    assert [(found["ts"], found["metadata"]) for found in with_it] == [(sent["ts"], metadata)]
    assert "metadata" not in without[0]
    assert with_it[0]["bot_id"] == "B0ASSAY"


def test_history_is_newest_first_bounded_and_paged(room: Served) -> None:
    client = room.client()
    stamps = [client.chat_postMessage(channel="C1", text=str(number))["ts"] for number in range(5)]
    first = client.conversations_history(channel="C1", limit=2)
    second = client.conversations_history(channel="C1", limit=2, cursor=first["response_metadata"]["next_cursor"])
    later = client.conversations_history(channel="C1", oldest=stamps[3])
    assert [found["text"] for found in first["messages"]] == ["4", "3"]
    assert [found["text"] for found in second["messages"]] == ["2", "1"]
    assert [found["text"] for found in later["messages"]] == ["4"]


def test_a_thread_holds_its_replies_and_the_channel_does_not(room: Served) -> None:
    client = room.client()
    root = client.chat_postMessage(channel="C1", text="root")["ts"]
    client.chat_postMessage(channel="C1", text="reply", thread_ts=root)
    found = client.conversations_replies(channel="C1", ts=root)["messages"]
    assert [message["text"] for message in found] == ["root", "reply"]
    assert [message["text"] for message in client.conversations_history(channel="C1")["messages"]] == ["root"]
    assert found[0]["reply_count"] == 1


def test_update_and_delete_change_the_bots_own_message(room: Served) -> None:
    client = room.client()
    ts = client.chat_postMessage(channel="C1", text="one")["ts"]
    client.chat_update(channel="C1", ts=ts, text="two")
    assert client.conversations_history(channel="C1")["messages"][0]["text"] == "two"
    assert client.chat_getPermalink(channel="C1", message_ts=ts)["permalink"].startswith(room.url)
    client.chat_delete(channel="C1", ts=ts)
    assert client.conversations_history(channel="C1")["messages"] == []
    with pytest.raises(SlackApiError) as refused:
        client.chat_update(channel="C1", ts=ts, text="three")
    assert code(refused) == "message_not_found"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"channel": "C1"}, "no_text"),
    ({"channel": "C1", "text": "x" * 40_001}, "msg_too_long"),
    ({"channel": "C9", "text": "x"}, "channel_not_found"),
    ({"channel": "C3", "text": "x"}, "not_in_channel"),
    ({"channel": "C1", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
    ({"channel": "U9", "text": "x"}, "user_not_found"),
]


@pytest.mark.parametrize(("arguments", "error"), REFUSED)
def test_a_post_slack_would_refuse_is_refused_with_its_code(
    room: Served, arguments: dict[str, Any], error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        room.client().api_call("chat.postMessage", json=arguments)
    assert code(refused) == error


def test_invalid_blocks_are_refused_with_their_pointer(room: Served) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as refused:
        room.client().chat_postMessage(channel="C1", text="x", blocks=blocks)
    assert code(refused) == "invalid_blocks"
    told = refused.value.response["response_metadata"]["messages"]
    assert told == ["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]


def test_a_post_to_a_person_lands_in_their_conversation(room: Served) -> None:
    client = room.client()
    assert client.chat_postMessage(channel="U2", text="hi")["channel"] == "D2"
    assert client.conversations_open(users="U2")["channel"]["id"] == "D2"
    assert client.conversations_history(channel="D2")["messages"][0]["text"] == "hi"


def test_an_ephemeral_is_in_nobodys_history(room: Served) -> None:
    client = room.client()
    client.chat_postEphemeral(channel="C1", user="U1", text="only you")
    assert client.conversations_history(channel="C1")["messages"] == []


def test_people_channels_and_groups_are_listed(room: Served) -> None:
    client = room.client()
    assert client.users_info(user="U5")["user"]["is_restricted"] is True
    assert client.users_info(user="U4")["user"]["is_admin"] is True
    assert {user["id"] for user in client.users_list()["members"]} == {"U1", "U2", "U3", "U4", "U5", "U0ASSAY"}
    assert [found["id"] for found in client.conversations_list()["channels"]] == ["C1", "C2", "C3"]
    assert client.conversations_info(channel="C3")["channel"]["is_member"] is False
    assert client.usergroups_users_list(usergroup="S1")["users"] == ["U2", "U3"]
    with pytest.raises(SlackApiError) as refused:
        client.users_info(user="U9")
    assert code(refused) == "user_not_found"


def test_home_is_published_once_per_hash(room: Served) -> None:
    client = room.client()
    first = client.views_publish(user_id="U1", view=HOME)["view"]
    second = client.views_publish(user_id="U1", view=HOME, hash=first["hash"])["view"]
    assert second["id"] == first["id"]
    assert second["hash"] != first["hash"]
    with pytest.raises(SlackApiError) as refused:
        client.views_publish(user_id="U1", view=HOME, hash=first["hash"])
    assert code(refused) == "hash_conflict"


def test_a_file_goes_up_and_comes_down_only_for_the_bearer(room: Served) -> None:
    client = room.client()
    answer = client.files_upload_v2(
        channel="C1", filename="labels.csv", content="input,output\na,b\n", initial_comment="here"
    )
    file = client.files_info(file=answer["file"]["id"])["file"]
    assert (file["mode"], file["size"], file["filetype"]) == ("hosted", 17, "csv")
    link = urllib.request.Request(file["url_private_download"], headers={"Authorization": "Bearer xoxb-standin"})
    assert answer_of(link) == (200, "input,output\na,b\n")
    status, body = answer_of(urllib.request.Request(file["url_private_download"]))
    assert status == 200
    assert body.startswith("<!DOCTYPE html>")
    assert client.conversations_history(channel="C1")["messages"][0]["files"][0]["name"] == "labels.csv"
