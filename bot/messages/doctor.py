"""What ``doctor`` found, worst first, each with its fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.desk.servers import DeploymentState, Rented
from engine.models.work import Finding

ORDER = ("bad", "warn", "ok")


@dataclass(frozen=True)
class Findings:
    """The findings, and how many are bad or want a look."""

    template: ClassVar[str] = "doctor/findings"
    findings: tuple[Finding, ...]
    bad: int
    warn: int

    @classmethod
    def example(cls) -> Findings:
        """One of each kind."""
        return findings(
            [
                Finding(name="database", state="ok", says="The schema is current."),
                Finding(name="engine", state="bad", says="No heartbeat since 14:02 UTC.", fix="Start it: assay engine"),
                Finding(name="approvers", state="warn", says="ticket-router has 1 approver; 2 are needed from 25 %."),
                Finding(
                    name="rented",
                    state="warn",
                    says="fireworks bills old-test (about $192.00 a day), which no rollout of ours needs",
                    fix='Look, and stop it if nobody else needs it: /assay doctor stop="fireworks old-test"',
                    press="Stop old-test",
                    words='doctor stop="fireworks old-test"',
                    asks="fireworks deletes it. Whoever else uses it gets errors from then on.",
                ),
            ]
        )


@dataclass(frozen=True)
class Stopping:
    """A rented deployment that the engine is to stop, because this person asked."""

    template: ClassVar[str] = "doctor/stopping"
    deployment: Rented

    @classmethod
    def example(cls) -> Stopping:
        """One of last year."""
        return cls(
            Rented(
                provider="fireworks", id="accounts/acme/deployments/old-test", name="old-test",
                state=DeploymentState.READY, daily_usd=192.0, is_needed=False, asked_by="U0ANN",
            )
        )  # fmt: skip


def findings(found: list[Finding]) -> Findings:
    """The findings, worst first."""
    ordered = sorted(found, key=lambda one: ORDER.index(one.state) if one.state in ORDER else 0)
    return Findings(tuple(ordered), sum(one.state == "bad" for one in found), sum(one.state == "warn" for one in found))
