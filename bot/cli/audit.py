"""Check the audit chain from the shell, or show a feature's deeds: the same words as ``/assay audit``."""

from __future__ import annotations

import argparse

from bot.blockkit.render import render
from bot.cli.say import answered
from engine.log import set_up


def main(argv: list[str]) -> int:
    """``assay audit verify`` or ``assay audit SLUG``; 1 where the chain is broken."""
    parser = argparse.ArgumentParser(
        prog="assay audit",
        description="Read the hash-chained log of deeds and name its first broken link, or show a feature's deeds.",
        epilog="Examples: assay audit verify · assay audit ticket-router",
    )
    parser.add_argument("word", metavar="verify|SLUG", help="verify, or a feature")
    known = parser.parse_args(argv)
    set_up("warning")
    answer = answered(f"audit {known.word}", "operator")
    print(render(answer.view).said)
    return int(answer.is_bad)
