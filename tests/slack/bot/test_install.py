"""Workspaces install the app by themselves: slack_bolt's OAuth flow against two workspaces, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from slack_bolt.error import BoltError
from slack_sdk.oauth.installation_store import Installation

from bot.manifest import SCOPES
from engine.desk import workspaces
from engine.services import Services
from engine.testing.clock import FixedClock
from tests.slack.bot.several import ACME, BETA, House, Slack, a_slack, forged, housed, settings_of


@pytest.fixture
def slack(clock: FixedClock) -> Iterator[Slack]:
    with a_slack(clock) as found:
        yield found


@pytest.fixture
def house(services: Services, slack: Slack) -> Iterator[House]:
    with housed(settings_of(services, slack), slack) as found:
        yield found


def test_a_workspace_installs_the_app_and_is_served_at_once(house: House) -> None:
    page = house.install(ACME)
    assert page.status == 200
    assert "Installed in Acme" in page.body
    (one,) = workspaces.every(house.services)
    assert (one.team, one.team_name, one.ended_at) == (ACME, "Acme", None)
    acme = house.wire(ACME)
    assert "features" in acme.answer(acme.command("help"))


def test_slack_is_asked_for_the_scopes_of_the_manifest_and_no_more(house: House) -> None:
    assert f"scope={','.join(SCOPES)}&user_scope=&" in house.get("/slack/install").location


def test_nothing_of_the_address_gets_into_the_one_a_person_is_sent_to(house: House) -> None:
    page = house.get("/slack/install?team=T0SOMEBODYS%0d%0aX-Evil:%20yes&state=of-my-own-choice")
    assert page.status == 302
    assert not [one for one in ("X-Evil", "SOMEBODYS", "of-my-own") if one in str(page.headers)]


def test_a_visit_that_was_not_begun_here_changes_nothing(house: House) -> None:
    back, cookie = house.consented(ACME)
    elsewhere = house.get(back)
    assert (elsewhere.status, "Not installed" in elsewhere.body) == (400, True)
    assert house.get(forged(back), cookie="slack-app-oauth-state=made-up").status == 401
    assert house.get(forged(back), cookie=cookie).status == 400
    assert workspaces.every(house.services) == []


def test_a_visit_counts_once_and_for_ten_minutes(house: House) -> None:
    back, cookie = house.consented(ACME)
    assert house.get(back, cookie=cookie).status == 200
    again = house.get(back, cookie=cookie)
    assert (again.status, "used before" in again.body) == (401, True)
    late, kept = house.consented(BETA)
    house.clock.move(minutes=11)
    assert house.get(late, cookie=kept).status == 401
    assert [one.team for one in workspaces.every(house.services)] == [ACME]


def test_who_says_no_at_slack_is_told_that_nothing_was_changed(house: House) -> None:
    back, cookie = house.consented(ACME, more="&deny=1")
    page = house.get(back, cookie=cookie)
    assert "said no. Nothing was changed." in page.body
    assert workspaces.every(house.services) == []


@pytest.mark.parametrize("fault", ["forged", "500"])
def test_a_code_that_slack_does_not_take_installs_nothing(house: House, fault: str) -> None:
    back, cookie = house.consented(ACME)
    if fault == "forged":
        back = back.replace("code=", "code=0")
    else:
        house.slack.rooms[ACME].post("/_faults", {"method": "auth.test", "kind": "500"})
    page = house.get(back, cookie=cookie)
    assert page.status in (401, 503)
    assert "Nothing was changed" in page.body
    assert workspaces.every(house.services) == []


def test_a_whole_organisation_is_refused_with_what_to_choose(house: House) -> None:
    store = house.bot.install.flow.settings.installation_store
    with pytest.raises(BoltError, match="one workspace at a time"):
        store.save(Installation(user_id="U1", enterprise_id="E0ORG", is_enterprise_install=True, bot_token="xoxb-1"))
    assert workspaces.every(house.services) == []


def test_a_place_that_cannot_be_made_is_told_without_its_path_and_nothing_is_kept(house: House) -> None:
    own = house.services.settings.of_team(ACME).database
    path = Path(own.removeprefix("sqlite:///"))
    path.mkdir(parents=True)
    page = house.install(ACME)
    assert (page.status, "cannot take this workspace in" in page.body, path.name in page.body) == (503, True, False)
    assert workspaces.every(house.services) == []
    path.rmdir()
    assert house.install(ACME).status == 200


def test_the_same_workspace_installed_twice_at_once_is_one(house: House) -> None:
    visits = [house.consented(ACME) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        came = [pool.submit(house.get, back, cookie=cookie) for back, cookie in visits]
    assert [one.result().status for one in came] == [200] * 3
    assert [one.team for one in workspaces.every(house.services)] == [ACME]


def test_a_page_of_the_installation_lets_nothing_else_in_and_is_not_kept(house: House) -> None:
    back, cookie = house.consented(ACME, more="&deny=1")
    page = house.get(back, cookie=cookie)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "no-store" in page.headers["cache-control"]
    assert page.headers["referrer-policy"] == "no-referrer"


def test_a_workspace_that_has_not_installed_it_is_told_where(house: House) -> None:
    house.install(ACME)
    status, said = house.command(BETA, "help")
    assert (status, "https://assay.example.com/slack/install" in said) == (200, True)
