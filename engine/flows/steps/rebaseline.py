"""Hold a live candidate against prompted options on the rows that all of them answered. Decides nothing about it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.flows.steps.scores import Rows
from engine.rules.rebaseline import Rebaseline, rebaseline


def judged(live: Rows, options: Mapping[str, Rows], margin: float, *, alpha: float = 0.025) -> Rebaseline:
    """Every option against the live candidate, Holm-corrected; rows that one of them did not answer are left out.

    Raises ``ValueError`` where no row was answered by all.
    """
    answered = {name: {said.label_id: said.score for _, said in rows} for name, rows in options.items()}
    kept = [(label, said) for label, said in live if all(said.label_id in known for known in answered.values())]
    return rebaseline(
        [said.score for _, said in kept],
        {name: [known[said.label_id] for _, said in kept] for name, known in answered.items()},
        margin,
        groups=[label.cluster for label, _ in kept],
        alpha=alpha,
    )
