"""Bring the database to this version's schema."""

from __future__ import annotations

import argparse

from engine.desk import operate
from engine.services import build
from engine.settings import load_settings


def main(argv: list[str]) -> int:
    """Upgrade, and say what was done."""
    parser = argparse.ArgumentParser(
        prog="assay db", description="Copy an SQLite file first, then upgrade the schema. Safe to run twice."
    )
    parser.add_argument("what", choices=["upgrade"], help="the only thing there is to do")
    parser.parse_args(argv)
    services = build(load_settings())
    done = operate.upgrade(services)
    if done.copy:
        print(f"Copied the database to {done.copy}")
    print(f"The database is at {done.after}." if done.before == done.after else f"Upgraded to {done.after}.")
    return 0
