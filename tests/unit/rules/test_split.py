"""Where new labelled rows go: docs/labels.md, rule by rule."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.seal import near_copies
from engine.rules.split import Known, Placement, Row, canonical, place

WORDS = [f"word{number}" for number in range(3000)]


def text(seed: int, words: int = 12) -> str:
    """A text that is nobody's near copy; the same seed gives the same text."""
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) for _ in range(words))


def lightly_changed(original: str) -> str:
    return " ".join([*original.split()[:-1], "otherwise"])


def row(line: int, words: str, output: str = "a", group: str = "") -> Row:
    return Row(line, f"r{line}", words, output, group)


def put(rows: Sequence[Row], known: Sequence[Known] = (), dev: float = 0.15, sealed: float = 0.2) -> Placement:
    return place(known, rows, salt="seal-1", dev=dev, sealed=sealed)


def stored(words: str, part: str, *, cluster: str = "c1", group: str = "", output: str = "a") -> Known:
    return Known("k-" + cluster, words, output, group, cluster, part)  # type: ignore[arg-type] # a Part is its word


def test_every_row_is_placed_left_out_or_known() -> None:
    known = [stored(text(1), "train"), stored(text(2), "sealed", cluster="c2")]
    rows = [row(1, text(1)), row(2, text(1).upper() + " ", "b"), row(3, lightly_changed(text(2))), row(4, text(4))]
    found = put(rows, known)
    assert found.known == 1
    assert [left.line for left in found.left] == [2, 3]
    assert [one.index for one in found.placed] == [3]
    assert found.clusters == 3


def test_the_same_text_with_another_label_names_the_row_it_contradicts() -> None:
    [left] = put([row(7, text(1), "b")], [stored(text(1), "train")]).left
    assert left.line == 7
    assert "row k-c1" in left.reason
    assert "another label" in left.reason


def test_a_near_copy_of_a_sealed_row_is_refused_with_its_likeness() -> None:
    known = [stored(text(1), "sealed"), stored(lightly_changed(text(1)), "sealed", cluster="c2")]
    [left] = put([row(1, text(1) + " indeed")], known).left
    assert "near copy (0.91)" in left.reason
    assert "sealed" in left.reason


def test_a_near_copy_of_a_train_row_joins_its_cluster_and_part() -> None:
    [one] = put([row(1, lightly_changed(text(1)))], [stored(text(1), "train")], dev=0.0, sealed=1.0).placed
    assert (one.cluster, one.part) == ("c1", "train")


def test_a_group_keeps_its_part_whatever_the_shares_become() -> None:
    [one] = put([row(1, text(5), group="acme")], [stored(text(1), "dev", group="acme")], dev=0.0, sealed=1.0).placed
    assert (one.cluster, one.part) == ("c1", "dev")


def test_near_copies_among_new_rows_share_a_cluster() -> None:
    found = put([row(1, text(1)), row(2, lightly_changed(text(1))), row(3, text(2))])
    assert found.placed[0].cluster == found.placed[1].cluster != found.placed[2].cluster
    assert found.clusters == 2


def test_groups_and_copies_link_on() -> None:
    """Row 1 and 2 are of one group, 2 and 3 near copies: all three lie on one side."""
    rows = [row(1, text(1), group="g"), row(2, text(2), group="g"), row(3, lightly_changed(text(2)))]
    assert len({one.cluster for one in put(rows).placed}) == 1


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_row_that_ties_the_seal_to_train_lies_on_neither_side(is_turned: bool) -> None:
    """Its group is sealed and its text is a near copy of a trained row; which was stored first does not matter."""
    known = [stored(text(2), "sealed", cluster="c2", group="g1"), stored(text(1), "train")]
    rows = [row(1, lightly_changed(text(1)), group="g1"), row(2, text(7), group="g1")]
    found = put(rows, known[::-1] if is_turned else known)
    assert [(left.line, left.reason) for left in found.left] == [
        (1, "ties rows of two parts together; it can lie on neither side")
    ]
    assert [(one.index, one.cluster, one.part) for one in found.placed] == [(1, "c2", "sealed")]


