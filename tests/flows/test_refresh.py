"""An eval is renewed each month with rows people labelled since: linked by its anchor, worn only where it was read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from engine.desk import Desk, editions, policies
from engine.desk import labels as uploads
from engine.errors import Conflict, NotReady
from engine.flows.steps import audit, refresh
from engine.models.investigation import Investigation
from engine.models.labels import Label, Part
from engine.models.seal import Look, Seal
from engine.store import deeds, investigations, labels, leaks, rebaselines, seals
from engine.testing.clock import FixedClock
from tests.builders import ASKER, SLUG, a_feature, csv_of
from tests.flows.test_audit import FEBRUARY, live, month

ROWS = 1_200


def a_look(desk: Desk, run_id: str) -> Look:
    """A run that read the sealed rows of the newest labels."""
    clock = desk.services.clock
    with desk.services.database.write() as tx:
        newest = labels.newest(tx, 1)
        if investigations.find(tx, run_id) is None:
            investigations.add(
                tx, Investigation(
                    run_id=run_id, feature_id=1, budget_nano=0, requested_by="U1", label_set_id=newest.id,
                    created_at=clock.now(),
                ),
            )  # fmt: skip
        return seals.open_look(
            tx, clock, seal_id=seals.current(tx, 1).id or 0, run_id=run_id, contender="lora-1", purpose="confirm",
            margin=0.02, by="U1",
        )  # fmt: skip


def more_labels(desk: Desk, clock: FixedClock, numbers: range) -> None:
    clock.move(days=1)
    uploads.import_file(desk, ASKER, SLUG, "more.csv", content=csv_of(numbers))
    clock.move(days=1)


def sealed(desk: Desk) -> list[Label]:
    with desk.services.database.read() as tx:
        return list(tx.exec(select(Label).where(Label.feature_id == 1, Label.part == Part.SEALED).order_by("id")))


def now(desk: Desk) -> Seal:
    with desk.services.database.read() as tx:
        return seals.current(tx, 1)


@pytest.fixture
def read_once(desk: Desk) -> Desk:
    """1,200 labels, of which a share is sealed and was read by one look."""
    a_feature(desk)
    uploads.import_file(desk, ASKER, SLUG, "labels.csv", content=csv_of(range(ROWS)))
    a_look(desk, "inv-a")
    return desk


def test_new_rows_make_the_next_version_and_a_tenth_of_the_old_leaves(read_once: Desk, clock: FixedClock) -> None:
    before = sealed(read_once)
    more_labels(read_once, clock, range(2_000, 2_400))
    came = len(sealed(read_once)) - len(before)
    found = refresh.refresh(read_once.services, 1)
    made, rows = now(read_once), sealed(read_once)
    gone = [row for row in rows if row.rested_in is not None]
    assert (found.version, made.number, made.worn, made.came, made.gone) == (2, 2, 1, came, len(gone))
    assert len(gone) == min(len(rows) // 10, came)
    assert {row.id for row in gone} <= {row.id for row in before}
    assert not any(row.is_anchor for row in gone)
    assert sum(row.is_anchor for row in rows) == made.anchor == min(150, len(before))
    with read_once.services.database.read() as tx:
        assert leaks.first(tx, 1) is None
        (said,) = deeds.of_entity(tx, "seal", f"{SLUG}/2")
    assert said.after == {"came": came, "gone": len(gone), "anchor": made.anchor}


def test_what_left_is_never_trained_on_nor_opened_again(read_once: Desk, clock: FixedClock) -> None:
    more_labels(read_once, clock, range(2_000, 2_400))
    refresh.refresh(read_once.services, 1)
    gone = {row.id for row in sealed(read_once) if row.rested_in is not None}
    look = a_look(read_once, "inv-b")
    with read_once.services.database.read() as tx:
        newest = labels.newest(tx, 1)
        opened = {row.id for row in seals.sealed_rows(tx, look, newest.id or 0)}
        counted = labels.count(tx, newest.id or 0, Part.SEALED)
        trained = {row.id for part in (Part.TRAIN, Part.DEV) for row in labels.rows(tx, newest.id or 0, part)}
    assert not gone & (opened | trained)
    assert len(opened) == counted
    with read_once.services.database.read() as tx:
        first = labels.versions(tx, 1)[0].name
        texts = {row.input for row in sealed(read_once) if row.id in gone}
    editions.rollback(read_once, ASKER, SLUG, first)
    uploads.import_file(read_once, ASKER, SLUG, "again.csv", content=csv_of([*range(ROWS), *range(2_000, 2_400)]))
    with read_once.services.database.read() as tx:
        back = seals.sealed_rows(tx, look, labels.newest(tx, 1).id or 0)
    assert not texts & {row.input for row in back}, "taking rows out and in again wears nothing off"


def test_old_rows_stay_worn_and_the_margin_stays_fixed(read_once: Desk, clock: FixedClock) -> None:
    a_look(read_once, "inv-b")
    more_labels(read_once, clock, range(2_000, 2_100))
    refresh.refresh(read_once.services, 1)
    with read_once.services.database.read() as tx:
        assert seals.next_look(tx, now(read_once).id or 0) == 3, "two looks have opened rows of it"
    with pytest.raises(Conflict, match="fixed at 2 points"):
        policies.change(read_once, ASKER, SLUG, {"margin": "0.05"})
    assert (a_look(read_once, "inv-c").number, a_look(read_once, "inv-c").margin) == (3, 0.02)
    with read_once.services.database.read() as tx, pytest.raises(NotReady):
        seals.next_look(tx, now(read_once).id or 0)


def test_rows_that_three_looks_opened_are_spent_and_the_new_ones_begin_at_the_first(
    read_once: Desk, clock: FixedClock
) -> None:
    for run_id in ("inv-b", "inv-c"):
        a_look(read_once, run_id)
    old = {row.id for row in sealed(read_once)}
    more_labels(read_once, clock, range(2_000, 2_500))
    refresh.refresh(read_once.services, 1)
    look = a_look(read_once, "inv-d")
    with read_once.services.database.read() as tx:
        opened = {row.id for row in seals.sealed_rows(tx, look, labels.newest(tx, 1).id or 0)}
    assert (look.number, look.alpha) == (1, 0.02)
    assert opened
    assert not opened & old


def test_nothing_new_or_a_run_under_way_leaves_the_eval_as_it_is(read_once: Desk, clock: FixedClock) -> None:
    assert refresh.refresh(read_once.services, 1).version == 1
    more_labels(read_once, clock, range(2_000, 2_400))
    with read_once.services.database.write() as tx:
        open_run = Investigation(
            run_id="inv-open", feature_id=1, open_feature_id=1, budget_nano=0, requested_by="U1", created_at=clock.now()
        )
        investigations.add(tx, open_run)
    assert refresh.refresh(read_once.services, 1).version == 1
    with read_once.services.database.write() as tx:
        investigations.by_run(tx, "inv-open").open_feature_id = None
    assert refresh.refresh(read_once.services, 1).version == 2
    assert refresh.refresh(read_once.services, 1).version == 2, "once for the same rows"


def test_an_eval_nobody_looked_at_is_not_worn_and_has_one_version(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    uploads.import_file(desk, ASKER, SLUG, "labels.csv", content=csv_of(range(ROWS)))
    more_labels(desk, clock, range(2_000, 2_400))
    assert refresh.refresh(desk.services, 1) == refresh.Refreshed(feature_id=1, version=1)


def test_the_months_digest_refreshes_and_the_live_model_answers_the_new_rows(desk: Desk, clock: FixedClock) -> None:
    live(desk, clock)
    a_look(desk, "inv-one")
    more_labels(desk, clock, range(2_000, 2_400))
    clock.moment = FEBRUARY + timedelta(days=2)
    facts = month(desk, clock, "2026-01", FEBRUARY + timedelta(days=2))
    assert facts["wear"]["eval"]["version"] == 2
    assert facts["wear"]["looks"] == 1
    with desk.services.database.read() as tx:
        new = investigations.predictions(tx, "aud-1", audit.CONTENDER, Part.SEALED)
        assert len(new) == facts["wear"]["eval"]["came"]
        assert rebaselines.count(tx, seals.lineage(tx, seals.current(tx, 1).id or 0)) == 0
    assert facts["wear"]["moved"] is not None, "both sides have rows enough"
    assert facts["audit"]["rows"] == 0, "sealed rows are no fresh rows"


def test_an_eval_that_is_harder_than_its_anchor_has_moved() -> None:
    def rows(right: int, count: int) -> list[tuple[Label, object]]:
        return [(Label(id=n), _Said(float(n < right))) for n in range(count)]  # type: ignore[call-arg]

    assert refresh.moved(rows(140, 150), rows(40, 60)) is True  # type: ignore[arg-type]
    assert refresh.moved(rows(140, 150), rows(56, 60)) is False  # type: ignore[arg-type]
    assert refresh.moved(rows(140, 150), rows(5, 10)) is None, "too few"  # type: ignore[arg-type]


class _Said:
    def __init__(self, score: float) -> None:
        self.score = score
