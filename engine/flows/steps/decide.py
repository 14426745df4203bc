"""Compare on the sealed part, decide, and record: verdict, ended run, deed and message in one transaction.

Nothing is fetched here: every number comes from stored predictions, prices and policy.
"""

from __future__ import annotations

from typing import Any

from engine.errors import Cancelled
from engine.flows.steps import answers, compare, forecast, gates, money, preferred, progress, record
from engine.flows.steps.plan import VERDICT
from engine.flows.steps.values import Choice, Frozen, Measured, Plan, VerdictRef
from engine.models.actor import Actor, Role
from engine.models.investigation import RunState, RunTask, TaskState
from engine.models.verdict import Verdict
from engine.rules.gates import Gate, broken, invalid
from engine.rules.gates import gates as ruled_gates
from engine.rules.money import Money
from engine.rules.verdict import Evidence
from engine.rules.verdict import decide as ruled
from engine.services import Services
from engine.store import deeds, investigations, verdicts
from engine.store.database import Tx


def decide(services: Services, frozen: Frozen, road: Plan, choice: Choice, *, measured: Measured) -> VerdictRef:
    """Judge the sealed comparison and store the verdict, once per run. Raises ``Cancelled`` when a person was first."""
    with services.database.write() as tx:
        run = investigations.alone(tx, frozen.run_id)
        known = verdicts.of_run(tx, frozen.run_id)
        if known is not None:
            return VerdictRef(run_id=frozen.run_id, verdict_id=known.id or 0, state=run.state)
        if run.cancel_requested:
            raise Cancelled(f"{frozen.run_id} was cancelled.")
        choice = preferred.planned(choice, measured)
        judged = _judged(tx, services, frozen, choice, measured=measured)
        ruling = judged.ruling
        body = record.body(tx, frozen, road, judged) | {"forecast": _forecast(frozen, judged.money)}
        verdict = Verdict(
            run_id=frozen.run_id,
            feature_id=frozen.feature_id,
            outcome=ruling.outcome,
            rows_needed=ruling.rows_needed,
            record=body,
            decided_at=judged.decided_at,
        )
        stored = verdicts.add(tx, verdict)
        progress.set_tasks(tx, services, run, _finished(progress.tasks(run), ruling.outcome))
        investigations.end(tx, run, RunState.DONE, reason="; ".join(ruling.reasons), at=judged.decided_at)
        deeds.record(
            tx,
            services.clock,
            Actor(id=run.requested_by, role=Role.OWNER),
            "decide",
            entity="investigation",
            entity_id=run.run_id,
            feature_id=frozen.feature_id,
            after={"outcome": ruling.outcome, "reasons": list(ruling.reasons), "look": measured.opened.look},
        )
        progress.tell(tx, services, run)
        return VerdictRef(run_id=frozen.run_id, verdict_id=stored.id or 0)


def _judged(tx: Tx, services: Services, frozen: Frozen, choice: Choice, *, measured: Measured) -> record.Judged:
    by_right = compare.compared if measured.judged is None else preferred.compared
    compared = by_right(tx, frozen, choice, measured)
    sums = money.judged(tx, services, frozen, choice)
    now = services.clock.now()
    rows = investigations.predictions(tx, frozen.run_id, choice.candidate, measured.part)
    audit = answers.audited(tx, frozen.feature_id, frozen.label_set_id) if frozen.has_answers else None
    facts = gates.facts(compared, measured, rows, now, audit=audit)
    found = ruled_gates(facts, gates.limits(frozen.margin, frozen.policy.evaluation))
    evidence = _evidence(compared, frozen, choice, sums, found=found)
    return record.Judged(
        choice=choice,
        measured=measured,
        compared=compared,
        audit=audit,
        facts=facts,
        gates=found,
        evidence=evidence,
        ruling=ruled(evidence, frozen.policy.verdict),
        money=sums,
        decided_at=now,
    )


def _evidence(
    compared: compare.Comparison, frozen: Frozen, choice: Choice, sums: Money | None, *, found: tuple[Gate, ...]
) -> Evidence:
    return Evidence(
        difference=compared.interval,
        margin=frozen.margin,
        rows=compared.paired.rows,
        planned_rows=choice.planned_rows,
        row_variance=compared.paired.row_variance,
        saving_low=sums.simulation.saving_low if sums else None,
        payback_probability=sums.simulation.p_payback if sums else None,
        npv_usd=sums.npv_usd if sums else None,
        invalid=invalid(found),
        broken=broken(found),
        design_effect=compared.paired.design_effect,
    )


def _forecast(frozen: Frozen, sums: Money | None) -> dict[str, Any] | None:
    return forecast.kept(sums.plan, frozen.policy.cost.months, frozen.seed) if sums else None


def _finished(lines: list[RunTask], outcome: str) -> list[RunTask]:
    done = RunTask(name=VERDICT, state=TaskState.COMPLETE, note=outcome)
    return [done if line.name == VERDICT else line for line in lines]
