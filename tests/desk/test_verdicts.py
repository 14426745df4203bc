"""A verdict is decided again from its record: the same answer, or the input that differs is named."""

from __future__ import annotations

import copy
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.cli import main
from engine.desk import Desk, open_desk, operate, verdicts
from engine.desk.verdicts import RecomputedView
from engine.errors import Invalid, NotFound, NotReady
from engine.models.verdict import Verdict
from engine.rules.paired import design_effect
from engine.rules.pairs import Interval
from engine.store import verdicts as rows
from engine.testing.clock import FixedClock
from tests.builders import a_verdict
from tests.conftest import services_at
from tests.flows.scripted import Script
from tests.flows.test_investigate import BETTER, ready, run

Record = dict[str, Any]
SECTIONS = (
    "evidence", "policy", "quality", "cost", "plan", "seal_look", "seed", "prompting", "gates", "gate_facts", "parity",
    "leaderboard",
)  # fmt: skip
# What a verdict does not rest on, and what is an input that nothing else in the record can contradict.
FREE = ("plan.disagreement", "plan.apart", "parity.latency_p50_ms", "leaderboard.lookups")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("verdicts")


@pytest.fixture(scope="module")
def judged(home: pathlib.Path) -> Iterator[tuple[Desk, str]]:
    """A desk whose one investigation ended with a verdict, and its run."""
    services = services_at(f"sqlite:///{home / 'assay.db'}", home, FixedClock())
    operate.prepare(services)
    desk = open_desk(services)
    ready(desk)
    yield desk, run(desk, Script(right=BETTER)).run_id
    desk.close()


@pytest.fixture(scope="module")
def whole(judged: tuple[Desk, str]) -> Record:
    """Its decision record."""
    desk, run_id = judged
    with desk.services.database.read() as tx:
        verdict = rows.of_run(tx, run_id)
    assert verdict is not None
    return json.loads(json.dumps(verdict.record))


def recomputed(record: Record) -> RecomputedView:
    return verdicts.of_file(json.dumps(record).encode(), "record.json")


