"""Where a rollout stands, what it waits for, and the way back."""

from __future__ import annotations

import pytest

from bot.blockkit.render import render
from bot.messages import examples, rollout
from engine.models.rollout import RolloutStatus, Stage
from tests.unit.messages.reading import buttons


def test_a_waiting_stage_names_what_lacks() -> None:
    found = render(rollout.state(examples.rollout()))

    assert "The next stage must wait: too few hours; too few units." in found.said
    assert "█░░░░░░░░░ 3 of 24 hours" in found.said
    assert "█████████░ 94 of 100 units on the tuned side" in found.said
    assert "About 12 days until it can be decided whether everybody is served, at 164,000 calls a day." in found.said
    assert "Ask for the next stage" not in buttons(found.blocks)


def test_a_ready_stage_can_be_asked_for() -> None:
    found = render(rollout.state(examples.rollout(gate="READY", reasons=())))

    assert buttons(found.blocks)["Ask for the next stage"] == ("rollout.next", "ticket-router 1.3.5c1f09ab77de")


def test_rolling_back_is_always_one_press_away() -> None:
    for status in (RolloutStatus.RUNNING, RolloutStatus.PAUSED):
        found = buttons(render(rollout.state(examples.rollout(status=status))).blocks)
        assert found["Roll back"][1] == "rollback ticket-router 1.3.5c1f09ab77de"


def test_a_second_button_of_one_kind_has_its_own_id() -> None:
    found = buttons(render(rollout.state(examples.rollout())).blocks)

    assert found["Pause"][0] == "rollout.step"
    assert found["Roll back"][0] == "rollout.step.2"


def test_before_the_first_stage_shadow_is_offered() -> None:
    unbegun = examples.rollout(
        rollout_id=0, stage=Stage.DRAFT, share=0.0, next_stage=Stage.SHADOW, gate="READY", reasons=()
    )
    found = render(rollout.state(unbegun))

    assert "ticket-router is not rolled out yet." in found.said
    assert list(buttons(found.blocks)) == ["Ask for the next stage"]


def test_little_traffic_is_warned_of_before_the_start() -> None:
    horizon = {"needs": (), "days": 210, "calls_a_day": 400, "is_slow": True}
    unbegun = examples.rollout(
        rollout_id=0, stage=Stage.DRAFT, next_stage=Stage.SHADOW, gate="READY", reasons=(), horizon=horizon
    )
    said = render(rollout.state(unbegun)).said
    assert "About 210 days until it can be decided whether everybody is served, at 400 calls a day" in said
    assert "under 5,000 calls a day proof comes slowly" in said


def test_an_ended_rollout_has_no_buttons() -> None:
    found = render(rollout.state(examples.rollout(status=RolloutStatus.ROLLED_BACK, next_stage=None)))

    assert found.said.splitlines()[0] == "ticket-router is rolled back, 1 % → 0 %."
    assert buttons(found.blocks) == {}


@pytest.mark.parametrize("how", ["raised", "paused", "resumed", "rolled_back", "settled", "ended"])
def test_a_move_says_who_and_where(how: rollout.Moved) -> None:
    assert "By @U0BO." in render(rollout.moved(examples.rollout(), how, by="U0BO")).said
    assert "By Assay, on its guardrails." in render(rollout.moved(examples.rollout(), how)).said
