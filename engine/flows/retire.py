"""Execute one approved request that takes share away from a live model. Short: no flow waits for a person."""

from __future__ import annotations

from engine.flows.advance_stage import Approved
from engine.flows.durable import Stepper
from engine.flows.steps import retire, stage


def retire_stage(run: Stepper, approved: Approved) -> stage.Advanced:
    """Check once more that the rollout stands where the request saw it, then lower it by one step."""
    return run.step("retire", retire.execute, approved.approval_id)
