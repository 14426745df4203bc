"""``assay demo --year``: the whole life of a model in under a minute, told in the terminal. All of it is made up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.blockkit.render import render
from bot.messages import audit, digest, watch
from engine.clock import SystemClock
from engine.desk import Desk, digests, open_desk, operate
from engine.desk import audit as trails
from engine.desk import watch as clocks
from engine.services import build
from engine.settings import Settings
from engine.testing import year
from engine.testing.clock import FixedClock
from engine.testing.runner import ScriptedRunner

INTRO = (
    "A year in the life of one model. Calls, labels, prices and answers are simulated; the rules, votes and digests "
    "are the real ones.\n"
)


def tell(say: Callable[[str], None]) -> None:
    """Play the twelve months that ended last and tell each thing that happened, with every digest as it was posted."""
    now = SystemClock().now()
    first = f"{(now.replace(day=15) - timedelta(days=365)):%Y-%m}"
    say(INTRO)
    with tempfile.TemporaryDirectory(prefix="assay-year-") as folder:
        home, clock = Path(folder), FixedClock(now - timedelta(days=800))
        settings = Settings(home=home, database_url=f"sqlite:///{home / 'assay.db'}")
        services = replace(build(settings, clock=clock), runner=ScriptedRunner())
        operate.prepare(services)
        with closing(open_desk(services)) as desk:
            for happened in year.play(desk, clock, first):
                say(f"{happened.at:%Y-%m-%d}  {happened.what}")
                if happened.period:
                    say(_indented(_posted(desk, happened.period)))
            say(render(audit.Chain(trails.verify(desk))).said.splitlines()[0])
        services.database.close()


def _posted(desk: Desk, period: str) -> str:
    told = render(digest.month(digests.show(desk, period))).said
    clock = clocks.stale(desk)
    return f"{told}\n{render(watch.stale(clock)).said.splitlines()[0]}" if clock.clocks else told


def _indented(text: str) -> str:
    return "\n".join(f"            {line}" for line in text.splitlines())
