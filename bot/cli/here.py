"""The deployment a program of the shell works on: that of the environment."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager

from engine.desk import Desk, open_desk, operate
from engine.services import build
from engine.settings import load_settings


@contextmanager
def desk_here() -> Generator[Desk]:
    """Its desk; an empty database gets its tables first, and every connection is given back at the end."""
    services = build(load_settings())
    operate.prepare(services)
    with closing(open_desk(services)) as desk:
        yield desk
