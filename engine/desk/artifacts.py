"""What lies in the artifact store, and taking out what nobody names: never without a look at it first."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from engine.desk import Desk
from engine.errors import Conflict, Invalid, NotFound
from engine.flows.steps import card as cards
from engine.models.actor import Actor
from engine.models.base import Value
from engine.runners.folder import JobFolder, age
from engine.runners.shared import JOBS, SharedFolder, deployments
from engine.store import deeds, features, investigations, labellings, named, work
from engine.store.artifacts import Kept

DAYS = 30
CARDS = 50
DAYS_LEAST = 1  # what was stored a moment ago may not be written down yet


class Survey(Value):
    """The store: how much lies there, what nobody names, and folders of jobs that are over and forgotten.

    ``jobs`` lie on this host, ``shared`` ones, of a cluster, in the store.
    """

    url: str
    count: int
    bytes: int
    garbage: tuple[Kept, ...]
    jobs: tuple[str, ...]
    shared: tuple[Kept, ...] = ()

    @property
    def freed(self) -> int:
        """Bytes that collecting would free."""
        return sum(one.bytes for one in (*self.garbage, *self.shared))


def survey(desk: Desk, *, days: int = DAYS) -> Survey:
    """What is older than so many days and named by no row and by no job that is kept. Removes nothing.

    Raises ``Invalid`` for less than a day, ``Conflict`` where another deployment keeps its jobs in the store too.
    """
    if days < DAYS_LEAST:
        raise Invalid(
            f"days is {days}; at least {DAYS_LEAST}.", hint="What was stored just now is not written down yet."
        )
    _refuse_shared(desk)
    before = desk.services.clock.now() - timedelta(days=days)
    root = desk.services.settings.home / "jobs"
    folders = [path for path in sorted(root.iterdir()) if path.is_dir()] if root.is_dir() else []
    over = [path for path in folders if _is_over(path, days)]
    with desk.services.database.read() as tx:
        keep = named.artifact_ids(tx)
    for path in folders:
        if path not in over:
            keep |= _named_by(path)
    store = desk.services.artifacts
    shared = store.kept(JOBS)
    for one in shared:
        if one.touched_at >= before:
            keep |= named.ids_in(SharedFolder(store.url, one.name.removeprefix(f"{JOBS}/")).text())
    found = [one for one in store.kept() if one.name != JOBS]
    return Survey(
        url=store.url,
        count=len(found),
        bytes=sum(one.bytes for one in (*found, *shared)),
        garbage=tuple(one for one in found if _is_garbage(one, keep, before)),
        jobs=tuple(path.name for path in over),
        shared=tuple(one for one in shared if one.touched_at < before),
    )


def collect(desk: Desk, actor: Actor, *, days: int = DAYS) -> Survey:
    """Remove what ``survey`` finds; the same work done again finds nothing. Raises ``Conflict`` while a run is open."""
    with desk.services.database.read() as tx:
        open_runs = [run.run_id for run in (*investigations.open_runs(tx), *labellings.open_runs(tx))]
    if open_runs:
        raise Conflict(
            f"{open_runs[0]} is under way, and what its steps made is named by no row yet.",
            hint="Collect when it has ended. Nothing was removed.",
        )
    found = survey(desk, days=days)
    for name in found.jobs:  # first, so that no job is left that names what is gone
        shutil.rmtree(desk.services.settings.home / "jobs" / name, ignore_errors=True)
    for one in (*found.shared, *found.garbage):
        desk.services.artifacts.remove(one.name)
    with desk.services.database.write() as tx:
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "collect artifacts",
            entity="artifacts",
            entity_id=found.url[:200],
            after={"removed": len(found.garbage), "bytes": found.freed, "jobs": len(found.jobs) + len(found.shared)},
        )
    return found


def card(desk: Desk, name: str) -> str:
    """The model card of a candidate as Markdown, from its decision record; ``name`` begins its artifact's id.

    Raises ``NotFound`` for no candidate, ``Invalid`` for the beginning of several.
    """
    with desk.services.database.read() as tx:
        found = investigations.candidates_beginning(tx, name)
        if not found:
            raise NotFound(f"No candidate is stored as {name[:64]}.", hint="Which there are: assay artifacts --cards")
        if len(found) > 1:
            raise Invalid(f"{name[:64]} begins the ids of several candidates.", hint="Give more of its id.")
        facts = cards.of_candidate(tx, found[0])
    return cards.text(desk.services, facts)


def candidates(desk: Desk) -> list[tuple[str, str, str]]:
    """The newest trained candidates: artifact id, feature, and what each is in words."""
    with desk.services.database.read() as tx:
        return [
            (one.artifact, features.slug_of_run(tx, one.run_id), one.words) for one in investigations.trained(tx, CARDS)
        ]


def _refuse_shared(desk: Desk) -> None:
    with desk.services.database.read() as tx:
        own = work.deployment(tx).executor_id
    others = deployments(desk.services.artifacts.url) - {own}
    if others:
        raise Conflict(
            f"{min(others)} keeps its jobs in this store too, and this database does not say what it needs.",
            hint="Let each deployment have a folder of its own there (ASSAY_ARTIFACTS). Nothing was removed.",
        )


def _is_garbage(one: Kept, keep: set[str], before: datetime) -> bool:
    return one.touched_at < before and not keep & {one.name, one.name.lstrip(".").partition("-")[0]}


def _is_over(path: Path, days: int) -> bool:
    """Whether nobody has asked after a job for so long, and it does not run."""
    folder = JobFolder(path)
    asked = (
        min(age(one) for one in (folder.polled, folder.heartbeat) if one.exists()) if folder.polled.exists() else 0.0
    )
    return asked > days * 86_400.0 and not folder.is_alive()


def _named_by(path: Path) -> set[str]:
    found: set[str] = set()
    for name in ("spec.json", "result.json"):
        if (path / name).exists():
            found |= named.ids_in((path / name).read_text(encoding="utf-8", errors="replace"))
    return found
