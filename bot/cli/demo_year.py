"""The simulated life of a model: ``assay demo --year`` tells it in the terminal, and a demo begins with one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.blockkit.render import render
from bot.cli import demo_seed
from bot.messages import audit, digest, watch
from engine.clock import SystemClock
from engine.desk import Desk, digests, features, open_desk, operate
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
    first = year.before(now, year.Story().months)
    say(INTRO)
    with tempfile.TemporaryDirectory(prefix="assay-year-") as folder:
        home, clock = Path(folder), founded(first)
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


def leave(settings: Settings) -> bool:
    """Give an empty deployment a past: a model that went live eleven months ago and that the last digest would retire.

    Nobody obeys that digest: its button waits for a visitor. False where the deployment has features already.
    """
    now = SystemClock().now()
    story = year.Story(
        slug="chat-mood",
        channel=demo_seed.YEAR,
        first_model="simulated-dear-1",
        better_model="simulated-cheap-2",
        months=11,
        zone="UTC",
        obeys=False,
    )
    first = year.before(now, story.months)
    clock = founded(first)
    services = replace(build(settings, clock=clock), runner=ScriptedRunner())
    operate.prepare(services)
    with closing(open_desk(services)) as desk:
        if features.every(desk):
            return False
        for _ in year.play(desk, clock, first, story):
            continue
        for asked in desk.durable.runs(state="queued"):  # the story ran them itself; no engine may again
            desk.durable.cancel(asked.run_id)
    return True


def founded(first: str) -> FixedClock:
    """The moment the story's first month begins: a deployment is told of no month that ended before it was founded."""
    return FixedClock(datetime.strptime(first, "%Y-%m").replace(tzinfo=UTC))


def _posted(desk: Desk, period: str) -> str:
    told = render(digest.month(digests.show(desk, period))).said
    clock = clocks.stale(desk)
    return f"{told}\n{render(watch.stale(clock)).said.splitlines()[0]}" if clock.clocks else told


def _indented(text: str) -> str:
    return "\n".join(f"            {line}" for line in text.splitlines())
