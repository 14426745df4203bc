"""Label versions: immutable, named by their content, and watched for copies of sealed rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.desk import Desk
from engine.errors import NotReady
from engine.models.labels import LabelSet, Part, Provenance
from engine.store import features as feature_rows
from engine.store import labels, leaks
from engine.store.database import Tx
from tests.builders import SLUG, a_feature, a_row, placed, text_of

AT = datetime(2026, 11, 25, tzinfo=UTC)


def version(tx: Tx, feature_id: int, numbers: range, part: Part, **changes: str) -> LabelSet:
    rows = [a_row(number, **changes) for number in numbers]
    return labels.add_version(
        tx, feature_id, rows, placed([part] * len(rows)), made=Provenance(by="U1", filename="labels.csv"), at=AT
    )


def test_a_version_holds_the_rows_of_before_and_its_name_is_its_content(desk: Desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="twin")
    with desk.services.database.write() as tx:
        feature_id, twin_id = (feature_rows.by_slug(tx, slug).id or 0 for slug in (SLUG, "twin"))
        with pytest.raises(NotReady):
            labels.newest(tx, feature_id)
        first = version(tx, feature_id, range(10), Part.TRAIN)
        second = version(tx, feature_id, range(10, 14), Part.DEV)
        version(tx, twin_id, range(10), Part.TRAIN)
        assert (first.number, first.rows, first.added) == (1, 10, 10)
        assert (second.number, second.rows, second.added) == (2, 14, 4)
        assert first.sha != second.sha
        assert second.name == second.sha[:12]
        assert labels.count(tx, first.id or 0, Part.TRAIN) == labels.count(tx, second.id or 0, Part.TRAIN) == 10
        assert labels.count(tx, first.id or 0, Part.DEV) == 0
        assert labels.count(tx, second.id or 0, Part.DEV) == 4
        assert labels.classes(tx, second.id or 0) == {"billing": 7, "bug": 7}
        assert labels.sources(tx, second.id or 0) == {"person": 14}
        assert labels.usable(tx, feature_id) == 14
        assert set(labels.ids(tx, second.id or 0, Part.DEV)) == {"r10", "r11", "r12", "r13"}
        assert [one.id for one in labels.known(tx, feature_id)] == [f"r{number}" for number in range(14)]
        assert [one.number for one in labels.versions(tx, feature_id)] == [1, 2]

    a_feature(desk, slug="third")
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, "third").id or 0
        rows = [a_row(number, minutes=1.5) for number in range(4)]
        made = labels.add_version(tx, feature_id, rows, placed([Part.TRAIN] * 4), made=Provenance(by="U1"), at=AT)
        assert labels.minutes(tx, made.id or 0) == 6.0


def test_a_copy_of_a_sealed_row_outside_the_seal_is_found_in_any_version(desk: Desk) -> None:
    a_feature(desk)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        version(tx, feature_id, range(5), Part.SEALED)
        assert leaks.first(tx, feature_id) is None
        version(tx, feature_id, range(5, 10), Part.TRAIN)
        assert leaks.first(tx, feature_id) is None
        version(tx, feature_id, range(10, 11), Part.DEV, input=f"{text_of(3)} indeed", id="copy")
        leak = leaks.first(tx, feature_id)
    assert leak is not None
    assert (leak.other, leak.sealed) == ("copy", "r3")
    assert 0.5 <= leak.similarity < 1.0
