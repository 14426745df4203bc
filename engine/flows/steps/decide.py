"""Compare on the sealed part, decide, and record: verdict, ended run, deed and message in one transaction.

Nothing is fetched here: every number comes from stored predictions, prices and policy.
"""

from __future__ import annotations

from engine.errors import Cancelled
from engine.flows.steps import compare, money, progress, record
from engine.flows.steps.plan import VERDICT
from engine.flows.steps.values import Choice, Frozen, Opened, Parity, Plan, VerdictRef
from engine.models.actor import Actor, Role
from engine.models.investigation import RunState, RunTask, TaskState
from engine.models.verdict import Verdict
from engine.rules.money import Money
from engine.rules.pairs import wilson
from engine.rules.verdict import Evidence
from engine.rules.verdict import decide as ruled
from engine.services import Services
from engine.store import deeds, features, investigations, verdicts


def decide(
    services: Services, frozen: Frozen, road: Plan, choice: Choice, *, parity: Parity, opened: Opened
) -> VerdictRef:
    """Judge the sealed comparison and store the verdict, once per run. Raises ``Cancelled`` when a person was first."""
    with services.database.write() as tx:
        run = investigations.by_run(tx, frozen.run_id)
        known = verdicts.of_run(tx, frozen.run_id)
        if known is not None:
            return VerdictRef(run_id=frozen.run_id, verdict_id=known.id or 0, state=run.state)
        if run.cancel_requested:
            raise Cancelled(f"{frozen.run_id} was cancelled.")
        policy = frozen.policy
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        compared = compare.compared(tx, frozen, choice, parity, opened=opened, baseline=baseline)
        sums = money.judged(tx, services, frozen, choice)
        evidence = _evidence(compared, frozen, choice, sums)
        ruling = ruled(evidence, policy.verdict)
        body = record.body(
            tx,
            frozen,
            road,
            record.Judged(choice, opened, parity, compared, evidence, ruling, sums, baseline),
            policy=policy,
        )
        now = services.clock.now()
        verdict = Verdict(
            run_id=frozen.run_id,
            feature_id=frozen.feature_id,
            outcome=ruling.outcome,
            rows_needed=ruling.rows_needed,
            record={**body, "decided_at": now.isoformat().replace("+00:00", "Z")},
            decided_at=now,
        )
        stored = verdicts.add(tx, verdict)
        progress.set_tasks(tx, services, run, _finished(progress.tasks(run), ruling.outcome))
        investigations.end(tx, run, RunState.DONE, reason="; ".join(ruling.reasons), at=now)
        deeds.record(
            tx,
            services.clock,
            Actor(id=run.requested_by, role=Role.OWNER),
            "decide",
            entity="investigation",
            entity_id=run.run_id,
            feature_id=frozen.feature_id,
            after={"outcome": ruling.outcome, "reasons": list(ruling.reasons), "look": opened.look},
        )
        progress.tell(tx, services, run)
        return VerdictRef(run_id=frozen.run_id, verdict_id=stored.id or 0)


def _evidence(compared: compare.Compared, frozen: Frozen, choice: Choice, sums: Money | None) -> Evidence:
    return Evidence(
        difference=compared.interval,
        margin=frozen.margin,
        rows=compared.pairs.n,
        planned_rows=choice.planned_rows,
        row_variance=max(compared.row_variance, 0.0),
        saving_low=sums.simulation.saving_low if sums else None,
        payback_probability=sums.simulation.p_payback if sums else None,
        npv_usd=sums.npv_usd if sums else None,
        invalid=compared.invalid,
        broken=broken(
            compared.candidate.valid_share,
            compared.candidate.rows,
            compared.prompted.valid_share,
            margin=frozen.margin,
        ),
    )


def broken(valid_share: float, rows: int, prompted_valid_share: float, *, margin: float) -> tuple[str, ...]:
    """The gates that surely failed: answers are valid less often than prompted ones, by more than the margin."""
    best = wilson(round(valid_share * rows), rows).high
    return ("answers are valid less often",) if best < prompted_valid_share - margin else ()


def _finished(lines: list[RunTask], outcome: str) -> list[RunTask]:
    done = RunTask(name=VERDICT, state=TaskState.COMPLETE, note=outcome)
    return [done if line.name == VERDICT else line for line in lines]
