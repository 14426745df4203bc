"""Print the manifest of the Slack app."""

from __future__ import annotations

import argparse

from bot.manifest import manifest
from engine.errors import Invalid


def main(argv: list[str]) -> int:
    """``assay manifest [--url URL | --socket] [--oauth URL]``."""
    parser = argparse.ArgumentParser(
        prog="assay manifest",
        description="The manifest (YAML) to create the Slack app from: api.slack.com/apps, From a manifest.",
        epilog="Example: assay manifest --socket > manifest.yaml",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--url", default="", help="public address of assay bot, for HTTP mode")
    way.add_argument("--socket", action="store_true", help="Socket Mode: no public address (the default)")
    parser.add_argument("--oauth", default="", metavar="URL", help="public address several workspaces install it from")
    known = parser.parse_args(argv)
    for url in (known.url, known.oauth):
        if url and not url.startswith("https://"):
            raise Invalid(
                f"{url[:80]} is no address Slack can call; it calls https:// alone.",
                hint="For example: assay manifest --url https://assay.example.com",
            )
    print(manifest(url=known.url, install_from=known.oauth), end="")
    return 0
