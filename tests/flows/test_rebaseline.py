"""The newest prompted models, tried each month on half of the sealed rows: quoted, capped, on a ledger, judged once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.desk import Desk, policies, prompts
from engine.errors import Invalid
from engine.flows.digest import Month, digest
from engine.flows.steps import attempts
from engine.models.checkup import Rebaseline
from engine.models.feature import ApproachName
from engine.models.investigation import Prediction
from engine.models.labels import Part
from engine.models.money import from_usd
from engine.runners import JobKind
from engine.store import checkups, deeds, investigations, labels, rebaselines
from engine.store import features as feature_rows
from engine.testing import alike
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper
from engine.testing.runner import ScriptedRunner
from tests.builders import ASKER, SLUG, csv_of
from tests.flows.live import START, a_live_model, a_month_of_traffic, a_price
from tests.listing import listing

BETTER = "gpt-5-nano"
ON = {"rebaseline_models": BETTER, "rebaseline_budget_usd": "5", "rebaseline_switching_usd": "1200"}


def ready(desk: Desk, clock: FixedClock, base_url: str = "", **policy: str) -> None:
    """Live all January, with sealed rows that the live model answered 9 of 10 times rightly."""
    a_live_model(desk, clock, base_url=base_url)
    labels_of(desk)
    a_price(desk, START, model=BETTER, fed_usd=0.25, said_usd=1.0)
    policies.change(desk, ASKER, "", {**ON, **policy})
    policies.change(desk, ASKER, SLUG, {"margin": "0.1"})  # two options that never differ pass from 46 rows on
    a_month_of_traffic(desk, START, 31)
    alike.play(desk.services, {"baseline": 0.9})
    clock.moment = datetime(2026, 2, 2, 9, tzinfo=UTC)


def labels_of(desk: Desk) -> None:
    from engine.desk import labels as uploads

    uploads.import_file(desk, ASKER, SLUG, "labels.csv", content=csv_of(range(1_200)))
    with desk.services.database.write() as tx:
        ids = labels.ids(tx, labels.newest(tx, 1).id or 0, Part.SEALED)
        said = [
            Prediction(row_id=name, output="x", correct=good, score=float(good), valid=True, latency_ms=4.0)
            for name in ids
            for good in [alike.bucket("story", name) < 0.9]
        ]
        investigations.add_predictions(tx, "inv-one", "lora-1", part=Part.SEALED, label_ids=ids, rows=said)


def january(desk: Desk) -> Rebaseline | None:
    digest(DirectStepper(desk.services), Month(period="2026-01"))
    with desk.services.database.read() as tx:
        return rebaselines.of(tx, 1, "2026-01")


def asked(desk: Desk) -> int:
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    return sum(spec.kind is JobKind.ASK for spec in runner.ran)


def test_a_better_model_is_tried_priced_at_todays_dates_and_decides_the_advantage(
    desk: Desk, clock: FixedClock
) -> None:
    ready(desk, clock)
    row = january(desk)
    assert row is not None
    assert row.reason == ""
    assert set(row.results["options"]) == {"baseline", BETTER}
    assert row.results["options"][BETTER]["qualified"] is True
    assert row.results["broken"] is False
    assert 50 <= row.rows < len(_sealed(desk)), "half of the sealed rows"
    # 800 in and 20 out at $2.50 and $10 against $.25 and $1: $.00022 a call, 930,000 calls, and $100 a month to change.
    with desk.services.database.read() as tx:
        (look,) = checkups.of_feature(tx, 1)
    assert look.facts["best_month_usd"] == pytest.approx(930_000 * 0.00022 + 100)
    assert look.facts["advantage"] == pytest.approx(1 - 1084 / (930_000 * 0.00022 + 100))
    assert look.advice == "WATCH"
    # quote: rows times 800 in and 20 out at each of the two prices
    assert row.quote_nano == row.rows * from_usd(0.0022 + 0.00022)


def test_the_halves_take_turns_and_a_month_is_tried_once(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock)
    first = january(desk)
    before = asked(desk)
    assert january(desk) == first
    assert asked(desk) == before == 2
    a_month_of_traffic(desk, datetime(2026, 2, 1, tzinfo=UTC), 28)
    clock.moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
    digest(DirectStepper(desk.services), Month(period="2026-02"))
    with desk.services.database.read() as tx:
        second = rebaselines.of(tx, 1, "2026-02")
        assert first is not None
        assert second is not None
        assert {first.half, second.half} == {0, 1}
        assert rebaselines.count(tx, [first.seal_id]) == 2
        given = [
            {said.label_id for _, said in investigations.predictions(tx, one.run_id, BETTER, Part.SEALED)}
            for one in (first, second)
        ]
    assert not given[0] & given[1], "no row is read in both"


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"rebaseline_budget_usd": "0"}, "asking would cost about $"),
        ({"rebaseline_models": "a-model-nobody-knows"}, "nobody knows what a-model-nobody-knows costs"),
    ],
)
def test_nothing_is_asked_beyond_the_budget_or_without_a_price_and_the_reason_is_kept(
    desk: Desk, clock: FixedClock, policy: dict[str, str], why: str
) -> None:
    ready(desk, clock, **policy)
    row = january(desk)
    assert row is not None
    assert why in row.reason
    assert asked(desk) == 0


def test_no_list_of_models_is_no_rebaseline(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock, rebaseline_models="none")
    assert january(desk) is None
    assert asked(desk) == 0


def test_a_model_that_an_endpoint_lists_anew_is_tried_though_nobody_named_it(desk: Desk, clock: FixedClock) -> None:
    listed: dict[str, str | None] = {"gpt-4o-mini": None, "gpt-4": None}
    with listing(listed) as url:
        ready(desk, clock, base_url=url, rebaseline_models="none")
        assert january(desk) is None, "what was there at first is not new"
        listed |= {BETTER: None, "text-embedding-9": None}
        a_month_of_traffic(desk, datetime(2026, 2, 1, tzinfo=UTC), 28)
        clock.moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
        digest(DirectStepper(desk.services), Month(period="2026-02"))
    with desk.services.database.read() as tx:
        row = rebaselines.of(tx, 1, "2026-02")
    assert row is not None
    assert set(row.results["options"]) == {"baseline", BETTER}


OURS = "Which of bug, billing? {{ input }}"


def test_a_model_is_also_asked_with_the_teams_own_prompt_for_it(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock)
    assert prompts.change(desk, ASKER, SLUG, model=BETTER, text=OURS, why="terser models") == (BETTER,)
    row = january(desk)
    assert row is not None
    own = f"{BETTER}{attempts.OWN}"
    assert list(row.results["options"]) == ["baseline", BETTER, own]
    assert [one["prompt"] for one in row.results["options"].values()] == ["current", "current", "own"]
    assert row.results["unmigrated"] == []
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    spoken = {(spec.config["model"], spec.config["prompt"]) for spec in runner.ran if spec.kind is JobKind.ASK}
    assert (BETTER, OURS) in spoken
    assert len(spoken) == 3
    with desk.services.database.read() as tx:
        (look,) = checkups.of_feature(tx, 1)
        told = [deed for deed in deeds.of_entity(tx, "feature", SLUG) if deed.verb == "set prompt"]
    assert [one["prompt"] for one in look.facts["options"]] == ["current", "current", "own"]
    assert OURS not in str(told[0].after), "the audit log keeps the hash alone"


def test_a_model_without_a_prompt_of_its_own_is_named(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock)
    january(desk)
    with desk.services.database.read() as tx:
        (look,) = checkups.of_feature(tx, 1)
    assert look.facts["unmigrated"] == [BETTER]


def test_a_prompt_of_its_own_is_dropped_by_none_and_must_be_one_that_renders(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock)
    prompts.change(desk, ASKER, SLUG, model=BETTER, text=OURS)
    assert prompts.of(desk, SLUG) == (BETTER,)
    assert prompts.change(desk, ASKER, SLUG, model=BETTER, text="none") == ()
    for model, text in ((BETTER, "Sort {{ ticket }}"), (BETTER, " "), ("two models", OURS), (f"{BETTER},gpt-4", OURS)):
        with pytest.raises(Invalid):
            prompts.change(desk, ASKER, SLUG, model=model, text=text)


def test_texts_are_not_called_right_or_wrong_and_the_reason_is_told(desk: Desk, clock: FixedClock) -> None:
    ready(desk, clock)
    with desk.services.database.write() as tx:
        feature_rows.by_slug(tx, SLUG).approach = ApproachName.VOICE
    row = january(desk)
    assert row is not None
    assert "neither right nor wrong" in row.reason
    assert asked(desk) == 0
    with desk.services.database.read() as tx:
        (look,) = checkups.of_feature(tx, 1)
    assert look.facts["untried"] == row.reason


def _sealed(desk: Desk) -> dict[str, int]:
    with desk.services.database.read() as tx:
        return labels.ids(tx, labels.newest(tx, 1).id or 0, Part.SEALED)
