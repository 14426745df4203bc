"""Write what is stored of features as files: the one door by which sealed rows leave, and it enters a deed."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from engine.approaches import Approach
from engine.approaches.registry import approach_of
from engine.desk import Desk
from engine.errors import Invalid, NotFound, Refused
from engine.flows.steps import card, drafts, release
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.investigation import RunState
from engine.models.labels import Label, Part
from engine.models.mail import Once
from engine.models.spool import Example, Stratum
from engine.store import deeds, examples, exports, features, investigations, labels, mail, policies, verdicts
from engine.store.database import Tx

Kind = Literal["export", "refused", "report"]
PACKED_BYTES = 500 * 10**6  # a file of Slack may have 1 GB
_PARTS = (Part.TRAIN, Part.DEV, Part.SEALED)


class Exported(Value):
    """What was written: the features, how many files, and their size in bytes."""

    folder: str
    slugs: tuple[str, ...]
    files: int
    size: int


class Packed(Value):
    """A file to hand over: its name and its bytes."""

    name: str
    content: bytes


def export(desk: Desk, actor: Actor, folder: Path, slug: str = "", *, sealed: bool = True) -> Exported:
    """Write everything stored of a feature, or of all, into a folder that is new or empty (docs/operate.md).

    Without ``sealed``, rows and predictions of the sealed part stay where they are, and records hold what leaves the
    seal: too little to decide again. Reads one moment of the database.
    Raises ``Refused`` for a folder that holds something, ``NotFound``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not empty.", hint="An export goes into a new or empty folder; nothing was written.")
    with desk.services.database.read() as tx:
        chosen = [features.by_slug(tx, slug)] if slug else features.every(tx)
        folder.mkdir(parents=True, exist_ok=True)
        for feature in chosen:
            _feature(tx, feature, folder / feature.slug, sealed=sealed)
            if facts := card.newest(tx, feature):
                text = card.text(desk.services, facts)
                (folder / feature.slug / "model_card.md").write_text(text, encoding="utf-8")
    done = _manifest(desk, folder, tuple(feature.slug for feature in chosen))
    with desk.services.database.write() as tx:
        for feature in chosen:
            deeds.record(
                tx,
                desk.services.clock,
                actor,
                "export",
                entity="feature",
                entity_id=feature.slug,
                feature_id=feature.id,
                after={"sealed": sealed, "files": done.files},
            )
    return done


def ask(desk: Desk, actor: Actor, kind: Kind, name: str, *, once: Once | None = None) -> str:
    """Have a file made and sent to who asked, in a direct message; the slug it is about. Raises ``NotFound``."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        slug = _slug(tx, kind, name)
        payload = {"kind": kind, "name": name, "slug": slug, "person": actor.id, "channel": actor.channel}
        mail.enqueue_post(tx, desk.services.clock, actor.id, mail.FILE, payload=payload)
        return slug


def packed(desk: Desk, actor: Actor, slug: str) -> Packed:
    """Everything stored of a feature but the sealed part, as one zip. Raises as ``export``, ``Invalid`` over 500 MB."""
    with tempfile.TemporaryDirectory() as folder:
        done = export(desk, actor, Path(folder) / slug, slug, sealed=False)
        if done.size > PACKED_BYTES:
            raise Invalid(
                f"The export of {slug} has {done.size // 10**6:,} MB, more than goes through Slack.",
                hint=f"On the engine host: assay export DIR {slug}",
            )
        whole = shutil.make_archive(str(Path(folder) / "packed"), "zip", Path(folder) / slug)
        name = f"{slug}-{desk.services.clock.now():%Y-%m-%d}.zip"
        return Packed(name=name, content=Path(whole).read_bytes())


def refused_rows(desk: Desk, token: str) -> Packed:
    """Every refused row of an upload, with its reason, as CSV. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        draft = labels.draft(tx, token)
    if draft is None:
        raise NotFound("There is no such upload.", hint="Send the file again: /assay labels SLUG")
    stem = Path(draft.filename).stem or "labels"
    return Packed(name=f"{stem}-refused.csv", content=drafts.refused(desk.services, draft.artifact))


def _slug(tx: Tx, kind: Kind, name: str) -> str:
    if kind == "export":
        return features.by_slug(tx, name).slug
    draft = labels.draft(tx, name) if kind == "refused" else None
    slug = features.by_id(tx, draft.feature_id).slug if draft else features.slug_of_run(tx, name)
    if not slug:
        raise NotFound("There is nothing like that any more.", hint="What there is: /assay features")
    return slug


