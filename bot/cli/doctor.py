"""Check the deployment from the shell: the same findings as ``/assay doctor``."""

from __future__ import annotations

import argparse

from bot.cli.here import desk_here
from bot.cli.say import said
from engine.desk import health
from engine.log import set_up


def main(argv: list[str]) -> int:
    """Print the findings; 1 when one of them is bad."""
    parser = argparse.ArgumentParser(
        prog="assay doctor",
        description="What is wrong with this deployment, and the fix. Exit 1: something is bad.",
        epilog="Example: assay doctor || echo look",
    )
    parser.parse_args(argv)
    set_up("warning")
    print(said("doctor", "operator"))
    with desk_here() as desk:
        return int(any(found.state == health.BAD for found in health.findings(desk)))
