"""A request names its consequence; a decided one has no buttons and says who, when and why."""

from __future__ import annotations

from typing import Any

import pytest

from bot.blockkit.render import render
from bot.messages import approval, examples
from engine.models.rollout import ApprovalState, Stage
from tests.unit.messages.reading import buttons, kinds


def test_the_button_carries_token_and_version_alone() -> None:
    found = buttons(render(approval.card(examples.approval())).blocks)

    assert found["Approve"] == ("approval.approve", "9f2KqTzv0aXh4Wc1.3")
    assert found["Reject"] == ("approval.reject", "9f2KqTzv0aXh4Wc1.3")


def test_approving_asks_with_the_consequence() -> None:
    blocks = render(approval.card(examples.approval())).blocks
    (approve, _) = blocks[-1]["elements"]

    assert approve["confirm"]["text"]["text"] == (
        "Send 25 % of ticket-router to the tuned model, about 41,000 calls a day."
    )


def test_shadow_sends_nobody_an_answer_of_the_tuned_model() -> None:
    asked = examples.approval(to_stage=Stage.SHADOW, to_share=0.0, from_stage=Stage.DRAFT, evidence={})

    assert "none of its answers is used" in render(approval.card(asked)).said


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (ApprovalState.APPROVED, "Approved."),
        (ApprovalState.EXECUTED, "Approved and done."),
        (ApprovalState.REJECTED, "Rejected."),
        (ApprovalState.SUPERSEDED, "Superseded, and nothing was moved."),
        (ApprovalState.EXPIRED, "Ran out without a decision."),
    ],
)
def test_after_the_decision_the_buttons_are_gone(state: ApprovalState, line: str) -> None:
    facts: dict[str, Any] = {"decided_by": "U0CY", "decided_at": "2026-11-04T10:00:00+00:00", "reason": "Not proven."}
    found = render(approval.card(examples.approval(state=state, **facts)))

    assert "actions" not in kinds(found.blocks)
    assert found.said.startswith(line)
    assert "Why: Not proven." in found.said
    assert "Decided by @U0CY, 2026-11-04 10:00 UTC." in found.said


def test_a_simulated_model_is_called_simulated_to_approvers() -> None:
    evidence = {**examples.approval().evidence, "model": "simulated-frontier"}

    assert "prompted (simulated) 91.5 %" in render(approval.card(examples.approval(evidence=evidence))).said


def test_a_request_nobody_may_approve_says_so() -> None:
    assert "nobody is named yet" in render(approval.card(examples.approval(approvers=()))).said


def test_an_empty_list_says_that_nothing_waits() -> None:
    assert render(approval.waiting([])).said == "Nothing waits for a vote."