def _feature(tx: Tx, feature: Feature, folder: Path, *, sealed: bool) -> None:
    folder.mkdir()
    feature_id = feature.id or 0
    _json(folder / "feature.json", _described(tx, feature))
    parts = [part for part in _PARTS if sealed or part is not Part.SEALED]
    for label_set in labels.versions(tx, feature_id):
        rows = exports.labelled(tx, label_set, sealed=sealed)
        _lines(folder / f"labels-{label_set.name}.jsonl", (_label(row, approach_of(feature.approach)) for row in rows))
    _lines(folder / "runs.jsonl", _runs(tx, feature_id))
    _lines(folder / "predictions.jsonl", _predictions(tx, feature, {part.value for part in parts}))
    stored = [verdict.record for verdict in verdicts.of_feature(tx, feature_id)]
    records = stored if sealed else [release.of_record(record) for record in stored]
    _lines(folder / "verdicts.jsonl", records)
    if records:
        _json(folder / "verdict.json", records[-1])
    _lines(folder / "usage_hourly.jsonl", exports.hourly(tx, feature_id, feature.slug))
    _lines(folder / "examples.jsonl", _examples(tx, feature_id))


def _described(tx: Tx, feature: Feature) -> dict[str, Any]:
    baseline = features.baseline(tx, feature.id or 0)
    return {
        **feature.model_dump(mode="json", exclude={"id", "version", "labels", "output_schema"}),
        "labels": feature.labels,
        "schema": feature.output_schema,
        "baseline": baseline.model_dump(mode="json", exclude={"id", "feature_id"}),
        "traffic": asdict(policies.traffic(tx, feature.id)),
    }


def _label(row: Label, approach: Approach) -> dict[str, Any]:
    return {
        "id": row.row_id,
        "input": row.input,
        "output": approach.told(row.output),
        "split": row.part,
        "group": row.group,
        "source": row.source,
        "minutes": row.minutes,
        **({"rejected": row.rejected} if row.rejected else {}),
    }


def _runs(tx: Tx, feature_id: int) -> Iterator[dict[str, Any]]:
    for run in sorted(investigations.of_feature(tx, feature_id), key=lambda one: one.id or 0):
        name = labels.by_id(tx, run.label_set_id).name if run.label_set_id is not None else None
        yield {
            "run": run.run_id,
            "state": run.state,
            "effort": run.effort,
            "budget_usd": run.budget_nano / 1e9,
            "labels_version": name,
            "started_at": exports.moment(run.started_at),
            "finished_at": exports.moment(run.finished_at),
            "reason": run.reason,
        }


def _predictions(tx: Tx, feature: Feature, parts: set[str]) -> Iterator[dict[str, Any]]:
    approach = approach_of(feature.approach)
    finished = [run for run in investigations.of_feature(tx, feature.id or 0) if run.state is RunState.DONE]
    newest = max(finished, key=lambda run: run.id or 0, default=None)
    for row, said in exports.predictions(tx, newest.run_id) if newest is not None else ():
        if said.part.value in parts:
            yield {
                "run": said.run_id,
                "id": row.row_id,
                "split": said.part,
                "contender": said.contender,
                "output": approach.told(said.output) if said.valid else said.output,
                "correct": said.correct,
                "valid": said.valid,
                "score": said.score,
            }


def _examples(tx: Tx, feature_id: int) -> Iterator[dict[str, Any]]:
    answered = exports.answers_by_day(tx, feature_id)
    rows = list(examples.of_feature(tx, feature_id))
    kept = Counter(row.day for row in rows if row.stratum is Stratum.RANDOM)
    for row in rows:
        body = examples.body_of(row)
        yield {
            "id": _call(row),
            "ts": exports.moment(row.at),
            "served": row.served,
            "model": row.model,
            "stratum": row.stratum,
            # A fair draw stands for all calls of its day; the other strata are no sample of anything.
            "weight": max(answered.get(row.day, 0) / kept[row.day], 1.0) if row.stratum is Stratum.RANDOM else None,
            "input": body.get("input"),
            "output": body.get("output"),
        }


def _call(row: Example) -> str:
    """A call's id as its product was told it; ids of other products are kept as a hash."""
    return str(uuid.UUID(row.call)) if row.call[12] == "7" else row.call


def _manifest(desk: Desk, folder: Path, slugs: tuple[str, ...]) -> Exported:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [
        {"path": str(path.relative_to(folder)), "size": path.stat().st_size, "sha256": _sha(path)} for path in paths
    ]
    told = {"assay": version("assay"), "at": exports.moment(desk.services.clock.now()), "files": listed}
    _json(folder / "manifest.json", told)
    return Exported(folder=str(folder), slugs=slugs, files=len(paths), size=sum(path.stat().st_size for path in paths))


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(path: Path, body: dict[str, Any]) -> None:
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def _lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
