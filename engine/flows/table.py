"""The flows by name: what each does, what it is asked, and how many of a queue go on at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.flows.advance_stage import Approved, advance_stage
from engine.flows.alerts import Week, alerts
from engine.flows.digest import Month, digest
from engine.flows.drill import Drilling, drill_rollback
from engine.flows.durable import Queue, Stepper
from engine.flows.investigate import investigate
from engine.flows.label import label
from engine.flows.retire import retire_stage
from engine.models.base import Value
from engine.models.investigation import Brief
from engine.models.labelling import Teaching

WORKFLOW_SCHEMA = "3"  # raised only when the order of a flow's steps changes (docs/engine.md); never a source hash
# Of heavy work one: one device, one investigation; the others wait their turn.
AT_ONCE: Mapping[Queue, int] = {Queue.LIGHT: 4, Queue.HEAVY: 1, Queue.WAITING: 4}


@dataclass(frozen=True)
class Flow:
    """A flow's body and the class of its one argument."""

    body: Callable[[Stepper, Any], Value]
    argument: type[Value]


FLOWS: Mapping[str, Flow] = {
    "investigate": Flow(investigate, Brief),
    "advance_stage": Flow(advance_stage, Approved),
    "retire_stage": Flow(retire_stage, Approved),
    "drill_rollback": Flow(drill_rollback, Drilling),
    "digest": Flow(digest, Month),
    "alerts": Flow(alerts, Week),
    "label": Flow(label, Teaching),
}
