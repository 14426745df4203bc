"""Execute one approved request. Short: no flow waits for a person."""

from __future__ import annotations

from engine.flows.durable import Stepper
from engine.flows.steps import served, stage
from engine.models.base import Value


class Approved(Value):
    """The request to execute."""

    approval_id: int


def advance_stage(run: Stepper, approved: Approved) -> stage.Advanced:
    """Wait for the candidate's server, check the evidence once more, then shift the rollout by one stage."""
    run.until("serve", served.awaited, approved.approval_id)
    return run.step("advance", stage.advance, approved.approval_id)
