"""What a fresh demo shows is judged by the engine: the run waits for it, and the small feature reads as what it is."""

from __future__ import annotations

import pytest

from bot.cli import demo_examples, demo_seed
from engine.desk import Desk, features, investigations, labels, readiness


def test_the_examples_stand_ready_to_be_judged_and_are_made_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DEMO_MODEL_URL", "http://127.0.0.1:9/v1")
    home = desk.services.settings.home
    assert demo_examples.fill(desk, home)
    small = readiness.read(desk, demo_examples.STAY.slug)
    assert small.outcome == "STAY"
    assert small.simulated
    assert small.month_spend_usd is not None
    assert small.month_spend_usd < 5
    (run,) = investigations.status(desk, demo_examples.SHIP.slug)
    assert (run.state, run.outcome, run.channel) == ("queued", "", demo_seed.EXAMPLES)
    assert labels.show(desk, demo_examples.SHIP.slug).needed == 0
    assert not demo_examples.fill(desk, home)
    assert {one.slug for one in features.every(desk)} == {demo_examples.SHIP.slug, demo_examples.STAY.slug}
