"""Drill a rollback of one feature. Short: a minute for each of the two route files at most."""

from __future__ import annotations

from engine.flows.durable import Stepper
from engine.flows.steps import drill
from engine.models.base import Value


class Drilling(Value):
    """The drill to do."""

    drill_id: int


def drill_rollback(run: Stepper, drilling: Drilling) -> drill.DrillView:
    """Put a changed route out, wait for every gateway worker, roll it back, and wait again."""
    run.step("change", drill.change, drilling.drill_id)
    changed = run.until("changed", drill.followed, drilling.drill_id)
    run.step("back", drill.back, drilling.drill_id)
    returned = run.until("returned", drill.followed, drilling.drill_id)
    return run.step("end", drill.end, drilling.drill_id, changed, returned)
