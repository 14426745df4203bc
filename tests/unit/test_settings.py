"""Settings: Assay's own variables and nobody else's, with a sentence for a value that cannot be."""

from __future__ import annotations

import pathlib

import pytest
from pydantic import AliasChoices

from engine.errors import Invalid
from engine.settings import Settings, load_settings

ALIASES = [field.validation_alias for field in Settings.model_fields.values()]
OURS = [str(name) for alias in ALIASES if isinstance(alias, AliasChoices) for name in alias.choices]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)


def test_without_any_variable_everything_lies_in_the_folder_one_is_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "4000" if name == "port" else "/somebody/elses")  # HOME, HOST, DATABASE_URL …
    found = load_settings()
    assert found.home == pathlib.Path(".assay")
    assert found.database == f"sqlite:///{tmp_path / '.assay' / 'assay.db'}"
    assert found.artifacts_url == f"file://{tmp_path / '.assay' / 'artifacts'}"
    assert found.host == "127.0.0.1"
    assert found.runner == "local"


def test_each_variable_sets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HOME", "/srv/assay")
    monkeypatch.setenv("ASSAY_DATABASE_URL", "postgresql://db/assay")
    monkeypatch.setenv("PORT", "8080")
    monkeypatch.setenv("ASSAY_SLACK_API_URL", "http://127.0.0.1:9/api")
    found = load_settings()
    assert (found.home, found.database, found.port) == (pathlib.Path("/srv/assay"), "postgresql://db/assay", 8080)
    assert found.slack_api_url == "http://127.0.0.1:9/api/"


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "abc"), ("PORT", "70000"), ("ASSAY_LOG_LEVEL", "loud"), ("ASSAY_RUNNER", "slurm")]
)
def test_a_value_that_cannot_be_names_the_variable_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid) as refused:
        load_settings()
    assert refused.value.message.startswith(f"{name}: ")
    assert f"For example {name}=" in refused.value.hint


def test_there_are_at_most_25_knobs_each_with_a_sentence_and_an_example() -> None:
    assert len(Settings.model_fields) <= 25
    assert all(field.description and field.examples for field in Settings.model_fields.values())
