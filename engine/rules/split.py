"""Put new labelled rows where they may lie: drop copies, refuse what touches the seal, part whole clusters.

Knows nothing of files or databases: it is given texts and gives back places. A row keeps its part for ever, so only new
rows are placed; rows already stored are looked at and never moved (docs/labels.md).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from engine.rules import copies
from engine.rules.seal import Part, part

_TORN = "ties rows of two parts together; it can lie on neither side"
TEMPLATE_SHARE = 0.10  # docs/labels.md: one linked cluster above this share is templated text, and is named


@dataclass(frozen=True)
class Known:
    """A stored row: its id, text, label, group ("" for none), and the cluster and part it was given.

    ``present`` is false for a row the newest version no longer holds: it may come back, to its own part alone.
    """

    id: str
    input: str
    output: str
    group: str
    cluster: str
    part: Part
    present: bool = True


@dataclass(frozen=True)
class Row:
    """A new row: its line in the file, id, text, label and group ("" for none).

    ``only_train``: a teacher labelled it, so it may be trained on and never judged by (docs/labels.md).
    """

    line: int
    id: str
    input: str
    output: str
    group: str = ""
    only_train: bool = False


@dataclass(frozen=True)
class Placed:
    """Where a new row goes: its index in the given rows, its cluster and its part."""

    index: int
    cluster: str
    part: Part


@dataclass(frozen=True)
class Left:
    """A new row that is left out, by line, and the sentence why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Placement:
    """All new rows, each in one of these: placed, left out, or known already with the same label.

    ``template`` is the id of a row of a cluster that holds more than a tenth of the version, "" for none.
    """

    placed: tuple[Placed, ...]
    left: tuple[Left, ...]
    known: int
    template: str = ""
    clusters: int = 0


@dataclass
class _Links:
    """Union-find over names: rows, groups and stored clusters that belong together."""

    parent: dict[str, str] = field(default_factory=dict[str, str])

    def root(self, name: str) -> str:
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self.parent[second] = first


def place(
    known: Sequence[Known], rows: Sequence[Row], *, salt: str, dev: float, sealed: float, threshold: float = 0.5
) -> Placement:
    """Place new rows, no two with the same text, beside the stored ones. ``dev`` and ``sealed`` are shares of clusters.

    Raises ValueError for shares that pass 1 or an empty salt.
    """
    fresh, left, old = _beside(known, rows)
    back = _returning(known, rows, fresh)
    fresh, refused = _clear_of_seal(known, rows, fresh, threshold, back=back)
    tied = [*back.values(), *_copies(known, rows, fresh, threshold)]
    links = _linked(known, rows, fresh, tied)
    torn = dict.fromkeys(_torn(known, fresh, links, tied), _TORN) | _judged(known, rows, fresh, links)
    refused += [Left(rows[index].line, reason) for index, reason in torn.items()]
    if torn:  # rows that copy each other may be tied by one that is left out alone
        fresh = [index for index in fresh if index not in torn]
        tied = [*(pair for index, pair in back.items() if index not in torn), *_copies(known, rows, fresh, threshold)]
        links = _linked(known, rows, fresh, tied)
    parts: dict[str, tuple[str, Part]] = {
        links.root("cluster:" + row.cluster): (row.cluster, row.part) for row in reversed(known)
    }
    taught = {links.root(f"row:{index}") for index in fresh if rows[index].only_train} - parts.keys()
    parts |= {root: (_cluster(root, rows, salt), "train") for root in taught}
    for root in {links.root(f"row:{index}") for index in fresh} - parts.keys():
        name = _cluster(root, rows, salt)
        parts[root] = (name, part(name, salt, dev, sealed))
    placed = [Placed(index, *parts[links.root(f"row:{index}")]) for index in fresh]
    sizes = Counter([row.cluster for row in known if row.present] + [one.cluster for one in placed])
    return Placement(
        placed=tuple(placed),
        left=tuple(sorted([*left, *refused], key=lambda one: one.line)),
        known=old,
        template=_template(sizes, rows, placed),
        clusters=len(sizes),
    )


