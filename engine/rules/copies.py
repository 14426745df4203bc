"""Find texts that copy one another among thousands, exactly: no pair is missed, few others are compared.

Knows nothing of seals, parts or labels. The search is a prefix filter (Bayardo, Ma and Srikant 2007; Xiao et al. 2008):
two texts that share half of their three-word runs share one of their rarest, so runs that thousands share are not
searched by, and texts made of the same phrases take seconds, not minutes.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIKENESS = 0.5  # of two texts' runs, above which one copies the other (docs/rules.md 3)
_SHINGLE_WORDS = 3
_WORD = re.compile(r"\w+")
_ROUNDING = 1e-9  # a share times a size may come out a hair above a whole number

_Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class NearCopy:
    """Indexes of a sealed text and of another that copies it, with their Jaccard similarity (0 to 1)."""

    sealed: int
    other: int
    similarity: float


@dataclass(frozen=True)
class _Found:
    """Indexed texts that one text copies, by their places, and how alike each is to it."""

    places: _Numbers
    likeness: NDArray[np.float64]


@dataclass(frozen=True)
class _Runs:
    """Three-word runs of texts as numbers, the rarest first: those of text ``i`` in ``flat`` from ``starts[i]``."""

    flat: _Numbers
    starts: _Numbers
    sizes: _Numbers

    def of(self, place: int) -> _Numbers:
        return self.flat[self.starts[place] : self.starts[place] + self.sizes[place]]


class _Index:
    """Texts by their rarest runs: ``wide`` by what a shorter copy has one of, ``narrow`` by what a longer one has."""

    def __init__(self, runs: _Runs, names: int, threshold: float) -> None:
        self.runs, self.threshold = runs, threshold
        self.marked = np.zeros(names, np.bool_)
        wide, narrow = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
        for place in range(len(runs.sizes)):
            mine = runs.of(place).tolist()
            for run in mine[: self.longest(len(mine))]:
                wide[run].append(place)
            for run in mine[: self.shortest(len(mine))]:
                narrow[run].append(place)
        self.wide = {run: np.array(places, np.int64) for run, places in wide.items()}
        self.narrow = {run: np.array(places, np.int64) for run, places in narrow.items()}

    def longest(self, size: int) -> int:
        """How many of its rarest runs hold one of any copy that is no longer than a text of this size."""
        return size - math.ceil(self.threshold * size - _ROUNDING) + 1

    def shortest(self, size: int) -> int:
        """How many of its rarest runs hold one of any copy that is no shorter."""
        return size - math.ceil(2.0 * self.threshold / (1.0 + self.threshold) * size - _ROUNDING) + 1

    def lists(self, mine: _Numbers) -> Iterator[tuple[int, _Numbers]]:
        """The lists that together hold every copy of a text: each by a key of its own, with its places."""
        few = self.shortest(len(mine))
        for rank, run in enumerate(mine[: self.longest(len(mine))].tolist()):
            found = (self.wide if rank < few else self.narrow).get(run)
            if found is not None:
                yield 2 * run + (rank < few), found

    def copies(self, mine: _Numbers, lists: Sequence[_Numbers]) -> _Found:
        """Those in the lists whose texts are copies of this one."""
        places = np.unique(np.concatenate(lists)) if lists else _nothing()
        sizes = self.runs.sizes[places]
        near = np.minimum(sizes, len(mine)) >= (self.threshold - _ROUNDING) * np.maximum(sizes, len(mine))
        places, sizes = places[near], sizes[near]
        if not len(places):
            return _Found(places, np.empty(0))
        self.marked[mine] = True
        starts = np.cumsum(sizes) - sizes
        here = np.arange(int(sizes.sum())) + np.repeat(self.runs.starts[places] - starts, sizes)
        both = np.add.reduceat(self.marked[self.runs.flat[here]], starts, dtype=np.int64)
        self.marked[mine] = False
        likeness = both / (len(mine) + sizes - both)
        alike = likeness >= self.threshold
        return _Found(places[alike], likeness[alike])


def pairs(sealed: Sequence[str], others: Sequence[str], threshold: float) -> Iterator[NearCopy]:
    """Every pair of a sealed and another text whose runs have a Jaccard similarity of ``threshold`` at least."""
    for other, found in enumerate(_copied(sealed, others, threshold)):
        for place, likeness in zip(found.places.tolist(), found.likeness.tolist(), strict=True):
            yield NearCopy(place, other, likeness)


def closest(sealed: Sequence[str], others: Sequence[str], threshold: float = LIKENESS) -> Iterator[NearCopy]:
    """Of each other text that copies a sealed one the pair most alike, the first of several: one each, not millions."""
    for other, found in enumerate(_copied(sealed, others, threshold)):
        if len(found.places):
            best = int(found.likeness.argmax())
            yield NearCopy(int(found.places[best]), other, float(found.likeness[best]))


def links(texts: Sequence[str], others: Sequence[str], threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs of copies that link each text with all it copies, by others where need be, and no more than that takes.

    Each is the place of a text, and a place in ``[*texts, *others]``. Texts that are linked already are not compared:
    where thousands copy each other the pairs would be millions.
    """
    runs, _, names = _numbered([*texts, *others], ())
    index = _Index(runs, names, threshold)
    linked = np.arange(len(runs.sizes))
    whole = set[int]()  # lists whose texts are all linked, and so stay
    for place in range(len(texts)):
        mine = runs.of(place)
        lists = [_unlinked(places, linked, place, key=key, whole=whole) for key, places in index.lists(mine)]
        found = index.copies(mine, lists).places
        groups, firsts = np.unique(linked[found], return_index=True)
        linked[np.isin(linked, groups)] = linked[place]
        for first in firsts.tolist():
            yield place, int(found[first])


