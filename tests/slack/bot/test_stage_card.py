"""A stage's card over signed HTTP: its buttons act on what they were drawn for, once, and it is drawn anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.desk import approvals, policies, roles, rollouts
from engine.models.actor import Role
from engine.models.rollout import RolloutStatus, Stage
from engine.store import deeds
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, a_feature, a_verdict, the_rollout
from tests.desk.climbing import climb, execute, let_a_day_pass
from tests.slack.bot.wire import Wire

NEXT, PAUSE, BACK = "Ask for the next stage", "Pause", "Roll back"


@pytest.fixture
def card(wire: Wire) -> dict[str, Any]:
    """The card of a rollout at 1 % that may go on, as it stands in the channel."""
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.OWNER: (ASKER.id,), Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(wire.desk)
    climb(wire.desk, wire.clock, Stage.CANARY_1)
    let_a_day_pass(wire.desk, wire.clock)
    wire.settle()
    return shown(wire)


def shown(wire: Wire) -> dict[str, Any]:
    """The one message of the rollout."""
    (found,) = [one for one in wire.posted() if "is rolled out to" in one["text"] or "The rollout of" in one["text"]
                or "is rolled back" in one["text"]]  # fmt: skip
    return found


def buttons(message: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        one["text"]["text"]: (one["action_id"], one["value"])
        for block in message["blocks"]
        if block["type"] == "actions"
        for one in block["elements"]
    }


def press(wire: Wire, card: dict[str, Any], label: str, person: str = ASKER.id) -> str:
    action, value = buttons(card)[label]
    return wire.answer(wire.press(card["ts"], action, value, person), person)


def standing(wire: Wire) -> tuple[Stage, RolloutStatus, float, int]:
    found = the_rollout(wire.desk)
    with wire.desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None
        done = len(deeds.of_feature(tx, found.feature_id, limit=1_000))
    return found.stage, found.status, found.share, done


def test_a_press_for_what_was_seen_acts_once_and_its_buttons_leave(wire: Wire, card: dict[str, Any]) -> None:
    action, value = buttons(card)[NEXT]
    delivery = wire.press(card["ts"], action, value)
    assert {status for status, _ in wire.at_once([delivery] * 4)} == {200}
    wire.idle()
    (asked,) = approvals.pending(wire.desk)
    assert asked.to_stage == Stage.CANARY_5
    wire.settle()
    assert NEXT not in buttons(shown(wire)), "a request waits already"
    approvals.reject(wire.desk, ANN, asked.token, "not convinced of it")
    wire.settle()
    assert NEXT in buttons(shown(wire)), "and can be asked anew"
    token = rollouts.next_stage(wire.desk, ASKER, SLUG).token
    approvals.approve(wire.desk, ANN, token)
    wire.settle()
    assert NEXT not in buttons(shown(wire)), "the move follows"


def test_a_press_on_a_stage_that_moved_is_refused_and_the_card_is_drawn_anew(wire: Wire, card: dict[str, Any]) -> None:
    climb_on(wire)
    before = standing(wire)
    assert before[0] is Stage.CANARY_5
    told = press(wire, card, NEXT)
    assert "is another than when this button was drawn: it is running at 5% of traffic" in told
    assert "Nothing was changed." in told
    assert standing(wire) == before
    assert approvals.pending(wire.desk) == []
    wire.settle()
    anew = shown(wire)
    assert anew["ts"] == card["ts"], "the same message"
    assert NEXT not in buttons(anew), "5 % was only just reached"
    assert "5 %" in anew["text"]


@pytest.mark.parametrize("evidence", ["verdict", "policy"])
def test_a_press_on_evidence_that_changed_is_refused_and_may_be_pressed_anew(
    wire: Wire, card: dict[str, Any], evidence: str
) -> None:
    if evidence == "verdict":
        a_verdict(wire.desk, run_id="inv-two")
    else:
        policies.change(wire.desk, SHELL, SLUG, {"stage_holdback": "0.03"})
    before = standing(wire)
    assert "Nothing was changed." in press(wire, card, NEXT)
    assert standing(wire) == before
    wire.settle()
    anew = shown(wire)
    assert buttons(anew)[NEXT] != buttons(card)[NEXT]
    press(wire, anew, NEXT)
    assert [one.to_stage for one in approvals.pending(wire.desk)] == [Stage.CANARY_5]


def test_going_down_asks_only_that_it_is_the_same_rollout(wire: Wire, card: dict[str, Any]) -> None:
    climb_on(wire)
    assert "is paused" in press(wire, card, PAUSE, ANN.id)
    before = standing(wire)
    assert "needs a running rollout" in press(wire, card, PAUSE, ANN.id), "a second press is told, and changes nothing"
    assert standing(wire) == before
    assert "rolled back" in press(wire, card, BACK, ANN.id)
    assert the_rollout(wire.desk).share == 0.0
    climb(wire.desk, wire.clock, Stage.SHADOW)
    again = standing(wire)
    assert "Nothing was changed." in press(wire, card, BACK, ANN.id), "another rollout is not taken back by an old card"
    assert standing(wire) == again


def test_resuming_is_for_the_pause_that_was_seen(wire: Wire, card: dict[str, Any]) -> None:
    rollouts.lower(wire.desk, ANN, SLUG, "pause")
    wire.settle()
    paused = shown(wire)
    rollouts.lower(wire.desk, ANN, SLUG, "resume")
    rollouts.lower(wire.desk, BO, SLUG, "pause")
    assert "Nothing was changed." in press(wire, paused, "Resume")
    assert the_rollout(wire.desk).status is RolloutStatus.PAUSED
    wire.settle()
    assert "goes on" in press(wire, shown(wire), "Resume")
    wire.settle()
    assert PAUSE in buttons(shown(wire))


def test_a_button_of_an_earlier_version_or_a_forged_one_moves_nothing(wire: Wire, card: dict[str, Any]) -> None:
    before = standing(wire)
    for action, value in (
        ("rollout.next", SLUG),
        ("rollout.next", f"{SLUG} 1.0.forged"),
        ("rollout.step", f"raise {SLUG} 1.0.forged"),
        ("rollout.step", f"rollback {SLUG} 9.9.forged"),
    ):
        told = wire.answer(wire.press(card["ts"], action, value))
        assert "Nothing was changed" in told or "carries nothing" in told
    assert standing(wire) == before
    assert json.dumps(card["blocks"]).count("rollout.step") == 2


def climb_on(wire: Wire) -> None:
    """The same rollout goes on to 5 %, and nobody has sent its card's newest state yet."""
    token = rollouts.next_stage(wire.desk, ASKER, SLUG).token
    approvals.approve(wire.desk, ANN, token)
    execute(wire.desk, token)
