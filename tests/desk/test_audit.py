"""Who did what is told newest first, and a log somebody changed by hand is found by words and by exit code."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.cli import main
from engine.desk import Desk, audit, rollouts
from engine.errors import NotFound
from engine.services import Services
from engine.store.database import open_database
from engine.testing.clock import FixedClock
from tests.builders import ASKER, SLUG, a_feature, a_verdict, asked
from tests.desk.test_words import say


def test_a_features_deeds_are_told_newest_first_with_what_changed(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    a_verdict(desk)
    clock.move(hours=1)
    asked(desk)
    rollouts.lower(desk, ASKER, SLUG, "rollback", reason="refunds go wrong")
    found = audit.of_feature(desk, SLUG)
    assert [one.verb for one in found.deeds] == ["shift", "ask", "register"]
    assert found.total == 3
    assert found.deeds[0].changes == ("status: running to rolled_back",)
    told = say(desk, f"audit {SLUG}")
    assert "ticket-router: 3 deeds, newest first" in told
    assert "U1 (member): shift rollout: status: running to rolled_back. “refunds go wrong”" in told
    with pytest.raises(NotFound):
        audit.of_feature(desk, "nowhere")


def test_only_the_newest_are_told_and_the_rest_counted(desk: Desk) -> None:
    a_feature(desk)
    a_verdict(desk)
    asked(desk)
    for step in ("pause", "resume") * 11:
        rollouts.lower(desk, ASKER, SLUG, step)
    found = audit.of_feature(desk, SLUG)
    assert (len(found.deeds), found.total) == (20, 24)
    assert "4 older ones are in the export" in say(desk, f"audit {SLUG}")


def test_a_chain_that_holds_and_one_that_was_meddled_with_are_told_apart(desk: Desk) -> None:
    assert "The audit chain holds: 0 deeds follow" in say(desk, "audit verify")
    a_feature(desk)
    a_feature(desk, slug="refund-reason")
    assert "The audit chain holds: 2 deeds follow from the one before." in say(desk, "audit Verify")
    _meddle(desk.services)
    told = say(desk, "audit verify")
    assert "The audit chain is broken at deed 2: its own words are not those it was written with." in told
    assert "The 1 deed before it holds." in told


def test_the_shell_tells_a_broken_chain_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], desk: Desk
) -> None:
    a_feature(desk)
    a_feature(desk, slug="refund-reason")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.setenv("ASSAY_DATABASE_URL", desk.services.settings.database_url)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        for words in (["audit", "verify"], ["say", "audit verify"], ["audit", SLUG]):
            assert main(words) == 0, words
        _meddle(desk.services)
        capsys.readouterr()
        for words in (["audit", "verify"], ["say", "audit verify"]):
            assert main(words) == 1, words
            assert "broken at deed 2" in capsys.readouterr().out
        assert main(["audit", "nowhere"]) == 1
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _meddle(services: Services) -> None:
    other = open_database(services.settings.database_url)
    with other.write() as tx:
        tx.connection().execute(text("UPDATE deed SET actor = 'U9' WHERE id = 2"))
    other.close()
