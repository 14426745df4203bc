"""What ``doctor`` found, worst first, each with its fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
            ]
        )


def findings(found: list[Finding]) -> Findings:
    """The findings, worst first."""
    ordered = sorted(found, key=lambda one: ORDER.index(one.state) if one.state in ORDER else 0)
    return Findings(tuple(ordered), sum(one.state == "bad" for one in found), sum(one.state == "warn" for one in found))
