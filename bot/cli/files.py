"""Files in from the shell: labels up to 2 GB, and production calls from logs."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.cli.here import desk_here
from bot.cli.say import said
from bot.grammar import Asked
from engine.desk import traffic
from engine.errors import Invalid
from engine.log import set_up
from engine.models.actor import Actor, Role

GC_EVERY = 100_000  # a log's rows make no cycles: to look for some at each 700 takes a fifth of an import


def labels_main(argv: list[str]) -> int:
    """``assay import-labels SLUG FILE``."""
    parser = argparse.ArgumentParser(
        prog="assay import-labels",
        description="Read labels from CSV, JSONL, chat JSONL or Parquet; good rows go in, bad ones are named by line.",
        epilog="Example: assay import-labels ticket-router labels.csv --as ann",
    )
    parser.add_argument("feature")
    parser.add_argument("file", type=Path)
    parser.add_argument("--as", dest="person", default="operator", help="who imports, for the audit")
    known = parser.parse_args(argv)
    set_up("warning")
    print(said(Asked("labels", (known.feature,), {"file": str(known.file)}).line(), known.person))
    return 0


def traffic_main(argv: list[str]) -> int:
    """``assay import-traffic SLUG FILE --format F``: 0 read, 1 could not be read, 2 another format."""
    known = _traffic_parser().parse_args(argv)
    set_up("warning")
    if not known.file.is_file():
        raise Invalid(f"There is no file {known.file}.", hint="Check the path.")
    asked = traffic.Asked(
        format_name=known.format,
        where=traffic.where_of(known.where) if known.where else None,
        dry=known.dry_run,
        again=known.again,
    )
    actor = Actor(id=known.person, role=Role.OPERATOR)
    gc.set_threshold(GC_EVERY)
    try:
        with desk_here() as desk, known.file.open("rb") as stream:
            done = traffic.import_calls(desk, actor, known.feature, stream, asked=asked, progress=_tell)
    except traffic.WrongFormat as error:
        print(error, file=sys.stderr)
        return 2
    for line in _lines(done):
        print(line)
    return 0


def _traffic_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay import-traffic",
        description="Count production calls from a log file, also .gz or .zst. The same calls again change nothing. "
        "Exit 0: the file was read; 1: it could not be; 2: it is of another format, and nothing was stored.",
        epilog="Example: assay import-traffic ticket-router spend.jsonl --format litellm --where metadata.app=desk",
    )
    parser.add_argument("feature")
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", default="assay", help=f"one of: {', '.join(traffic.formats())}")
    parser.add_argument(
        "--where",
        metavar="KEY=VALUE",
        help="only rows whose field (a dotted path) is or holds this; begins=… : whose prompt begins so",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be counted, and store nothing")
    parser.add_argument("--again", action="store_true", help="count calls too old to be known one by one, on your word")
    parser.add_argument("--as", dest="person", default="operator", help="who imports, for the audit")
    return parser


def _lines(done: traffic.Imported) -> Iterator[str]:
    """What an import did, as it is printed: the sums, then what was refused and what to do."""
    sums = f"already known {done.known}, skipped {done.skipped}, refused {done.bad_count}"
    yield f"would import {done.added}, {sums}; nothing was stored" if done.dry else f"imported {done.added}, {sums}"
    if done.buckets:
        yield (
            f"Sums of OpenAI's usage API, {done.buckets:,} buckets with {done.summed:,} calls: cost and volume alone. "
            "No p50 or p95, no failures, no examples; calls of the same days are refused"
        )
    yield from done.bad
    if done.refused_in:
        yield f"and {done.bad_count - len(done.bad):,} more: all of them are in {done.refused_in}"
    if done.old:
        yield (
            f"{done.old:,} calls were left out: they are older than those that are known one by one, and an earlier "
            "file may have counted them. If none did: the same again with --again"
        )
    if done.unpriced:
        have = "call has" if done.unpriced == 1 else "calls have"
        yield f"{done.unpriced:,} {have} no price: assay prices {done.unpriced_model} --input USD --output USD"


def _tell(done: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} calls read\r", end="", file=sys.stderr, flush=True)
