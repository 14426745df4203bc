"""Production calls in from log files: each counted once, whatever is killed, read twice or overlaps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import IO

from engine.desk import Desk
from engine.errors import Invalid
from engine.flows.steps import summed
from engine.importers import calls as importers
from engine.importers.calls import TRIED, Where
from engine.importers.refusals import SHOWN, Refusals
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.call import BadRow, Call, ImportedFile, SkippedRow, UsageBucket
from engine.store import deeds, examples, features, seen, sums, usage
from engine.store.database import Tx
from engine.teachers import prices

BLOCK = 50_000  # rows in one transaction
BLOCK_TEXT = 16_000_000  # characters of texts in one transaction
_TWINS = {"csv": "assay"}  # the same calls in another container are the same calls

Row = Call | UsageBucket | BadRow | SkippedRow


class WrongFormat(Invalid):
    """The first rows of a log are all refused: it is of another format. Nothing was stored."""


class Imported(Value):
    """What an import did: calls counted, counted before, rows skipped, and rows refused with their places.

    ``bad`` are the first twenty, ``refused_in`` the file that names all of them if there are more. ``old`` calls may
    have been counted by an earlier file, and were not. ``dry`` says that nothing was stored. Where OpenAI's usage API
    gave sums, ``buckets`` of them were read, which added and known count, and hold ``summed`` calls.
    """

    added: int = 0
    known: int = 0
    skipped: int = 0
    bad: tuple[str, ...] = ()
    bad_count: int = 0
    refused_in: str = ""
    old: int = 0
    unpriced: int = 0
    unpriced_model: str = ""
    dry: bool = False
    buckets: int = 0
    summed: int = 0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a log is read: its format, which of its rows, and whether anything is stored.

    ``again`` counts calls older than those that are known one by one, on a person's word. ``block`` is how many rows
    one transaction takes.
    """

    format_name: str
    where: Where | None = None
    dry: bool = False
    again: bool = False
    block: int = BLOCK

    @property
    def source(self) -> str:
        """By what its calls are known."""
        return _TWINS.get(self.format_name, self.format_name)


@dataclass
class _Run:
    """An import under way."""

    desk: Desk
    slug: str
    feature_id: int
    asked: Asked
    sha256: str
    is_known_file: bool
    forgotten: datetime | None
    refused: Refusals
    done: Imported
    oldest: datetime | None = None
    newest: datetime | None = None


def formats() -> list[str]:
    """The log formats that can be imported."""
    return importers.formats()


def where_of(words: str) -> Where:
    """A choice of rows, of ``KEY=VALUE``. Raises ``Invalid``."""
    path, equals, value = words.partition("=")
    if not path or not equals:
        raise Invalid(f"--where is {words[:40]!r}.", hint="For example: --where metadata.feature=triage")
    return Where(path, value)


