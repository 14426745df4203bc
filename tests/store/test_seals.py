"""The seal: made before the first label is stored, opened three times at most, and never by the side door."""

from __future__ import annotations

import pytest
from sqlmodel import select

from engine.desk import Desk, labels
from engine.errors import NotReady, SealBroken
from engine.models.labels import Label, Part
from engine.store import features as feature_rows
from engine.store import labels as label_rows
from engine.store import leaks, seals
from engine.store.database import Tx
from tests.builders import ASKER, SLUG, a_feature, csv_of, some_labels


def feature_id(tx: Tx) -> int:
    return feature_rows.by_slug(tx, SLUG).id or 0


def look(desk: Desk, tx: Tx, run_id: str, margin: float = 0.02) -> seals.Look:
    seal = seals.current(tx, feature_id(tx))
    return seals.open_look(
        tx, desk.services.clock, seal_id=seal.id or 0, run_id=run_id, contender="tfidf-1", purpose="verdict",
        margin=margin, by="U1",
    )  # fmt: skip


def test_three_looks_are_all_and_the_same_run_looks_once(desk: Desk) -> None:
    a_feature(desk)
    with desk.services.database.read() as tx:
        assert seals.find(tx, feature_id(tx)) is None
        with pytest.raises(NotReady, match="no labels yet"):
            seals.current(tx, feature_id(tx))
    some_labels(desk, 800)
    with desk.services.database.write() as tx:
        first = look(desk, tx, "inv-1", margin=0.02)
        again = look(desk, tx, "inv-1", margin=0.09)
        second, third = look(desk, tx, "inv-2", margin=0.09), look(desk, tx, "inv-3", margin=0.2)
        assert again.id == first.id
        assert [one.alpha for one in (first, second, third)] == [0.020, 0.004, 0.001]
        assert {one.margin for one in (first, second, third)} == {0.02}, "the margin of the first look is for ever"
        with pytest.raises(NotReady, match="looked at 3 times"):
            look(desk, tx, "inv-4")
        with pytest.raises(NotReady, match="looked at 3 times"):
            seals.next_look(tx, first.seal_id)
        assert [one.run_id for one in seals.looks(tx, first.seal_id)] == ["inv-1", "inv-2", "inv-3"]


def test_sealed_rows_leave_for_a_look_alone(desk: Desk) -> None:
    a_feature(desk)
    stored = some_labels(desk, 800)
    with desk.services.database.write() as tx:
        label_set = label_rows.newest(tx, feature_id(tx))
        with pytest.raises(SealBroken):
            label_rows.rows(tx, label_set.id or 0, Part.SEALED)
        opened = seals.sealed_rows(tx, look(desk, tx, "inv-1"), label_set.id or 0)
        others = [row for part in (Part.TRAIN, Part.DEV) for row in label_rows.rows(tx, label_set.id or 0, part)]
    assert len(opened) == stored.sealed >= 200
    assert {row.part for row in opened} == {Part.SEALED}
    assert len(others) == stored.train + stored.dev
    assert {row.id for row in opened}.isdisjoint(row.id for row in others)


def test_a_row_keeps_its_part_for_ever_and_a_look_sees_its_own_version(desk: Desk) -> None:
    a_feature(desk)
    some_labels(desk, 700)
    with desk.services.database.read() as tx:
        before = {row.row_id: row.part for row in tx.exec(select(Label))}
        salt = seals.current(tx, feature_id(tx)).salt
    labels.import_file(desk, ASKER, SLUG, "more.csv", content=csv_of(range(500, 1500)))
    with desk.services.database.read() as tx:
        after = {row.row_id: row.part for row in tx.exec(select(Label))}
        assert seals.current(tx, feature_id(tx)).salt == salt
        assert leaks.first(tx, feature_id(tx)) is None
    assert len(after) == 1500
    assert {row_id: after[row_id] for row_id in before} == before
    with desk.services.database.write() as tx:
        old, new = label_rows.versions(tx, feature_id(tx))
        opened = look(desk, tx, "inv-1")
        then = {row.row_id for row in seals.sealed_rows(tx, opened, old.id or 0)}
        now = {row.row_id for row in seals.sealed_rows(tx, opened, new.id or 0)}
    assert then == {row_id for row_id, part in before.items() if part is Part.SEALED}
    assert then < now


def test_shares_follow_the_rows_until_the_first_look_and_then_no_more(desk: Desk) -> None:
    a_feature(desk, margin=0.1)
    some_labels(desk, 20)
    with desk.services.database.write() as tx:
        few = seals.current(tx, feature_id(tx)).sealed_share
    some_labels(desk, 3_000)
    with desk.services.database.write() as tx:
        many = seals.current(tx, feature_id(tx)).sealed_share
        kept = {label.row_id: label.part for label in tx.exec(select(Label).where(Label.added_in == 1))}
        look(desk, tx, "inv-1")
    assert many < few == 0.4
    some_labels(desk, 3_400)
    with desk.services.database.read() as tx:
        assert seals.current(tx, feature_id(tx)).sealed_share == many
        now = {label.row_id: label.part for label in tx.exec(select(Label).where(Label.added_in == 1))}
    assert now == kept
