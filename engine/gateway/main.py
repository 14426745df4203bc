"""The gateway's main program. The data plane itself is not in this version; saying so is all it does."""

from __future__ import annotations

import argparse

from engine.errors import NotReady


def main(argv: list[str]) -> int:
    """Raises ``NotReady``: this version moves routes in its database and serves no traffic."""
    parser = argparse.ArgumentParser(
        prog="assay gateway",
        description="The optional data plane: OpenAI-compatible, splits traffic by the rollout and records it. "
        "Not in this version: rollouts move the stored route, and traffic comes in by assay import-traffic.",
    )
    parser.parse_args(argv)
    raise NotReady("The gateway is not in this version of Assay.", hint="Import logs: assay import-traffic --help")
