"""What leaves the seal: no message, page, twin or export can tell two sealed results apart that round alike."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlmodel import select

from bot import commands, grammar
from bot.blockkit.render import render
from bot.messages.digest import month
from bot.messages.reading import reading
from bot.pages import digest as digest_page
from bot.pages import paper
from bot.pages import reading as reading_page
from bot.pages import report as report_page
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, digests, exports, open_desk, operate, policies, readiness, reports, roles, verdicts
from engine.flows.steps import release
from engine.models.actor import Role
from engine.models.verdict import Verdict
from engine.testing.clock import FixedClock
from tests.builders import BO, SHELL
from tests.conftest import services_at
from tests.flows.ready import ANN, SLUG, ready, run
from tests.flows.scripted import Script

RIGHT = {"tfidf": 0.84, "frozen": 0.80, "majority": 0.34, "baseline": 0.78}
pytestmark = pytest.mark.xdist_group("release")  # one run of an investigation serves them all
SAID = ("show {0}", "ready {0}", "compare {0}", "status", "status {1}", "features", "audit {0}", "cost {0}", "stale",
        "digest", "rollout {0} next", "rollout {0}", "approvals")  # fmt: skip
RANDOM = re.compile(r"[A-Za-z0-9_-]{20,}")  # tokens and hashes that hold the record or are drawn anew
QUALITY = ("difference", "low", "high", "candidate", "prompted")


@contextmanager
def opened(home: pathlib.Path) -> Generator[Desk]:
    services = services_at(f"sqlite:///{home / 'assay.db'}", home, FixedClock())
    operate.prepare(services)
    desk = open_desk(services)
    yield desk
    desk.close()
    services.database.close()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, str]:
    """A folder with a verdict to ship, and its run; a slice is protected, and BO may approve."""
    home = tmp_path_factory.mktemp("judged") / "home"
    home.mkdir()
    with opened(home) as desk:
        ready(desk, count=2_400, margin=0.12)
        policies.change(desk, ANN, SLUG, {"evaluation_protected_slices": "neutral"})
        roles.name(desk, SHELL, SLUG, {Role.APPROVER: (BO.id,)})
        seen = run(desk, Script(right=RIGHT))
        assert seen.outcome.startswith("SHIP"), seen.reason
    return home, seen.run_id


def stored(desk: Desk, run_id: str, change: dict[str, Any] | None = None) -> dict[str, Any]:
    """The stored record; ``change`` takes its place first."""
    with desk.services.database.write() as tx:
        row = tx.exec(select(Verdict).where(Verdict.run_id == run_id)).one()
        if change is not None:
            row.record, row.rows_needed = change, change["rows_needed"]
            tx.add(row)
        return copy.deepcopy(row.record)


def nudged(record: dict[str, Any]) -> dict[str, Any]:
    """Another sealed result, a little away, that rounds alike: every figure that nobody may see is another one."""
    quality, step = record["quality"], record["released"]["step"]
    for name in QUALITY:
        quality[name] += 0.2 * (round(quality[name] / step) * step - quality[name]) + 1e-5
    quality["newcombe"] = [end + 0.003 for end in quality["newcombe"]]
    quality["mcnemar_midp"] *= 1.3
    quality["pairs"] = {name: count + place for place, (name, count) in enumerate(quality["pairs"].items())}
    evidence = record["evidence"]
    evidence["difference"] = {"estimate": quality["difference"], "low": quality["low"], "high": quality["high"]}
    evidence["row_variance"] *= 1.0001
    for side in ("candidate", "prompted"):
        record["scores"][side]["quality"] = quality[side]
        record["scores"][side]["macro_f1"] += 0.01
    for part in record["slices"]:
        part["difference"], part["row_variance"] = part["difference"] + 1e-5, part["row_variance"] * 1.0001
        part["pairs"] = {name: count + 1 for name, count in part["pairs"].items()}
    record["gate_facts"]["valid_rows"] -= 1
    record["rows_needed"] = 1_234
    return record


def everything(desk: Desk, run_id: str, folder: pathlib.Path) -> dict[str, str]:
    """All that people can read of a finished investigation, by what they ask."""
    commands.load()
    told: dict[str, str] = {}
    for words in SAID:
        asked = grammar.parse(words.format(SLUG, run_id))
        answer = REGISTRY.commands[asked.verb].handle(Words(desk=desk, actor=ANN, asked=asked))
        assert isinstance(answer, Answer), words
        message = render(answer.view)
        told[words] = message.said + json.dumps(message.blocks)
    told["report"] = report_page.shown(desk, run_id)
    told["reading"] = paper.page(
        "report/reading",
        reading_page.view(reading(readiness.read(desk, SLUG)), reports.of_feature(desk, SLUG), {run_id: "/"}),
    )
    told["digest page"] = paper.page("digest/month", digest_page.DigestPage(month(digests.newest(desk))))
    exports.export(desk, SHELL, folder, SLUG, sealed=False)
    told |= {path.name: path.read_text() for path in folder.rglob("*.json*") if path.name != "manifest.json"}
    return {name: RANDOM.sub("#", text) for name, text in told.items()}


def test_no_reader_can_tell_two_sealed_results_apart_that_round_alike(
    judged: tuple[pathlib.Path, str], tmp_path: pathlib.Path
) -> None:
    home, run_id = judged
    told: list[dict[str, str]] = []
    for name in ("one", "two"):
        shutil.copytree(home, tmp_path / name)
        with opened(tmp_path / name) as desk:
            known = stored(desk, run_id)
            record = nudged(copy.deepcopy(known)) if name == "two" else copy.deepcopy(known)
            del record["released"]  # so that it is rounded here, not read
            stored(desk, run_id, record)
            told.append(everything(desk, run_id, tmp_path / f"export-{name}"))
    one, two = told
    assert len(one) > 20
    for name, text in one.items():
        assert text == two[name], name


def test_a_reader_sees_the_released_difference_and_not_the_exact_one(
    judged: tuple[pathlib.Path, str], tmp_path: pathlib.Path
) -> None:
    home, run_id = judged
    shutil.copytree(home, tmp_path / "home")
    with opened(tmp_path / "home") as desk:
        record = stored(desk, run_id)
        told = everything(desk, run_id, tmp_path / "export")
    figures = release.figures(record["quality"], record["evidence"])
    exact = [record["quality"][name] for name in QUALITY] + record["quality"]["newcombe"]
    shown = {f"{100 * figure:+.1f}" for figure in exact} - {f"{100 * value:+.1f}" for value in vars(figures).values()}
    assert len(shown) > 3
    for name in ("compare {0}", "status {1}", "report", "digest", "digest page", "rollout {0} next", "verdicts.jsonl"):
        assert not [figure for figure in shown if f"{figure} " in told[name]], name
        assert str(record["quality"]["difference"]) not in told[name], name
    for name in ("compare {0}", "report", "digest"):
        assert f"{100 * figures.difference:+.1f}".removesuffix(".0") in told[name]


def test_the_operators_export_has_the_exact_record_and_decides_again(
    judged: tuple[pathlib.Path, str], tmp_path: pathlib.Path
) -> None:
    home, run_id = judged
    shutil.copytree(home, tmp_path / "home")
    with opened(tmp_path / "home") as desk:
        exports.export(desk, SHELL, tmp_path / "whole", SLUG)
        exports.export(desk, SHELL, tmp_path / "shown", SLUG, sealed=False)
        record = stored(desk, run_id)
    whole, shown = ((tmp_path / name / SLUG / "verdict.json").read_bytes() for name in ("whole", "shown"))
    assert json.loads(whole)["quality"] == json.loads(json.dumps(record["quality"]))
    assert verdicts.of_file(whole, "verdict.json").same
    found = verdicts.of_file(shown, "verdict.json")
    assert not found.same
    assert "quality.pairs" in found.missing
