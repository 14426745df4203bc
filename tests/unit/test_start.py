"""Before the bot starts: one workspace needs two variables, several need what each refusal names."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.start import refuse_without_slack
from engine.errors import Invalid
from engine.settings import Settings

SEVERAL: dict[str, Any] = {
    "slack_client_id": "1.2",
    "slack_client_secret": SecretStr("s"),
    "slack_keys": SecretStr(Fernet.generate_key().decode()),
    "slack_signing_secret": SecretStr("s"),
    "public_url": "https://assay.example.com",
}


def settings(**given: Any) -> Settings:
    nothing = {
        "slack_bot_token": SecretStr(""),
        "slack_app_token": SecretStr(""),
        "slack_signing_secret": SecretStr(""),
        "slack_client_id": "",
        "public_url": "",
    }
    return Settings().model_copy(update=nothing | given)


@pytest.mark.parametrize("second", ["slack_app_token", "slack_signing_secret"])
def test_one_workspace_needs_two_variables(second: str) -> None:
    both = {"slack_bot_token": SecretStr("xoxb"), second: SecretStr("x")}
    refuse_without_slack(settings(**both))
    refuse_without_slack(settings(**both, slack_client_id="1.2"))  # a token set means one workspace, as ever
    for missing in both:
        with pytest.raises(Invalid):
            refuse_without_slack(settings(**{name: value for name, value in both.items() if name != missing}))


@pytest.mark.parametrize(
    ("lacking", "value", "named"),
    [
        ("slack_client_secret", SecretStr(""), "SLACK_CLIENT_SECRET"),
        ("slack_keys", SecretStr(""), "ASSAY_SLACK_KEYS"),
        ("slack_keys", SecretStr("short"), "ASSAY_SLACK_KEYS"),
        ("slack_signing_secret", SecretStr(""), "SLACK_SIGNING_SECRET"),
        ("public_url", "", "ASSAY_PUBLIC_URL"),
        ("public_url", "http://assay.example.com", "ASSAY_PUBLIC_URL"),
    ],
)
def test_several_workspaces_need_all_of_theirs(lacking: str, value: object, named: str) -> None:
    refuse_without_slack(settings(**SEVERAL))
    with pytest.raises(Invalid, match=named):
        refuse_without_slack(settings(**SEVERAL | {lacking: value}))


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("", "sqlite:////var/lib/assay/teams/T0ACME/assay.db"),
        ("sqlite:////srv/one.db", "sqlite:////srv/teams/T0ACME/one.db"),
        ("postgresql://a:b@db/assay?sslmode=require", "postgresql://a:b@db/assay_t0acme?sslmode=require"),
    ],
)
def test_each_of_several_has_a_place_of_its_own(url: str, theirs: str) -> None:
    whole = {"home": "/var/lib/assay", "database_url": url, "artifacts": "s3://bucket/assay/", "spool": "/var/spool"}
    own = Settings.model_validate(whole | {"public_url": "https://assay.example.com/"}).of_team("T0ACME")
    assert own.database == theirs
    assert str(own.home) == "/var/lib/assay/teams/T0ACME"
    assert own.artifacts_url == "s3://bucket/assay/T0ACME"
    assert str(own.spool_folder) == "/var/spool/T0ACME"
    assert own.public_url == "https://assay.example.com/w/T0ACME"
