"""The verbs: one file per story, with its command, buttons and forms together."""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Import every story, so that it stands in ``bot.router.REGISTRY``."""
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")