def numbers(part: Any, path: str = "") -> Iterator[str]:
    """The paths of every number."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from numbers(value, f"{path}.{name}" if path else name)
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from numbers(value, f"{path}.{place}")
    elif isinstance(part, int | float) and not isinstance(part, bool):
        yield path


def tampered(record: Record, path: str, change: Callable[[Any], Any]) -> Record:
    made = copy.deepcopy(record)
    *way, last = path.split(".")
    part: Any = made
    for name in way:
        part = part[int(name) if isinstance(part, list) else name]
    place = int(last) if isinstance(part, list) else last
    part[place] = change(part[place])
    return made


def test_a_stored_verdict_gives_the_same_answer(judged: tuple[Desk, str], whole: Record) -> None:
    desk, run_id = judged
    for found in (verdicts.of_run(desk, run_id), recomputed(whole), recomputed({"record": whole})):
        assert found.same, found
        assert (found.run_id, found.decision, found.found) == (run_id, "SHIP_BETTER", "SHIP_BETTER")
        assert found.checked > 30
        assert (found.differs, found.missing, found.unknown) == ((), (), ())


def test_every_changed_number_is_named(whole: Record) -> None:
    paths = [path for path in numbers(whole) if path.split(".")[0] in SECTIONS and path not in FREE]
    assert len(paths) > 80
    for path in paths:
        found = recomputed(
            tampered(whole, path, lambda value: value + 1 if isinstance(value, int) else value * 1.01 + 1e-4)
        )
        assert not found.same, path
        assert any(path == word or path.startswith(f"{word}.") for word in _named(found.differs)), (path, found.differs)


def _named(differs: tuple[str, ...]) -> list[str]:
    return [word.strip(".,") for sentence in differs for word in sentence.split()]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "decision",
            "NO_GO",
            "decision is 'NO_GO' in the record; from evidence and policy.verdict it is 'SHIP_BETTER'.",
        ),
        ("rows_needed", 12, "rows_needed is 12 in the record; from evidence and policy.verdict it is None."),
        ("quality.low", 0.5, "quality.low is 0.5 in the record; from quality.pairs and seal_look it is"),
        ("evidence.margin", 0.2, "evidence.margin is 0.2 in the record; from quality.margin it is 0.08."),
        ("policy.verdict.alpha", 0.2, "policy_hash is"),
        ("cost.npv_usd", 1.0, "cost.npv_usd is 1.0 in the record; from cost.plan and policy.cost it is"),
        (
            "evidence.invalid",
            ["leak"],
            "evidence.invalid is ['leak'] in the record; from gate_facts and policy.evaluation it is [].",
        ),
        ("gate_facts.leaks", 1, "gate_facts.leaks is 1 in the record; from the run, which a leak ends it is 0."),
        ("parity.agree", 150, "gate_facts.parity_agree is 200 in the record; from parity it is 150."),
        ("prompted.oldest_at", "2026-11-01T00:00:00+00:00", "gate_facts.prompted_age_days is 0.0 in the record; from"),
        ("prompting.name", "few_shot", "prompting.name is 'few_shot' in the record; from contenders, rungs and"),
        ("quality.method", "made up", "quality.pairs is 'unreadable' in the record"),
        ("quality.pairs.both", "many", "quality is 'unreadable' in the record"),
        ("scores.prompted.rows", 7, "scores.prompted.rows is 7 in the record; from quality.pairs it is"),
    ],
)
def test_a_tampered_input_is_named_with_what_follows(whole: Record, path: str, value: object, said: str) -> None:
    found = recomputed(tampered(whole, path, lambda _old: value))
    assert not found.same
    assert any(sentence.startswith(said) for sentence in found.differs), found.differs


def test_a_missing_input_is_named(whole: Record) -> None:
    found = recomputed({name: value for name, value in whole.items() if name != "policy"})
    assert not found.same
    assert found.missing == ("policy.verdict", "policy.cost")
    assert found.found == ""
    assert recomputed({"run": "inv-x"}).missing[0] == "decision"


def test_unknown_money_is_recomputed_as_unknown(whole: Record) -> None:
    body = tampered(whole, "cost", lambda _cost: None)
    assert any("evidence.npv_usd" in sentence for sentence in recomputed(body).differs)


def test_an_interval_over_groups_says_what_the_record_lacks(whole: Record) -> None:
    quality, evidence = whole["quality"], whole["evidence"]
    found = Interval(quality["difference"], quality["low"], quality["high"])
    variance = evidence["row_variance"]
    effect = design_effect(found, quality["level"], rows=quality["n"], groups=40, row_variance=variance)
    grouped = [
        {**gate, "status": "pass", "value": 40.0} if gate["name"] == "groups" else gate for gate in whole["gates"]
    ]
    record = {
        **whole,
        "quality": {**quality, "method": "cluster-robust t over 40 groups", "groups": 40},
        "gate_facts": {**whole["gate_facts"], "groups": 40},
        "gates": grouped,
        "evidence": {**evidence, "design_effect": effect},
    }
    again = recomputed(record)
    assert again.same, again.differs
    assert again.unknown == ("the difference of each group of rows, which never leaves the database",)


def test_a_record_changed_in_the_database_is_held_against_its_predictions(
    judged: tuple[Desk, str], whole: Record
) -> None:
    desk, run_id = judged
    _store(desk, run_id, tampered(whole, "quality.pairs.both", lambda count: count + 1))
    found = verdicts.of_run(desk, run_id)
    assert any(
        one.endswith(f"from the stored predictions it is {whole['quality']['pairs']['both']}.") for one in found.differs
    )
    _store(desk, run_id, whole)
    assert verdicts.of_run(desk, run_id).same


def _store(desk: Desk, run_id: str, record: Record) -> None:
    with desk.services.database.write() as tx:
        verdict = rows.of_run(tx, run_id)
        assert isinstance(verdict, Verdict)
        verdict.record = record
        tx.add(verdict)


def test_who_has_no_verdict_is_told_so(judged: tuple[Desk, str]) -> None:
    desk, _ = judged
    with pytest.raises(NotFound):
        verdicts.of_run(desk, "inv-nobody")
    for content in (b"{", b"[]", b'"x"', b"{}", b'{"record": 1}'):
        with pytest.raises(Invalid):
            verdicts.of_file(content, "record.json")


def test_a_run_without_a_verdict_is_not_ready(desk: Desk) -> None:
    ready(desk)
    run_id = run(desk, Script(stopped="budget spent")).run_id
    with pytest.raises(NotReady, match="has no verdict"):
        verdicts.of_run(desk, run_id)
    assert a_verdict(desk, slug="ticket-mood", run_id="inv-old").run_id == "inv-old"


def test_the_program_ends_with_1_where_something_differs(
    whole: Record, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(whole))
    assert main(["verdict", "recompute", str(path)]) == 0
    assert "stored SHIP_BETTER, recomputed SHIP_BETTER." in capsys.readouterr().out
    path.write_text(json.dumps(tampered(whole, "evidence.npv_usd", lambda _npv: -1e9)))
    assert main(["verdict", "recompute", str(path)]) == 1
    assert "Differs: evidence.npv_usd is -1000000000.0" in capsys.readouterr().out
    assert main(["verdict", "recompute", str(tmp_path / "nothing.json")]) == 1
    assert "There is no file" in capsys.readouterr().err
