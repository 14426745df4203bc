"""The deployment files name only what this version has: programs, their options, variables, probes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bot.cli import PROGRAMS, main
from engine.settings import Settings
from tests.house_rules import ROOT

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROBES = {"/healthz", "/readyz"}


def kubernetes() -> list[dict[str, Any]]:
    """The objects of the manifest."""
    return [one for one in yaml.safe_load_all((DEPLOY / "kubernetes" / "assay.yaml").read_text()) if one]


def containers() -> list[dict[str, Any]]:
    """Every container of the manifest."""
    specs = [one["spec"]["template"]["spec"] for one in kubernetes() if "template" in one.get("spec", {})]
    return [container for spec in specs for container in spec["containers"]]


def compose() -> dict[str, Any]:
    """The services of the compose file."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def started() -> Iterator[list[str]]:
    """What each file has ``assay`` do."""
    for unit in UNITS:
        line = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
        yield shlex.split(line.partition("/bin/assay ")[2])
    for service in compose().values():
        yield [str(word) for word in service["command"]]
    for container in containers():
        yield [str(word) for word in container["args"]]
    for line in re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.M):
        yield yaml.safe_load(line)


def named_variables() -> set[str]:
    """Every variable that a file sets or reads."""
    found = {name for path in DEPLOY.rglob("*") if path.is_file() for name in _variables(path.read_text())}
    return found | {str(name) for service in compose().values() for name in service["environment"]}


def _variables(text: str) -> list[str]:
    return re.findall(r"\b((?:ASSAY|SLACK|OPENAI)_[A-Z_]+)\b", text)


@pytest.mark.parametrize("words", list(started()), ids=lambda words: " ".join(words))
def test_every_program_and_option_exists(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert words[0] in PROGRAMS
    with pytest.raises(SystemExit):
        main([words[0], "--help"])
    told = capsys.readouterr().out
    assert [word for word in words[1:] if word.startswith("--") and word not in told] == []


def test_every_variable_is_a_setting() -> None:
    settings = {str(one) for field in Settings.model_fields.values() for one in _aliases(field.validation_alias)}
    assert named_variables() - {"ASSAY_GATEWAY_KEY"} - settings == set()


def test_every_container_that_serves_is_probed_where_it_listens() -> None:
    serving = [one for one in containers() if "ports" in one]
    assert {one["name"] for one in serving} == {"bot", "scheduler", "engine", "gateway"}
    for one in serving:
        port = one["ports"][0]["containerPort"]
        probes = [one[kind]["httpGet"] for kind in ("livenessProbe", "readinessProbe")]
        assert {probe["path"] for probe in probes} == PROBES
        assert {probe["port"] for probe in probes} == {port}
        assert str(port) in [*one["args"], *(entry.get("value") for entry in one.get("env", []))]


def test_a_gateway_in_another_container_reaches_what_the_engine_serves() -> None:
    assert compose()["engine"]["environment"]["ASSAY_SERVE_HOST"] == "engine", "a service is reached by its name"
    (engine,) = [one for one in containers() if one["name"] == "engine"]
    told = {entry["name"]: entry["valueFrom"]["fieldRef"]["fieldPath"] for entry in engine["env"]}
    assert told == {"ASSAY_SERVE_HOST": "status.podIP"}


def test_one_program_of_each_kind_has_a_unit_a_service_and_a_deployment() -> None:
    wanted = {"bot", "scheduler", "engine", "gateway"}
    assert {unit.stem.removeprefix("assay-") for unit in UNITS} == wanted
    assert set(compose()) == wanted
    assert wanted <= {one["metadata"]["name"] for one in kubernetes()}
    assert {name for line in _copied() for name in line.split()[1:-1]} <= {path.name for path in ROOT.iterdir()}


def _copied() -> list[str]:
    return re.findall(r"^COPY .+$", (DEPLOY / "Dockerfile").read_text(), re.M)


def _aliases(alias: object) -> list[object]:
    choices: list[object] = list(getattr(alias, "choices", [alias]))
    return choices
