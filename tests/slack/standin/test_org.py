"""slack_sdk finds in a stand-in of several workspaces what Slack says of codes, tokens and refresh tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from engine.testing.clock import FixedClock
from tests.slack.bot.several import ACME, BETA, CLIENT, Slack, a_slack

BACK = "https://assay.example.com/slack/oauth_redirect"


@pytest.fixture
def slack(clock: FixedClock) -> Iterator[Slack]:
    with a_slack(clock) as found:
        yield found


def client(slack: Slack, token: str | None = None) -> WebClient:
    return WebClient(token, base_url=f"{slack.url}/api/", retry_handlers=[])


def exchanged(slack: Slack, secret: str = CLIENT[1], **asked: Any) -> Any:
    return client(slack).oauth_v2_access(client_id=CLIENT[0], client_secret=secret, **asked)


def code_of(slack: Slack, team: str) -> str:
    return slack.org.consent(team, "U1", scope="chat:write", redirect_uri=BACK)


def refuses(slack: Slack, why: str, **asked: Any) -> None:
    with pytest.raises(SlackApiError, match=why):
        exchanged(slack, **asked)


def test_a_token_opens_its_own_workspace(slack: Slack) -> None:
    for team in (ACME, BETA):
        given = exchanged(slack, code=code_of(slack, team), redirect_uri=BACK)
        assert (given["team"]["id"], given["token_type"], given["authed_user"]) == (team, "bot", {"id": "U1"})
        assert client(slack, given["access_token"]).auth_test()["team_id"] == team


def test_a_code_is_worth_something_once_for_ten_minutes_at_its_own_address(slack: Slack, clock: FixedClock) -> None:
    code = code_of(slack, ACME)
    refuses(slack, "bad_redirect_uri", code=code, redirect_uri="https://elsewhere.example")
    refuses(slack, "bad_client_secret", code=code, redirect_uri=BACK, secret="wrong")
    exchanged(slack, code=code, redirect_uri=BACK)
    refuses(slack, "code_already_used", code=code, redirect_uri=BACK)
    late = code_of(slack, ACME)
    clock.move(minutes=11)
    refuses(slack, "invalid_code", code=late, redirect_uri=BACK)


def test_a_token_runs_out_and_its_refresh_token_is_taken_once(slack: Slack, clock: FixedClock) -> None:
    given = exchanged(slack, code=code_of(slack, ACME), redirect_uri=BACK)
    renewed = exchanged(slack, grant_type="refresh_token", refresh_token=given["refresh_token"])
    again = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    refuses(slack, "invalid_refresh_token", **again)
    assert client(slack, given["access_token"]).auth_test()["ok"]
    clock.move(hours=12)
    for token, why in ((given["access_token"], "token_expired"), (renewed["access_token"], "token_expired")):
        with pytest.raises(SlackApiError, match=why):
            client(slack, token).auth_test()


def test_a_revoked_token_opens_nothing_and_a_workspace_that_leaves_leaves_none(slack: Slack) -> None:
    given, other = (exchanged(slack, code=code_of(slack, team), redirect_uri=BACK) for team in (ACME, BETA))
    assert client(slack, given["access_token"]).auth_revoke()["revoked"]
    slack.org.take_away(BETA)
    for token, why in ((given["access_token"], "token_revoked"), (other["access_token"], "account_inactive")):
        with pytest.raises(SlackApiError, match=why):
            client(slack, token).auth_test()
    refuses(slack, "invalid_refresh_token", grant_type="refresh_token", refresh_token=other["refresh_token"])
