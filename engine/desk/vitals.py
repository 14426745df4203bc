"""How the deployment stands at this moment, in figures for Prometheus and for probes. No name or text in a label."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from prometheus_client.core import GaugeMetricFamily

from engine.services import Services
from engine.store import investigations, labellings, mail, work


def gauges(services: Services) -> list[GaugeMetricFamily]:
    """Open runs by kind and state, the age of each program's heartbeat, work that is overdue, bytes in the spool.

    Raises ``Unavailable``.
    """
    now = services.clock.now()
    with services.database.read() as tx:
        open_runs = Counter(("investigation", str(run.state.value)) for run in investigations.open_runs(tx))
        open_runs.update(("labelling", str(run.state.value)) for run in labellings.open_runs(tx))
        ages = {beat.program: (now - beat.at).total_seconds() for beat in work.beats(tx, "")}
        undone = len(work.undone(tx))
        waiting, _, dead = mail.depth(tx)
    runs = GaugeMetricFamily("assay_open_runs", "Runs that have not ended.", labels=["kind", "state"])
    for (kind, state), count in sorted(open_runs.items()):
        runs.add_metric([kind, state], count)
    beats = GaugeMetricFamily("assay_heartbeat_age_seconds", "Since a program was last alive.", labels=["program"])
    for program, age in sorted(ages.items()):
        beats.add_metric([program], age)
    return [
        runs,
        beats,
        GaugeMetricFamily("assay_undone_work", "Digests and alerts that fell due and are not done.", value=undone),
        GaugeMetricFamily("assay_messages_waiting", "Messages to Slack that wait.", value=waiting),
        GaugeMetricFamily("assay_messages_dead", "Messages that could not be sent in a day.", value=dead),
        GaugeMetricFamily("assay_spool_bytes", "Bytes in the spool of this host.", value=_spool_bytes(services)),
    ]


def why_not(services: Services, program: str) -> list[str]:
    """Why a program is not ready: it was not heard of lately. Raises ``Unavailable`` where the database is away."""
    with services.database.read() as tx:
        silent = work.silent_since(tx, program, services.clock.now())
    return [f"{program} was last heard of at {silent}"] if silent else []


def _spool_bytes(services: Services) -> int:
    total = 0
    for file in services.settings.spool_folder.rglob("*"):
        with suppress(FileNotFoundError):  # stored and gone since it was listed
            total += file.stat().st_size if file.is_file() else 0
    return total