def _copied(texts: Sequence[str], others: Sequence[str], threshold: float) -> Iterator[_Found]:
    """For each of ``others`` in turn the texts it copies."""
    runs, asked, names = _numbered(texts, others)
    index = _Index(runs, names, threshold)
    for mine in map(asked.of, range(len(others))):
        yield index.copies(mine, [places for _, places in index.lists(mine)])


def _unlinked(places: _Numbers, linked: _Numbers, place: int, *, key: int, whole: set[int]) -> _Numbers:
    if key in whole:
        return _nothing() if linked[places[0]] == linked[place] else places
    apart = linked[places]
    if (apart == apart[0]).all():
        whole.add(key)
    return places[apart != linked[place]]


def _numbered(texts: Iterable[str], others: Iterable[str]) -> tuple[_Runs, _Runs, int]:
    """The runs of both as numbers, the rarest lowest, and how many different runs there are."""
    named: dict[str, int] = {}
    first, second = (
        [[named.setdefault(run, len(named)) for run in _shingles(text)] for text in side] for side in (texts, others)
    )
    flat = np.fromiter((run for row in (*first, *second) for run in row), np.int64)
    rank = np.empty(len(named), np.int64)
    rank[np.argsort(np.bincount(flat, minlength=len(named)), kind="stable")] = np.arange(len(named))
    return _ranked(first, rank), _ranked(second, rank), len(named)


def _ranked(rows: Sequence[Sequence[int]], rank: _Numbers) -> _Runs:
    sizes = np.array([len(row) for row in rows], np.int64)
    flat = np.concatenate([np.sort(rank[row]) for row in rows]) if rows else _nothing()
    return _Runs(flat, np.cumsum(sizes) - sizes, sizes)


def _shingles(text: str) -> frozenset[str]:
    normal = unicodedata.normalize("NFKC", text).casefold()
    words = _WORD.findall(normal)
    if len(words) >= _SHINGLE_WORDS:
        runs = range(len(words) - _SHINGLE_WORDS + 1)
        return frozenset(" ".join(words[start : start + _SHINGLE_WORDS]) for start in runs)
    # A text of signs alone ("👍") has no word; it is compared by its signs, not taken for every other such text.
    return frozenset([" ".join(words) if words else " ".join(normal.split())])


def _nothing() -> _Numbers:
    return np.empty(0, np.int64)