def import_calls(
    desk: Desk,
    actor: Actor,
    slug: str,
    stream: IO[bytes],
    *,
    asked: Asked | None = None,
    format_name: str = "assay",
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Count the calls of a log (a file that can be read twice); good rows go in, bad ones are named by their place.

    Raises ``Invalid`` for an unknown format or a file that cannot be read, ``WrongFormat``, ``NotFound``.
    """
    asked = asked or Asked(format_name=format_name)
    read = importers.importer_of(asked.format_name)
    run = _begun(desk, slug, stream, asked)
    rows = read(stream, until=desk.services.clock.now(), where=asked.where, keep=examples.Wanted(slug))
    first = list(islice(rows, TRIED))
    _refuse_misfit(asked, stream, first)
    total = 0
    with run.refused:
        for block in _blocks(chain(first, rows), asked.block):
            _count_block(run, block)
            total += len(block)
            if progress is not None:
                progress(total)
    if not asked.dry:
        _finished(run, actor)
    return run.done


def _begun(desk: Desk, slug: str, stream: IO[bytes], asked: Asked) -> _Run:
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # pyright: ignore[reportArgumentType] # any binary file
    stream.seek(0)
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        feature_id = features.by_slug(tx, slug).id or 0
        seen.forget(tx, now.date())
        return _Run(
            desk=desk,
            slug=slug,
            feature_id=feature_id,
            asked=asked,
            sha256=sha256,
            is_known_file=not asked.again
            and seen.file_of(tx, feature_id, asked.source, _key(sha256, asked)) is not None,
            forgotten=None if asked.again else seen.forgotten_until(tx, feature_id, asked.source, now),
            refused=Refusals(desk.services.settings.home / "refused" / f"{slug}-{sha256[:12]}.txt"),
            done=Imported(dry=asked.dry),
        )


def _key(sha256: str, asked: Asked) -> str:
    """What a file is known by: its content, and which of its rows were asked for."""
    if asked.where is None:
        return sha256
    return hashlib.sha256(f"{sha256}\0{asked.where.path}\0{asked.where.value}".encode()).hexdigest()


def _refuse_misfit(asked: Asked, stream: IO[bytes], first: Iterable[Row]) -> None:
    """Raise ``WrongFormat`` when all of the first rows are refused, unless they look like rows of this format."""
    bad = [row for row in first if isinstance(row, BadRow)]
    if not bad or len(bad) < len(list(first)):
        return
    place = stream.tell()
    stream.seek(0)
    fits = importers.best_fit(stream)
    stream.seek(place)
    if fits == asked.format_name and len(bad) < TRIED:
        return
    is_other = fits not in ("", asked.format_name)
    raise WrongFormat(
        f"This is no {asked.format_name} log: the first {len(bad)} rows are all refused; {bad[0].sentence()}. "
        "Nothing was stored.",
        hint=f"It looks like {fits}: --format {fits}" if is_other else f"Known formats: {', '.join(formats())}.",
    )


def _blocks(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Rows in their order, ``most`` at a time, or fewer where their texts are long."""
    block: list[Row] = []
    size = 0
    for row in rows:
        block.append(row)
        if isinstance(row, Call) and row.input is not None:
            size += len(row.input) + len(row.output or "")
        if len(block) == most or size > BLOCK_TEXT:
            yield block
            block, size = [], 0
    if block:
        yield block


def _count_block(run: _Run, block: list[Row]) -> None:
    good = [row for row in block if isinstance(row, Call)]
    skipped = sum(isinstance(row, SkippedRow) for row in block)
    run.refused.add(row for row in block if isinstance(row, BadRow))
    unpriced: list[str] = []
    found = _sorted(run, good, unpriced)
    buckets = [row for row in block if isinstance(row, UsageBucket)]
    stored = _put(run, buckets)
    moments = [call.at for call in good]
    run.oldest = min([*moments, *([run.oldest] if run.oldest else [])], default=None)
    run.newest = max([*moments, *([run.newest] if run.newest else [])], default=None)
    done = run.done
    run.done = Imported(
        added=done.added + len(found.fresh) + stored,
        known=done.known + found.known + len(buckets) - stored,
        skipped=done.skipped + skipped,
        bad=tuple(run.refused.first),
        bad_count=run.refused.count,
        refused_in=str(run.refused.path) if run.refused.count > SHOWN else "",
        old=done.old + found.old,
        unpriced=done.unpriced + len(unpriced),
        unpriced_model=done.unpriced_model or next(iter(unpriced), ""),
        dry=run.asked.dry,
        buckets=done.buckets + len(buckets),
        summed=done.summed + sum(one.calls for bucket in buckets for one in bucket.sums),
    )


def _put(run: _Run, buckets: list[UsageBucket]) -> int:
    """Keep the sums of a block in one transaction; how many of its buckets said something new."""
    if run.asked.dry or not buckets:
        return len(buckets)
    with run.desk.services.database.write() as tx:
        return summed.store(tx, run.feature_id, buckets)


def _sorted(run: _Run, good: list[Call], unpriced: list[str]) -> seen.Sorted:
    """Count the calls of a block that nobody counted yet, in one transaction."""
    if run.is_known_file:
        return seen.Sorted([], len(good))
    database, source = run.desk.services.database, run.asked.source
    if run.asked.dry:
        with database.read() as tx:
            return seen.look(tx, run.feature_id, good, source=source, forgotten=run.forgotten)
    day = run.desk.services.clock.now().date()
    with database.write() as tx:
        sums.refuse_summed(tx, run.feature_id, {call.at.astimezone(UTC).date() for call in good})
        found = seen.take(tx, run.feature_id, good, source=source, day=day, forgotten=run.forgotten)
        cost_of = _costing(tx, unpriced)
        usage.count_calls(tx, run.feature_id, found.fresh, cost_of=cost_of, source=run.asked.format_name)
        examples.keep(
            tx, run.feature_id, run.slug, found.each
        )  # what labels are drawn from; counted twice is kept once
    return found


def _costing(tx: Tx, unpriced: list[str]) -> Callable[[Call], int | None]:
    """What a call cost; models nobody has a price of are noted."""
    cost_of = prices.costing(tx)

    def cost(call: Call) -> int | None:
        found = cost_of(call)
        if found is None:
            unpriced.append(call.model)
        return found

    return cost


def _finished(run: _Run, actor: Actor) -> None:
    done, clock = run.done, run.desk.services.clock
    file = ImportedFile(
        feature_id=run.feature_id,
        source=run.asked.source,
        sha256=_key(run.sha256, run.asked),
        at=clock.now(),
        calls=done.added + done.known,
        oldest=run.oldest,
        newest=run.newest,
    )
    with run.desk.services.database.write() as tx:
        if not done.old:
            seen.add_file(tx, file)
        deeds.record(
            tx,
            clock,
            actor,
            "capture",
            entity="traffic",
            entity_id=run.slug,
            feature_id=run.feature_id,
            after={"added": done.added, "known": done.known, "skipped": done.skipped, "refused": done.bad_count},
        )
