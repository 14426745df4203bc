"""The search for copies is exact: it finds what comparing every two texts finds, and links what they link."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.rules import copies
from engine.rules.seal import near_copies

# Few words, few phrases and many lengths: runs that all share, runs of one text, sizes far apart.
WORDS = st.sampled_from(["a", "b", "c", "d", "e", "f"])
PHRASES = st.sampled_from(["we are sorry for the wait", "please call us", "my order is late again", "thank you", "x"])
TEXTS = st.lists(st.lists(WORDS | PHRASES, max_size=9).map(" ".join), min_size=1, max_size=12)
SHARES = st.sampled_from([0.2, 1 / 3, 0.5, 0.6, 2 / 3, 0.9, 1.0])


def runs(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[at : at + 3]) for at in range(len(words) - 2)} or {text}


def alike(one: str, other: str) -> float:
    return len(runs(one) & runs(other)) / len(runs(one) | runs(other))


@given(TEXTS, TEXTS, SHARES)
def test_what_is_found_is_what_comparing_every_two_texts_finds(
    sealed: list[str], others: list[str], share: float
) -> None:
    every = {(i, j): alike(one, other) for i, one in enumerate(sealed) for j, other in enumerate(others)}
    expected = {pair: likeness for pair, likeness in every.items() if likeness >= share}
    assert {(copy.sealed, copy.other): copy.similarity for copy in near_copies(sealed, others, share)} == expected
    best = {j: max((every[i, j], -i) for i in range(len(sealed))) for j in range(len(others))}
    assert [(copy.sealed, copy.other) for copy in copies.closest(sealed, others, share)] == [
        (-i, j) for j, (likeness, i) in best.items() if likeness >= share
    ]


@given(TEXTS, TEXTS, SHARES)
def test_links_tie_together_what_all_pairs_tie_and_are_no_more_than_that_takes(
    texts: list[str], others: list[str], share: float
) -> None:
    both = [*texts, *others]
    all_pairs = [(copy.sealed, copy.other) for copy in near_copies(texts, both, share)]
    found = list(copies.links(texts, others, share))
    assert set(found) <= set(all_pairs)
    groups = tied(all_pairs, len(both))
    assert tied(found, len(both)) == groups
    assert len(found) == len(both) - len(set(groups))


def tied(pairs: list[tuple[int, int]], size: int) -> list[int]:
    """For each text the least text it is tied to."""
    least = list(range(size))
    for _ in range(size):
        for one, other in pairs:
            least[one] = least[other] = min(least[one], least[other])
    return least


def test_thousands_of_copies_of_one_template_are_linked_by_one_pair_each() -> None:
    texts = [f"dear shop my order number {number} has not come and i want my money back" for number in range(3_000)]
    found = list(copies.links(texts, (), 0.5))
    assert len(found) == len(texts) - 1
    assert len(list(copies.closest(texts[:500], texts[500:]))) == 2_500
