"""The end of a run whose texts are neither right nor wrong: a judge compares them, people say how far to believe it.

Sequence only. What people must say first is no wait of a flow: without it the run ends inconclusive, no look spent, and
the next one finds everything paid and trained.
"""

from __future__ import annotations

from engine.flows import asking
from engine.flows.durable import Stepper
from engine.flows.steps import candidates, choose, decide, preferred
from engine.flows.steps.values import Asked, Choice, Frozen, Measured, Parity, Plan, VerdictRef, unopened
from engine.models.labels import Part


def conclude(run: Stepper, frozen: Frozen, road: Plan, choice: Choice, *, parity: Parity, asked: Asked) -> VerdictRef:
    """From the choice on dev to the stored verdict."""
    dev = asking.judge(run, frozen, choice, part=Part.DEV, level=preferred.level_of(unopened()))
    weighed = run.step("weigh", preferred.weigh, frozen, road, choice, dev=dev)
    if weighed.blockers:
        measured = Measured(parity=parity, opened=unopened(), asked=asked, judged=weighed)
        return run.step("decide", decide.decide, frozen, road, choice, measured=measured)
    opened = run.step("open_seal", choose.open_seal, frozen, road, choice)
    rerun = asking.ask(run, frozen, road, choice.prompted, part=Part.SEALED, rows=opened.rows)
    run.until("score_sealed", candidates.score_sealed, frozen, choice, opened)
    sealed = asking.judge(run, frozen, choice, part=Part.SEALED, level=preferred.level_of(opened))
    measured = Measured(parity=parity, opened=opened, asked=rerun, judged=preferred.with_sealed(weighed, sealed))
    return run.step("decide", decide.decide, frozen, road, choice, measured=measured)