def canonical(text: str) -> str:
    """The text as copies are told by: NFKC, case-folded, spaces run together."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _beside(known: Sequence[Known], rows: Sequence[Row]) -> tuple[list[int], list[Left], int]:
    stored = {canonical(row.input): row for row in known if row.present}
    fresh: list[int] = []
    left: list[Left] = []
    for index, row in enumerate(rows):
        same = stored.get(canonical(row.input))
        if same is None:
            fresh.append(index)
        elif same.output != row.output:
            left.append(Left(row.line, f"same text as row {same.id} of the current version, with another label"))
    return fresh, left, len(rows) - len(fresh) - len(left)


def _returning(known: Sequence[Known], rows: Sequence[Row], fresh: list[int]) -> dict[int, tuple[str, str]]:
    """Tie a row that an earlier version held to the cluster it had: it goes back to its part, the sealed one too."""
    gone = {canonical(row.input): "cluster:" + row.cluster for row in known if not row.present}
    texts = {index: canonical(rows[index].input) for index in fresh}
    return {index: (f"row:{index}", gone[text]) for index, text in texts.items() if text in gone}


def _judged(known: Sequence[Known], rows: Sequence[Row], fresh: list[int], links: _Links) -> dict[int, str]:
    """Find a teacher's rows that belong to rows people judge by."""
    parts = {links.root("cluster:" + row.cluster): row.part for row in known}
    met = {index: parts.get(links.root(f"row:{index}"), "train") for index in fresh if rows[index].only_train}
    return {
        index: f"belongs to rows of the {part} part; a teacher's label is trained on and never judged by"
        for index, part in met.items()
        if part != "train"
    }


def _clear_of_seal(
    known: Sequence[Known],
    rows: Sequence[Row],
    fresh: list[int],
    threshold: float,
    *,
    back: Collection[int],
) -> tuple[list[int], list[Left]]:
    sealed = [row for row in known if row.part == "sealed"]
    if not sealed or not fresh:
        return fresh, []
    found = copies.closest([row.input for row in sealed], [rows[index].input for index in fresh], threshold)
    hits = {
        fresh[copy.other]: (copy.similarity, sealed[copy.sealed].id) for copy in found if fresh[copy.other] not in back
    }
    refused = [
        Left(rows[index].line, f"near copy ({likeness:.2f}) of sealed row {row}; it can never be trained on")
        for index, (likeness, row) in hits.items()
    ]
    return [index for index in fresh if index not in hits], refused


def _copies(known: Sequence[Known], rows: Sequence[Row], fresh: list[int], threshold: float) -> list[tuple[str, str]]:
    """Pairs that link each new row with its near copies: new rows, and clusters of stored rows outside the seal."""
    others = [row for row in known if row.part != "sealed"]
    texts = [rows[index].input for index in fresh]
    if not texts:
        return []
    names = [f"row:{index}" for index in fresh] + ["cluster:" + row.cluster for row in others]
    found = copies.links(texts, [row.input for row in others], threshold)
    return [(names[one], names[other]) for one, other in found]


def _linked(known: Sequence[Known], rows: Sequence[Row], fresh: list[int], tied: Sequence[tuple[str, str]]) -> _Links:
    links = _Links()
    for row in known:
        if row.group:
            links.join("cluster:" + row.cluster, "group:" + row.group)
    for index in fresh:
        if rows[index].group:
            links.join(f"row:{index}", "group:" + rows[index].group)
    for one, other in tied:
        links.join(one, other)
    return links


def _torn(known: Sequence[Known], fresh: list[int], links: _Links, tied: Sequence[tuple[str, str]]) -> set[int]:
    """Find new rows whose copies tie stored rows of two parts: placed on one side they would leak to the other."""
    parts: dict[str, set[Part]] = {}
    for row in known:
        parts.setdefault(links.root("cluster:" + row.cluster), set()).add(row.part)
    copied = {_index(name) for pair in tied for name in pair}
    return {index for index in fresh if index in copied and len(parts.get(links.root(f"row:{index}"), ())) > 1}


def _index(name: str) -> int:
    """The index of a row's name, -1 for a cluster's."""
    return int(name.removeprefix("row:")) if name.startswith("row:") else -1


def _cluster(root: str, rows: Sequence[Row], salt: str) -> str:
    """Name a new cluster by the text of its first row, or by its group: two uploads never name two of them alike."""
    index = _index(root)
    told = f"text:{canonical(rows[index].input)}" if index >= 0 else root
    return hashlib.sha256(f"{salt}:{told}".encode()).hexdigest()[:16]


def _template(sizes: Counter[str], rows: Sequence[Row], placed: Sequence[Placed]) -> str:
    if not sizes or len(sizes) == sum(sizes.values()):
        return ""
    cluster, size = sizes.most_common(1)[0]
    if size <= TEMPLATE_SHARE * sum(sizes.values()):
        return ""
    return next((rows[one.index].id for one in placed if one.cluster == cluster), cluster)
