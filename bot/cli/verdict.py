"""Decide a verdict again from its record: the same answer, or which input differs."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.desk import open_desk, operate, verdicts
from engine.desk.verdicts import RecomputedView
from engine.errors import Invalid
from engine.log import set_up
from engine.services import build
from engine.settings import load_settings


def main(argv: list[str]) -> int:
    """``assay verdict recompute RECORD``; 0 for the same answer, 1 where something differs or is missing."""
    parser = argparse.ArgumentParser(
        prog="assay verdict",
        description="Decide a verdict again from its decision record, and name every value that does not follow.",
        epilog="Examples: assay verdict recompute inv-7k3mq9ab · assay verdict recompute record.json (no database)",
    )
    parser.add_argument("verb", choices=["recompute"])
    parser.add_argument("record", help="the id of a run, or the JSON file of a decision record")
    known = parser.parse_args(argv)
    set_up("warning")
    done = _recomputed(known.record)
    for line in _told(done):
        print(line)
    return 0 if done.same else 1


def _recomputed(word: str) -> RecomputedView:
    path = Path(word)
    if path.is_file():
        return verdicts.of_file(path.read_bytes(), path.name)
    if path.suffix or "/" in word:
        raise Invalid(f"There is no file {word}.", hint="Check the path, or give the id of a run: inv-…")
    services = build(load_settings())
    operate.prepare(services)
    desk = open_desk(services)
    try:
        return verdicts.of_run(desk, word)
    finally:
        desk.close()


def _told(done: RecomputedView) -> list[str]:
    name = f"{done.run_id or 'a record without a run'} ({done.slug or 'no feature'})"
    lines = [f"{name}: stored {done.decision or 'nothing'}, recomputed {done.found or 'nothing'}."]
    lines.append(f"The same: {done.checked} values follow from the record." if done.same else "Not the same.")
    lines += [f"Missing from the record: {path}." for path in done.missing]
    if done.missing:
        lines.append("A record from Slack holds what leaves the seal, too little to decide again: assay export DIR")
    lines += [f"Differs: {sentence}" for sentence in done.differs]
    return lines + [f"Not recomputed, for it needs {one}." for one in done.unknown]
