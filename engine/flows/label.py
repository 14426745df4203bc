"""Have a teacher label drawn texts, to a stored label version. Sequence only; the steps do the work."""

from __future__ import annotations

from engine.errors import AssayError
from engine.flows.durable import Stepper
from engine.flows.investigate import RETRY_SECONDS
from engine.flows.steps import end, labelling
from engine.flows.steps.labelling import DrawnTexts, LabelledRef, Taught
from engine.models.labelling import Teaching


def label(run: Stepper, teaching: Teaching) -> LabelledRef:
    """Walk the whole road; a reason that ends it early is told to who asked and recorded, never lost."""
    try:
        drawn = run.step("draw", labelling.draw, teaching.run_id)
        return run.step("store", labelling.store, drawn, _taught(run, drawn))
    except AssayError as error:
        return run.step("end", labelling.close, teaching.run_id, end.told(error))


def _taught(run: Stepper, drawn: DrawnTexts) -> Taught:
    taught = run.until("ask 0", labelling.ask, drawn, attempt=0)
    for attempt, seconds in enumerate(RETRY_SECONDS, start=1):
        if taught.stopped or not taught.unanswered:
            break
        run.sleep(seconds)
        taught = run.until(f"ask {attempt}", labelling.ask, drawn, attempt=attempt)
    return taught