def test_two_new_copies_in_groups_of_two_parts_are_both_left_out() -> None:
    known = [stored(text(2), "sealed", cluster="c2", group="g1"), stored(text(1), "train", group="g2")]
    rows = [row(1, text(7), group="g1"), row(2, lightly_changed(text(7)), group="g2"), row(3, text(8), group="g2")]
    found = put(rows, known)
    assert [left.line for left in found.left] == [1, 2]
    assert [(one.index, one.part) for one in found.placed] == [(2, "train")]


def test_copies_stay_together_where_a_teachers_row_that_copies_both_is_left_out() -> None:
    taught = Row(1, "r1", lightly_changed(text(1)), "a", only_train=True)
    found = put([taught, row(2, text(1) + " indeed"), row(3, text(1) + " of course")], [stored(text(1), "dev")])
    assert [left.line for left in found.left] == [1]
    assert [(one.cluster, one.part) for one in found.placed] == [("c1", "dev")] * 2


def test_parts_take_about_their_shares_of_clusters() -> None:
    found = put([row(line, text(line)) for line in range(1000)])
    shares = [sum(one.part == part for one in found.placed) / 1000 for part in ("train", "dev", "sealed")]
    assert shares == pytest.approx([0.65, 0.15, 0.2], abs=0.04)


def test_templated_text_is_named() -> None:
    template = text(1, 40)
    rows = [row(line, f"{template} {line}") for line in range(5)] + [row(line, text(line)) for line in range(10, 30)]
    assert put(rows).template == "r0"
    assert put(rows[4:]).template == ""
    assert put([]).template == ""


def test_a_template_among_stored_rows_is_named_by_its_cluster() -> None:
    known = [stored(text(1), "train"), stored(lightly_changed(text(1)), "train")]
    assert put([row(1, text(9))], known).template == "c1"


def test_few_links_are_no_template() -> None:
    rows = [row(line, text(line)) for line in range(40)] + [row(99, lightly_changed(text(1)))]
    assert put(rows).template == ""


def test_nothing_new_places_nothing() -> None:
    found = put([row(1, text(1))], [stored(text(1), "sealed")])
    assert (found.placed, found.left, found.known) == ((), (), 1)


def test_copies_are_told_by_their_canonical_text() -> None:
    assert canonical("  Stra\u00dfe\t\ufb01 ") == "strasse fi"


known_rows = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["train", "dev", "sealed"]), st.sampled_from(["", "g1", "g2"])),
    max_size=5,
    unique_by=lambda found: found[0],
)
new_rows = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from(["", "g1", "g2", "g3"])), max_size=6, unique=True
)


@given(known_rows, new_rows)
def test_no_sealed_row_is_ever_a_near_copy_of_a_row_outside_the_seal(
    stored_rows: list[tuple[int, str, str]], fresh: list[tuple[int, bool, str]]
) -> None:
    groups: dict[str, str] = {}
    known = [
        stored(text(seed), groups.setdefault(group, part) if group else part, cluster=f"c{seed}", group=group)
        for seed, part, group in stored_rows
    ]
    seen: set[str] = set()
    rows: list[Row] = []
    for line, (seed, is_changed, group) in enumerate(fresh):
        words = lightly_changed(text(seed)) if is_changed else text(seed)
        if words not in seen:
            seen.add(words)
            rows.append(row(line, words, group=group))
    found = put(rows, known)
    parts = [(one.input, str(one.part)) for one in known]
    parts += [(rows[one.index].input, str(one.part)) for one in found.placed]
    sealed = [words for words, part in parts if part == "sealed"]
    others = [words for words, part in parts if part != "sealed"]
    assert not sealed or not others or near_copies(sealed, others) == ()
