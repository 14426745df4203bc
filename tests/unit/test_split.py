"""Upload after upload, whatever the rows: groups stay whole, copies stay on one side, nothing is lost or moved."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.seal import near_copies
from engine.rules.split import Known, Placement, Row, canonical, place

SALT = "seal-1"
RING = tuple("abcdefghijkl" * 2)  # windows of one line: copies, half copies and chains are common

texts = st.tuples(st.integers(0, 11), st.integers(2, 8)).map(lambda cut: " ".join(RING[cut[0] : cut[0] + cut[1]]))
rows = st.tuples(texts, st.sampled_from(["yes", "no"]), st.sampled_from(["", "", "", "ann", "bo", "cy"]))
uploads = st.lists(st.lists(rows, min_size=1, max_size=12), min_size=1, max_size=4)
Upload = list[tuple[str, str, str]]


def file_of(upload: Upload, number: int = 0) -> list[Row]:
    """Rows as the importer hands them on: no two with the same text."""
    distinct = {canonical(text): (text, output, group) for text, output, group in upload}
    return [Row(line, f"f{number}-{line}", *row) for line, row in enumerate(distinct.values(), 2)]


def put(known: list[Known], arriving: list[Row]) -> Placement:
    return place(known, arriving, salt=SALT, dev=0.3, sealed=0.3)


def stored(arriving: list[Row], placement: Placement) -> list[Known]:
    return [
        Known(row.id, row.input, row.output, row.group, one.cluster, one.part)
        for one in placement.placed
        for row in [arriving[one.index]]
    ]


@settings(max_examples=150, deadline=None)
@given(uploads)
def test_upload_after_upload_no_group_and_no_copy_lies_on_two_sides(history: list[Upload]) -> None:
    known: list[Known] = []
    for number, upload in enumerate(history):
        arriving = file_of(upload, number)
        found = put(known, arriving)
        assert len(found.placed) + len(found.left) + found.known == len(arriving), "every row is accounted for"
        assert {left.line for left in found.left} <= {row.line for row in arriving}
        known += stored(arriving, found)
        again = put(known, arriving)
        assert not again.placed or found.left, "the same file again brings nothing new"
        parts: dict[str, set[str]] = defaultdict(set)
        for row in known:
            parts[f"cluster {row.cluster}"].add(row.part)
            parts[f"group {row.group}" if row.group else f"row {row.id}"].add(row.part)
        assert [name for name, sides in parts.items() if len(sides) > 1] == []
        if known:
            pairs = near_copies([row.input for row in known], [row.input for row in known])
            assert [pair for pair in pairs if known[pair.sealed].part != known[pair.other].part] == []


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, min_size=2, max_size=14), st.integers(0, 10_000))
def test_clusters_and_the_parts_of_groups_do_not_depend_on_the_order_of_lines(upload: Upload, seed: int) -> None:
    first = file_of(upload)
    second = list(first)
    random.Random(seed).shuffle(second)

    def clusters(arriving: list[Row]) -> set[frozenset[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        for one in put([], arriving).placed:
            found[one.cluster].add(arriving[one.index].line)
        return {frozenset(lines) for lines in found.values()}

    def parts(arriving: list[Row]) -> dict[str, str]:
        return {row.group: row.part for row in stored(arriving, put([], arriving)) if row.group}

    assert clusters(first) == clusters(second)
    assert parts(first) == parts(second)


@settings(max_examples=100, deadline=None)
@given(uploads, st.lists(rows, min_size=1, max_size=12))
def test_a_copy_of_a_sealed_row_is_refused_by_its_line_and_another_label_by_the_row_it_contradicts(
    history: list[Upload], last: Upload
) -> None:
    known: list[Known] = []
    for number, upload in enumerate(history):
        arriving = file_of(upload, number)
        known += stored(arriving, put(known, arriving))
    arriving = file_of(last, 99)
    reasons = {left.line: left.reason for left in put(known, arriving).left}
    by_text = {canonical(row.input): row for row in known}
    sealed = [row.input for row in known if row.part == "sealed"]
    for row in arriving:
        same = by_text.get(canonical(row.input))
        if same is not None:
            assert (row.line in reasons) == (same.output != row.output)
            assert same.output == row.output or f"row {same.id} " in reasons[row.line]
        elif sealed and near_copies(sealed, [row.input]):
            assert "near copy" in reasons[row.line]
        else:
            assert "near copy" not in reasons.get(row.line, "")


@settings(max_examples=100, deadline=None)
@given(uploads, st.randoms(use_true_random=False))
def test_a_teachers_row_lies_in_train_alone_and_pulls_nobodys_row_out_of_its_part(
    history: list[Upload], coin: random.Random
) -> None:
    known: list[Known] = []
    for number, upload in enumerate(history):
        arriving = [replace(row, only_train=coin.random() < 0.5) for row in file_of(upload, number)]
        found = put(known, arriving)
        assert len(found.placed) + len(found.left) + found.known == len(arriving)
        for one in found.placed:
            assert one.part == "train" or not arriving[one.index].only_train
        known += stored(arriving, found)
        parts = defaultdict(set)
        for row in known:
            parts[row.cluster].add(row.part)
        assert all(len(found) == 1 for found in parts.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), st.lists(rows, min_size=1, max_size=12))
def test_a_row_that_was_taken_out_comes_back_to_its_own_part_and_copies_of_it_stay_away(
    before: Upload, after: Upload
) -> None:
    arriving = file_of(before)
    known = stored(arriving, put([], arriving))
    gone = [replace(row, present=False) for row in known]
    back = [Row(line, f"b{line}", row.input, row.output, row.group) for line, row in enumerate(known, 2)]
    again = {back[one.index].input: one.part for one in put(gone, back).placed}
    assert again == {row.input: row.part for row in known}
    sealed = [row.input for row in known if row.part == "sealed"]
    same = {canonical(row.input) for row in known}
    others = [row for row in file_of(after, 1) if canonical(row.input) not in same]
    placed = [others[one.index].input for one in put(gone, others).placed]
    assert not sealed or not placed or near_copies(sealed, placed) == ()
