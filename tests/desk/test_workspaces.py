"""Workspaces as the desk keeps them: who may renew, what an end ends, and a place of its own for each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.cli import db as db_command
from engine.desk import operate, workspaces
from engine.desk.workspaces import Grant, Tokens
from engine.errors import Invalid, NotFound, NotReady
from engine.services import Services
from engine.testing.clock import FixedClock
from engine.vault import Vault

TEAM = "T0ACME"


@pytest.fixture
def several(services: Services) -> Services:
    keys = SecretStr(Fernet.generate_key().decode())
    made = {"slack_keys": keys, "slack_client_id": "1.2", "public_url": "https://assay.example.com"}
    return replace(services, settings=services.settings.model_copy(update=made))


def grant(services: Services, token: str = "xoxb-1", *, lasts: timedelta | None = None, team: str = TEAM) -> Grant:
    tokens = Tokens(bot=SecretStr(token), refresh=SecretStr(f"{token}-next"))
    until = services.clock.now() + lasts if lasts else None
    facts = {"team": team, "team_name": "Acme", "bot_user": "U0", "scopes": "commands", "installed_by": "U1"}
    return Grant(**facts, tokens=tokens, expires_at=until)


def test_tokens_that_never_run_out_are_not_renewed(several: Services) -> None:
    one = workspaces.keep(several, grant(several))
    assert workspaces.begin_renewal(several, one) is None


def test_one_renews_at_a_time_and_another_may_once_a_minute_has_passed(several: Services, clock: FixedClock) -> None:
    one = workspaces.keep(several, grant(several, lasts=timedelta(hours=1)))
    held = workspaces.begin_renewal(several, one)
    assert held is not None
    assert held.refresh.get_secret_value() == "xoxb-1-next"
    assert workspaces.begin_renewal(several, one) is None
    clock.move(seconds=61)
    assert workspaces.begin_renewal(several, one) is not None, "whoever began it was killed"
    fresh = Tokens(bot=SecretStr("xoxb-2"), refresh=SecretStr("r2"))
    assert workspaces.renew(several, one, fresh, lasts=timedelta(hours=12))
    assert workspaces.begin_renewal(several, one) is None, "of these tokens nothing is left to renew"
    assert not workspaces.renew(several, one, fresh, lasts=timedelta(hours=12)), "a late answer changes nothing"
    assert workspaces.tokens(several, TEAM).bot.get_secret_value() == "xoxb-2"


def test_a_renewal_that_answers_after_the_workspace_left_brings_no_token_back(several: Services) -> None:
    one = workspaces.keep(several, grant(several, lasts=timedelta(hours=1)))
    assert workspaces.end(several, TEAM, several.clock.now())
    assert not workspaces.renew(several, one, grant(several).tokens, lasts=timedelta(hours=12))
    with pytest.raises(NotFound):
        workspaces.tokens(several, TEAM)


def test_an_end_from_before_the_installation_ends_nothing(several: Services, clock: FixedClock) -> None:
    before = clock.now()
    clock.move(minutes=1)
    workspaces.keep(several, grant(several))
    assert not workspaces.end(several, TEAM, before)
    assert workspaces.tokens(several, TEAM).bot.get_secret_value() == "xoxb-1"


@pytest.mark.parametrize("team", ["", "E0ORG", "../../etc", "t0acme", "T0 ACME"])
def test_what_is_no_workspace_gets_no_place(several: Services, team: str) -> None:
    with pytest.raises(Invalid):
        workspaces.place(several, team)


def test_each_workspace_has_a_database_of_its_own_and_upgrade_and_backup_do_them_all(
    several: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspaces.keep(several, grant(several))
    own = workspaces.place(several, TEAM)
    assert own.database.url.database != several.database.url.database
    operate.prepare(own)
    own.database.close()
    again = workspaces.place(several, TEAM)
    operate.prepare(again)
    again.database.close()
    assert again.settings.public_url == f"https://assay.example.com/w/{TEAM}"
    monkeypatch.setenv("ASSAY_HOME", str(several.settings.home))
    monkeypatch.setenv("ASSAY_DATABASE_URL", several.settings.database_url)
    assert db_command.main(["upgrade"]) == 0
    assert db_command.main(["backup", str(tmp_path / "copy")]) == 0
    assert capsys.readouterr().out.count(f"{TEAM} (Acme):") == 2
    assert not several.database.is_sqlite or (tmp_path / "copy/teams" / TEAM / "assay.db").exists()


def test_a_key_seals_and_any_of_several_opens() -> None:
    old, newest = (Fernet.generate_key().decode() for _ in range(2))
    at = FixedClock().now()
    sealed = Vault(old).seal("xoxb-1", at)
    both = Vault(f"{newest}, {old}")
    assert (both.open(sealed), both.is_newest(sealed)) == ("xoxb-1", False)
    assert both.is_newest(both.seal("xoxb-1", at))
    with pytest.raises(NotReady, match="No key of ASSAY_SLACK_KEYS"):
        Vault(newest).open(sealed)


@pytest.mark.parametrize("keys", ["", " , ", "not a key", "c2hvcnQ="])
def test_what_is_no_key_is_refused_with_the_line_that_makes_one(keys: str) -> None:
    with pytest.raises(Invalid) as refused:
        Vault(keys)
    assert "Fernet.generate_key()" in refused.value.hint
    assert "not a key" not in str(refused.value)
