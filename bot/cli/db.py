"""Bring the database to this version's schema, or copy the deployment to a safe place."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.desk import operate, workspaces
from engine.services import Services, build
from engine.settings import load_settings


def main(argv: list[str]) -> int:
    """Do what was asked, and say what was done."""
    parser = argparse.ArgumentParser(
        prog="assay db",
        description="upgrade: copy an SQLite file, then bring the schema to this version; safe to run twice. "
        "backup: copy database and artifacts while everything runs; again copies what is new. "
        "Where several workspaces are served, both do all of theirs too.",
        epilog="Examples: assay db upgrade · assay db backup /backup/assay",
    )
    does = parser.add_subparsers(dest="what", required=True)
    does.add_parser("upgrade", help="bring the schema to this version")
    backup = does.add_parser("backup", help="copy database and artifacts into a folder")
    backup.add_argument("folder", type=Path, help="where to; made when it is not there")
    known = parser.parse_args(argv)
    services = build(load_settings())
    return _upgrade(services) if known.what == "upgrade" else _back_up(services, known.folder)


def _upgrade(services: Services) -> int:
    _upgraded(services)
    for one in workspaces.every(services):
        print(f"{one.team} ({one.team_name}):")
        _upgraded(workspaces.place(services, one.team))
    return 0


def _upgraded(services: Services) -> None:
    done = operate.upgrade(services)
    if done.copy:
        print(f"Copied the database to {done.copy}")
    print(f"The database is at {done.after}." if done.before == done.after else f"Upgraded to {done.after}.")


def _back_up(services: Services, folder: Path) -> int:
    _backed_up(services, folder)
    for one in workspaces.every(services):
        print(f"{one.team} ({one.team_name}):")
        _backed_up(workspaces.place(services, one.team), folder / "teams" / one.team)
    return 0


def _backed_up(services: Services, folder: Path) -> None:
    done = operate.back_up(services, folder)
    print(f"Copied the database to {done.database}" if done.database else operate.DUMP_POSTGRESQL)
    print(f"Artifacts: {done.copied} new, {done.known} already there.")
