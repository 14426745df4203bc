"""Versions looked back on: provenance, what differs, going back without moving a row, exports without the seal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from sqlmodel import select

from bot import commands, grammar
from bot.blockkit.render import render
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, editions, labels
from engine.errors import Conflict, Invalid, NotFound
from engine.models.labels import Label, Origin
from engine.rules import cells
from engine.store import leaks
from tests.builders import ASKER, SHELL, SLUG, a_feature, csv_of, some_labels


def said(desk: Desk, words: str) -> str:
    """What ``assay say`` prints."""
    commands.load()
    asked = grammar.parse(words)
    answer = REGISTRY.commands[asked.verb].handle(Words(desk=desk, actor=SHELL, asked=asked))
    assert isinstance(answer, Answer)
    return render(answer.view).said


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A desk with a feature of two label versions."""
    a_feature(desk, rights="the contract allows it")
    some_labels(desk, 400)
    labels.import_file(desk, ASKER, SLUG, "more.csv", content=csv_of(range(400, 500)))
    return desk


def present(desk: Desk) -> dict[str, tuple[str, str]]:
    with desk.services.database.read() as tx:
        return {row.input: (row.part, row.cluster) for row in tx.exec(select(Label)) if row.removed_in is None}


def test_every_version_says_what_it_added_from_what_and_with_which_rights(counter: Desk) -> None:
    newest, first = editions.history(counter, SLUG).editions
    assert (newest.rows, newest.added, newest.origin, newest.filename) == (500, 100, Origin.FILE, "more.csv")
    assert (first.rows, first.by, first.rights) == (400, "U1", "the contract allows it")


def test_going_back_holds_the_old_rows_again_and_no_row_ever_changes_its_part(counter: Desk) -> None:
    before = present(counter)
    newest, first = editions.history(counter, SLUG).editions
    gone_back = editions.rollback(counter, ASKER, SLUG, first.name)
    assert (gone_back.restored, gone_back.editions[0].rows) == (first.name, 400)
    assert gone_back.editions[0].name == first.name, "the same rows have the same name"
    assert set(present(counter)) < set(before)
    with pytest.raises(Conflict, match="holds the rows of"):
        editions.rollback(counter, ASKER, SLUG, "1")
    forward = editions.rollback(counter, ASKER, SLUG, newest.name)
    assert forward.editions[0].rows == 500
    assert present(counter) == before
    with pytest.raises(NotFound, match="There is no label version"):
        editions.rollback(counter, ASKER, SLUG, "ffff")


def test_rows_that_were_taken_out_come_back_from_a_file_to_their_own_parts(counter: Desk) -> None:
    before = present(counter)
    editions.rollback(counter, ASKER, SLUG, "1")
    again = labels.import_file(counter, ASKER, SLUG, "more.csv", content=csv_of(range(400, 500)))
    assert (again.total, again.bad_count) == (500, 0)
    assert present(counter) == before
    with counter.services.database.read() as tx:
        assert leaks.first(tx, 1) is None


def test_what_differs_is_told_by_label_and_names_no_text(counter: Desk) -> None:
    found = editions.diff(counter, SLUG)
    assert (dict(found.added), found.removed, found.relabelled) == ({"billing": 50, "bug": 50}, (), 0)
    editions.rollback(counter, ASKER, SLUG, "1")
    assert dict(editions.diff(counter, SLUG, "2").removed) == {"billing": 50, "bug": 50}
    a_feature(counter, slug="other")
    some_labels(counter, 20, slug="other")
    with pytest.raises(Invalid, match="one label version"):
        editions.diff(counter, "other")


def test_an_export_holds_train_and_dev_alone_and_no_cell_a_spreadsheet_would_run(counter: Desk) -> None:
    evil = b'input,output\n"=HYPERLINK(1) is what she wrote, all of it",bug\n"@sum of things that were lost",billing\n'
    labels.import_file(counter, ASKER, SLUG, "evil.csv", content=evil)
    made = editions.export(counter, SHELL, SLUG)
    rows = list(csv.DictReader(io.StringIO(made.content.decode())))
    assert len(rows) == made.rows
    assert made.rows + made.sealed == 502
    assert {row["split"] for row in rows} == {"train", "dev"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(cells.FORMULA)]
    lines = [json.loads(line) for line in editions.export(counter, SHELL, SLUG, form="jsonl").content.splitlines()]
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    with pytest.raises(Invalid, match="csv or jsonl"):
        editions.export(counter, SHELL, SLUG, form="xlsx")


def test_by_words_an_export_is_a_file_of_the_shell_and_overwrites_none(counter: Desk, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert "sealed rows stay" in said(counter, f"labels {SLUG} export file={path}")
    assert path.read_text().count("\n") > 200  # train and dev; the salt says how many that are
    with pytest.raises(Invalid, match="is there already"):
        said(counter, f"labels {SLUG} export file={path}")
    assert "2 label versions" in said(counter, f"labels {SLUG} history")
    assert "New rows: billing 50, bug 50" in said(counter, f"labels {SLUG} diff")
    assert "again, as version" in said(counter, f"labels {SLUG} rollback version=1")
