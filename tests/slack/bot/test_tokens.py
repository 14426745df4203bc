"""Tokens of several workspaces: sealed, renewed by one process, gone with a workspace; one's trouble is its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bot.app import assemble_several
from bot.standin.faults import Fault
from engine.desk import health, mail, open_desk, workspaces
from engine.errors import NotFound
from engine.models.mail import MailState
from engine.services import Services
from engine.store.database import open_database
from engine.testing.clock import FixedClock
from tests.slack.bot.several import ACME, BETA, House, Slack, a_slack, housed, prepared_place, settings_of
from tests.slack.bot.wire import Delivery, Wire
from tests.waiting import eventually

HELLO = {"text": "hello"}


@pytest.fixture
def slack(clock: FixedClock) -> Iterator[Slack]:
    with a_slack(clock) as found:
        yield found


@pytest.fixture
def house(services: Services, slack: Slack) -> Iterator[House]:
    for team in (ACME, BETA):
        prepared_place(services, team)
    with housed(settings_of(services, slack), slack) as found:
        assert (found.install(ACME).status, found.install(BETA).status) == (200, 200)
        yield found


def test_tokens_are_renewed_two_hours_before_they_run_out_and_the_old_ones_still_open(house: House) -> None:
    before = opens(house, ACME)
    house.clock.move(hours=9)
    house.bot.workspaces.tend()
    assert opens(house, ACME) == before, "nine hours are no reason yet"
    house.clock.move(hours=1, minutes=1)
    house.bot.workspaces.tend()
    assert opens(house, ACME) != before
    assert house.slack.org.opened_by(opens(house, ACME)) == ACME
    house.clock.move(hours=5)
    mail.post(house.tenant(ACME).desk, "C1", "chat.postMessage", HELLO)
    house.wire(ACME).settle()
    assert house.wire(ACME).seen() == ["hello"]


def test_of_two_processes_one_renews_and_both_go_on_with_the_new_token(house: House) -> None:
    database = open_database(house.services.settings.database)
    other = assemble_several(replace(house.services, database=database), launch=lambda _team, _tenant: None)
    other.workspaces.tend()
    house.clock.move(hours=11)
    with ThreadPoolExecutor(4) as pool:
        tended = [pool.submit(one.tend) for one in (house.bot.workspaces, other.workspaces) * 2]
    assert [one.result() for one in tended] == [None] * 4
    assert refreshes(house) == 2, "one for each workspace: Slack takes a refresh token once"
    house.bot.workspaces.tend()
    other.workspaces.tend()
    theirs = other.workspaces.tenants()[ACME].slack.client.token
    assert theirs == opens(house, ACME)
    assert house.slack.org.opened_by(str(theirs)) == ACME
    for tenant in other.workspaces.tenants().values():
        tenant.desk.close()
    database.close()


def test_a_renewal_that_slack_refuses_is_told_by_doctor_and_tried_again(house: House) -> None:
    house.slack.org.take_away(ACME)
    house.clock.move(hours=11)
    house.bot.workspaces.tend()
    house.bot.workspaces.tend()
    assert refreshes(house) == 2, "Beta's, and Acme's once a minute"
    (told,) = [one for one in findings(house) if one.state == health.BAD]
    assert "invalid_refresh_token of Acme's token" in told.says
    assert "have Assay installed there again: https://assay.example.com/slack/install" in told.fix


def test_slack_out_of_reach_while_renewing_is_tried_again_and_nothing_is_lost(house: House) -> None:
    house.slack.org.faults.planned.append(Fault("oauth.v2.access", "reset", times=2))
    house.clock.move(hours=11)
    house.bot.workspaces.tend()
    house.clock.move(minutes=2)
    house.bot.workspaces.tend()
    assert refreshes(house) == 2
    assert house.slack.org.opened_by(opens(house, ACME)) == ACME


def test_a_workspace_that_takes_the_app_away_is_sent_nothing_more_and_its_records_stay(house: House) -> None:
    acme, beta = house.wire(ACME), house.wire(BETA)
    for wire in (acme, beta):
        mail.post(wire.desk, "C1", "chat.postMessage", HELLO)
    house.slack.org.take_away(ACME)
    assert acme.send(left(acme))[0] == 200
    for wire in (acme, beta):
        while wire.bot.sender.step():
            pass
    assert (acme.calls("chat.postMessage"), len(beta.calls("chat.postMessage"))) == ([], 1)
    assert [row.payload for row in acme.rows(MailState.READY)] == [HELLO]
    with pytest.raises(NotFound):
        workspaces.tokens(house.services, ACME)
    assert "not installed" in house.command(ACME, "help")[1]
    (told,) = [one for one in findings(house) if one.state == health.WARN]
    assert "Acme took Assay away" in told.says
    assert "its records are kept" in told.says


def test_a_workspace_that_leaves_in_the_middle_of_sending_gets_nothing_after_that(house: House) -> None:
    acme = house.wire(ACME)
    for channel in ("C1", "C2"):
        mail.post(acme.desk, channel, "chat.postMessage", HELLO)
    acme.room.post("/_faults", {"method": "chat.postMessage", "kind": "slow", "seconds": 2.0})
    sending = threading.Thread(target=acme.bot.sender.step)
    sending.start()
    eventually(lambda: acme.rows(MailState.SENDING))
    house.slack.org.take_away(ACME)
    assert acme.send(left(acme))[0] == 200
    sending.join(60)
    assert len(acme.calls("chat.postMessage")) <= 1
    assert [row.channel for row in acme.rows(MailState.READY)][-1:] == ["C2"]


def test_installed_again_it_goes_on_and_an_old_event_of_leaving_changes_nothing(house: House) -> None:
    acme = house.wire(ACME)
    goodbye = left(acme)
    house.slack.org.take_away(ACME)
    assert acme.send(goodbye)[0] == 200
    mail.post(acme.desk, "C1", "chat.postMessage", HELLO)
    house.clock.move(hours=1)
    assert house.install(ACME).status == 200
    assert acme.send(goodbye)[0] == 200
    house.wire(ACME).settle()
    assert house.wire(ACME).seen() == ["hello"]
    assert "features" in acme.answer(acme.command("help"))


def test_a_revoked_token_stops_its_workspace_once_slack_confirms_it(house: House) -> None:
    acme = house.wire(ACME)
    revoked = {"type": "tokens_revoked", "tokens": {"bot": ["U0ASSAY"]}}
    assert acme.send(acme.event(revoked))[0] == 200
    assert acme.bot.sender.dead_token, "nothing is sent until Slack was asked"
    house.bot.workspaces.tend()
    assert acme.bot.sender.dead_token == "", "it was an older token"
    assert acme.send(acme.event({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}))[0] == 200
    assert acme.bot.sender.dead_token == "", "tokens of people are none of ours"
    acme.bot.slack.client.api_call("auth.revoke")
    assert acme.send(acme.event(revoked))[0] == 200
    house.bot.workspaces.tend()
    assert list(house.bot.workspaces.tenants()) == [BETA]


def test_a_dead_token_stops_one_workspace_alone_and_heals(house: House) -> None:
    acme, beta = house.wire(ACME), house.wire(BETA)
    acme.room.post("/_faults", {"method": "chat.postMessage", "kind": "error", "error": "invalid_auth"})
    acme.room.post("/_faults", {"method": "auth.test", "kind": "error", "error": "invalid_auth"})
    for wire in (acme, beta):
        mail.post(wire.desk, "C1", "chat.postMessage", HELLO)
        while wire.bot.sender.step():
            pass
    assert (acme.seen(), beta.seen()) == ([], ["hello"])
    house.bot.workspaces.tend()
    assert any("Slack says invalid_auth of Acme's token" in one.says for one in findings(house))
    house.clock.move(minutes=1)
    house.bot.workspaces.tend()
    house.bot.workspaces.tend()
    acme.settle()
    assert acme.seen() == ["hello"]
    assert {one.state for one in findings(house)} == {health.OK}


def test_each_workspace_has_a_pace_of_its_own(house: House) -> None:
    acme, beta = house.wire(ACME), house.wire(BETA)
    for _ in range(5):
        mail.post(acme.desk, "C1", "chat.postMessage", HELLO)
    mail.post(beta.desk, "C1", "chat.postMessage", HELLO)
    for wire in (acme, beta):
        while wire.bot.sender.step():
            pass
    assert (len(acme.seen()), len(beta.seen())) == (3, 1), "Acme's channel has had its burst; Beta's has not"


def test_without_the_key_the_bot_stays_up_and_doctor_says_what_to_do(services: Services, slack: Slack) -> None:
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    with housed(settings_of(services, slack, keys=first), slack) as house:
        house.install(ACME)
    with housed(settings_of(services, slack, keys=second), slack) as house:
        assert house.bot.workspaces.tenants() == {}
        status, said = house.command(ACME, "help")
        assert (status, "cannot serve this workspace" in said) == (200, True)
        (told,) = [one for one in findings(house) if one.state == health.BAD]
        assert "no key of ASSAY_SLACK_KEYS opens the tokens of Acme" in told.says
        assert "at the end of ASSAY_SLACK_KEYS" in told.fix
        assert house.install(BETA).status == 200, "others go on"
    with housed(settings_of(services, slack, keys=f"{second},{first}"), slack) as house:
        assert sorted(house.bot.workspaces.tenants()) == [ACME, BETA]
        assert workspaces.reseal(house.services) == 1
    with housed(settings_of(services, slack, keys=second), slack) as house:
        assert sorted(house.bot.workspaces.tenants()) == [ACME, BETA], "so the first key can go"


def test_no_token_lies_open_in_files_logs_or_what_python_shows(
    house: House, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    for library in ("slack_sdk", "slack_bolt"):
        caplog.set_level(logging.WARNING, logger=library)  # as engine.log.set_up has it at every level
    house.clock.move(hours=11)
    house.bot.workspaces.tend()
    house.install(ACME)
    held = workspaces.tokens(house.services, BETA)
    secrets = [*house.slack.org.given, "client-secret-of-the-app"]
    assert len(secrets) > 5
    assert held.bot.get_secret_value() in secrets
    shown = "".join((repr(held), str(workspaces.every(house.services)), repr(house.bot), caplog.text))
    assert [one for one in secrets if one in shown] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"assay.db"} <= {path.name for path in files}
    assert [(path, one) for path in files for one in secrets if one.encode() in path.read_bytes()] == []


def left(wire: Wire) -> Delivery:
    """The event that the workspace took the app away."""
    return wire.event({"type": "app_uninstalled"})


def opens(house: House, team: str) -> str:
    """The token that the bot of a workspace calls Slack with."""
    return str(house.tenant(team).slack.client.token)


def refreshes(house: House) -> int:
    """How often Slack was asked for new tokens."""
    return [one["grant_type"] for one in house.slack.org.calls].count("refresh_token")


def findings(house: House) -> list[Any]:
    """What doctor says of the workspaces."""
    desk = open_desk(house.services)
    try:
        return [one for one in health.findings(desk) if one.name.startswith("workspace")]
    finally:
        desk.durable.close()
