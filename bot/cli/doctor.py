"""Check the deployment from the shell: the same findings as ``/assay doctor``."""

from __future__ import annotations

import argparse

from bot.cli.say import said
from engine.desk import health, open_desk, operate
from engine.log import set_up
from engine.services import build
from engine.settings import load_settings


def main(argv: list[str]) -> int:
    """Print the findings; 1 when one of them is bad."""
    parser = argparse.ArgumentParser(
        prog="assay doctor", description="What is wrong with this deployment, and the fix."
    )
    parser.parse_args(argv)
    set_up("warning")
    print(said("doctor", "operator"))
    services = build(load_settings())
    operate.prepare(services)
    return int(any(found.state == health.BAD for found in health.findings(open_desk(services))))
