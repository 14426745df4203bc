"""Counts and states of one worker as Prometheus reads them. Labels are slugs and closed words, never what people sent.

docs/gateway.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.gateway.record import Parts


class Family(NamedTuple):
    """One metric: its name, what it says, and the names of its labels."""

    name: str
    told: str
    labels: tuple[str, ...] = ()


COUNTERS = {
    "calls": Family("calls_total", "calls answered", ("feature", "assigned", "served", "status")),
    "failed": Family("replaced_total", "tuned tries that the baseline replaced", ("feature", "role", "fault")),
    "shadows": Family("shadows_total", "copies sent to the tuned side", ("feature", "fault")),
    "refused": Family("refused_total", "requests refused", ("code",)),
    "trips": Family("trips_total", "times the breaker tripped", ("feature",)),
    "feedback": Family("feedback_total", "verdicts taken"),
    "exposures": Family("exposures_total", "calls reported by products"),
    "mismatches": Family("mismatches_total", "exposures that were not on the side of their bucket"),
    "broke": Family("broke_total", "errors of our own; the log has a reference of each"),
}
GAUGES = {
    "inflight": Family("inflight", "requests under way"),
    "version": Family("snapshot_version", "version of the route file in force"),
    "refused_files": Family("routes_refused", "route files that were not taken since the start"),
    "dropped": Family("records_dropped", "records lost since the start: the disk was full for too long"),
    "writing": Family("spool_writing", "1 while records reach the disk"),
    "tripped": Family("tripped", "1 while the breaker keeps the tuned side shut", ("feature",)),
}


def page(parts: Parts, inflight: int) -> bytes:
    """All metrics of this worker in Prometheus' text format."""
    return "".join((*_counted(parts), *_states(parts, inflight))).encode()


def _counted(parts: Parts) -> Iterator[str]:
    for kind, family in COUNTERS.items():
        yield _head(family, "counter")
        for (counted, *labels), number in sorted(parts.counts.items()):
            if counted == kind:
                yield _line(family, labels, number)


def _states(parts: Parts, inflight: int) -> Iterator[str]:
    snapshot = parts.routes.snapshot
    numbers = {
        "inflight": inflight,
        "version": snapshot.version if snapshot else 0,
        "refused_files": parts.routes.refused,
        "dropped": parts.spool.dropped,
        "writing": int(parts.spool.is_writing),
    }
    for kind, number in numbers.items():
        yield _head(GAUGES[kind], "gauge")
        yield _line(GAUGES[kind], [], number)
    yield _head(GAUGES["tripped"], "gauge")
    for slug in sorted(parts.breakers.tripped()):
        yield _line(GAUGES["tripped"], [slug], 1)


def _head(family: Family, kind: str) -> str:
    return f"# HELP assay_gateway_{family.name} {family.told}\n# TYPE assay_gateway_{family.name} {kind}\n"


def _line(family: Family, labels: list[str], number: int) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in zip(family.labels, labels, strict=True))
    return f"assay_gateway_{family.name}{f'{{{told}}}' if told else ''} {number}\n"
