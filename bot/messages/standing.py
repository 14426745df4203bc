"""How a run or a labelling stands, in the one word its message begins with."""

from __future__ import annotations

from typing import Literal

from engine.models.investigation import OPEN_STATES, RunState

Standing = Literal["queued", "running", "unattended", "lost", "cancelled", "failed", "done"]
NEVER_ALIVE = "the start"  # what the desk says of an engine that was never seen


def standing(state: RunState, lost_since: str) -> Standing:
    """The word for a state. Open without a heartbeat is lost (``unattended`` where no engine ever ran), never running.

    ``lost_since`` says since when nothing was heard of the engine, "" while it is heard of.
    """
    if state in OPEN_STATES and lost_since:
        return "unattended" if lost_since == NEVER_ALIVE else "lost"
    match state:
        case RunState.QUEUED:
            return "queued"
        case RunState.RUNNING:
            return "running"
        case RunState.CANCELLED:
            return "cancelled"
        case RunState.FAILED:
            return "failed"
        case RunState.DONE:
            return "done"
