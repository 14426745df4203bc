"""Labels in: a file is read and previewed, stored at Confirm as the next version, and sealed before any training.

What a draft keeps is already redacted; the bytes a person sent are never written (SECURITY.md).
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from engine.approaches import Task
from engine.desk import Desk
from engine.errors import Conflict, NotAllowed, NotFound
from engine.flows.steps import drafts, uploads, versions
from engine.importers.labels import ParsedLabels, read_labels
from engine.models.actor import Actor, Role, mentions
from engine.models.base import Value
from engine.models.call import BadRow
from engine.models.labels import Draft, LabelRow, LabelSet, Part, Provenance, Source, UploadCheck
from engine.models.mail import Once
from engine.rules.split import Placement
from engine.rules.uploads import about, rows_missing
from engine.store import features, labels, mail, policies, roles
from engine.store.database import Tx
from engine.teachers.forecast import CHARACTERS_A_TOKEN
from engine.train.profile import MAX_TOKENS

SHOWN_BAD = 20  # docs/labels.md: a summary after that many
DRAFT_LIFE = timedelta(hours=24)
COMMAND_LINE_BYTES = 2 * 1000**3


class DraftView(Value):
    """An upload as people see it: ``state`` is open, confirmed, cancelled or expired; ``unchanged``: no row was new."""

    token: str
    slug: str
    filename: str
    rows: int
    bad: tuple[str, ...] = ()
    bad_count: int = 0
    classes: tuple[tuple[str, int], ...] = ()
    duplicates: int = 0
    copies_of_sealed: int = 0
    redacted: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    state: str = "open"
    version: str = ""
    total: int = 0
    train: int = 0
    dev: int = 0
    sealed: int = 0
    unchanged: bool = False
    needed: int = 0  # rows an investigation still lacks
    number: int = 1


class LabelsView(Value):
    """A feature's labels: the newest version, its parts, and how many rows an investigation still needs."""

    slug: str
    version: str = ""
    rows: int = 0
    classes: tuple[tuple[str, int], ...] = ()
    train: int = 0
    dev: int = 0
    sealed: int = 0
    sources: tuple[tuple[str, int], ...] = ()
    needed: int = 0
    next_step: str = ""


def show(desk: Desk, slug: str) -> LabelsView:
    """The labels of a feature. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        label_set = labels.newest_or_none(tx, feature.id or 0)
        counts = labels.parts(tx, label_set.id if label_set else None)
        needed = _needed(tx, feature.id or 0, label_set, counts)
        if label_set is None:
            return LabelsView(slug=slug, needed=needed, next_step=f"/assay labels {slug}")
        return LabelsView(
            slug=slug,
            version=label_set.name,
            rows=label_set.rows,
            classes=tuple(labels.classes(tx, label_set.id or 0).items()) if feature.labels else (),
            train=counts[Part.TRAIN],
            dev=counts[Part.DEV],
            sealed=counts[Part.SEALED],
            sources=tuple(labels.sources(tx, label_set.id or 0).items()),
            needed=needed,
            next_step=f"/assay {'labels' if needed else 'investigate'} {slug}",
        )


def preview(
    desk: Desk,
    actor: Actor,
    slug: str,
    filename: str,
    *,
    content: bytes,
    columns: Mapping[str, str] | None = None,
    once: Once | None = None,
) -> DraftView:
    """Read a file and keep its good rows until Confirm; nothing is stored as labels yet.

    ``columns`` are the file's own names for ours (input, output, group), where it has others.

    Raises ``Invalid`` for a file that is refused whole.
    """
    task, feature_id = _task(desk, slug)
    parsed = read_labels(filename, content, task, feature=slug, columns=columns)
    artifact = drafts.keep(desk.services, parsed)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        placement = versions.placed(tx, feature_id, parsed.rows)
        versions.refuse_one_class_of(tx, feature_id, parsed.rows, placement)
        draft = labels.add_draft(
            tx,
            Draft(
                token=secrets.token_urlsafe(16),
                feature_id=feature_id,
                by=actor.id,
                channel=actor.channel,
                filename=filename,
                artifact=artifact,
                check=_check(tx, feature_id, filename, parsed, placement=placement).model_dump(mode="json"),
                created_at=desk.services.clock.now(),
            ),
        )
        mail.enqueue_projection(tx, desk.services.clock, "draft", draft.token, kind="card", channel=actor.channel)
        return _view(desk, tx, draft)


def confirm(desk: Desk, actor: Actor, token: str, *, once: Once | None = None) -> DraftView:
    """Store a draft's rows as the next version; confirmed twice is stored once.

    Raises ``NotFound``, ``NotAllowed`` for somebody who neither sent the file nor owns the feature, ``Conflict`` for a
    draft that was cancelled or is older than a day.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        draft = _open_draft(desk, tx, actor, token)
        if draft.state == "open":
            _store(desk, tx, actor, draft, rows=drafts.rows(desk.services, draft.artifact))
        return _view(desk, tx, draft)


def cancel(desk: Desk, actor: Actor, token: str, *, once: Once | None = None) -> DraftView:
    """Drop a draft; nothing of it is stored. Raises as ``confirm`` does."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        draft = _open_draft(desk, tx, actor, token)
        if draft.state == "open":
            _settle(desk, tx, draft, "cancelled")
        return _view(desk, tx, draft)


def import_file(desk: Desk, actor: Actor, slug: str, filename: str, *, content: bytes) -> DraftView:
    """Read and store a file at once: on the command line the words are the consent."""
    seen = preview(desk, actor, slug, filename, content=content)
    return confirm(desk, actor, seen.token)


def draft(desk: Desk, token: str) -> DraftView:
    """An upload by its token. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _view(desk, tx, _draft(tx, token))


def _task(desk: Desk, slug: str) -> tuple[Task, int]:
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        return Task.of(feature), feature.id or 0


def _store(desk: Desk, tx: Tx, actor: Actor, draft: Draft, *, rows: list[LabelRow]) -> None:
    feature = features.by_id(tx, draft.feature_id)
    made = Provenance(by=actor.id, filename=draft.filename, rights=feature.rights)
    label_set = versions.store(tx, desk.services, feature, rows, actor=actor, made=made)
    draft.label_set_id = label_set.id if label_set else None
    _settle(desk, tx, draft, "confirmed")


def _settle(desk: Desk, tx: Tx, draft: Draft, state: str) -> None:
    draft.state = state
    draft.version += 1
    tx.add(draft)
    mail.enqueue_projection(tx, desk.services.clock, "draft", draft.token, kind="card", channel=draft.channel)


def _draft(tx: Tx, token: str) -> Draft:
    found = labels.draft(tx, token)
    if found is None:
        raise NotFound("There is no such upload.", hint="Send the file again: /assay labels SLUG")
    return found


def _open_draft(desk: Desk, tx: Tx, actor: Actor, token: str) -> Draft:
    found = _draft(tx, token)
    features.alone(tx, found.feature_id)
    tx.refresh(found)
    slug = features.by_id(tx, found.feature_id).slug
    owners = roles.people(tx, Role.OWNER, found.feature_id)
    if actor.id not in (found.by, *owners) and actor.role is not Role.OPERATOR:
        who = tuple(dict.fromkeys((found.by, *owners)))
        named = mentions(who)
        raise NotAllowed(
            "Only who sent this file, or an owner of the feature, decides about it.", hint=f"Ask {named}.", people=who
        )
    if _state(desk, found) == "expired":
        raise Conflict("This upload is older than a day and was dropped.", hint=f"Send it again: /assay labels {slug}")
    return found


def _check(tx: Tx, feature_id: int, filename: str, parsed: ParsedLabels, *, placement: Placement) -> UploadCheck:
    left = [BadRow(line=one.line, reason=one.reason) for one in placement.left]
    bad = sorted([*parsed.bad, *left], key=lambda row: row.line)
    rows = [parsed.rows[one.index] for one in placement.placed]
    listed = features.by_id(tx, feature_id).labels
    classes = dict(Counter(row.output for row in rows).most_common()) if listed else {}
    return UploadCheck(
        filename=filename,
        good=len(rows),
        bad=bad[:SHOWN_BAD],
        bad_rows=len(bad),
        already_known=placement.known,
        duplicates=parsed.duplicates,
        classes=classes,
        redactions=parsed.redactions,
        forgiven=parsed.forgiven,
        template=placement.template,
        copies_of_sealed=sum("sealed row" in one.reason for one in placement.left),
        thin=_thin(tx, feature_id, classes),
        class_rows=policies.current(tx, feature_id).readiness.class_rows,
        long_rows=sum(len(row.input) > MAX_TOKENS * CHARACTERS_A_TOKEN for row in rows),
        context=MAX_TOKENS,
        taught=sum(row.source is Source.TEACHER for row in rows),
        minutes=sum(row.minutes for row in rows),
        rejected=sum(bool(row.rejected) for row in rows),
    )


def _thin(tx: Tx, feature_id: int, arriving: Mapping[str, int]) -> dict[str, int]:
    """Labels of the list with few rows in the version that would result, the fewest first."""
    newest = labels.newest_or_none(tx, feature_id)
    stored = labels.classes(tx, newest.id or 0) if newest else {}
    counts = {name: stored.get(name, 0) + arriving.get(name, 0) for name in features.by_id(tx, feature_id).labels}
    least = policies.current(tx, feature_id).readiness.class_rows
    return {name: count for name, count in sorted(counts.items(), key=lambda pair: pair[1]) if count < least}


def _state(desk: Desk, draft: Draft) -> str:
    is_old = desk.services.clock.now() - draft.created_at > DRAFT_LIFE
    return "expired" if draft.state == "open" and is_old else draft.state


def _view(desk: Desk, tx: Tx, draft: Draft) -> DraftView:
    found = UploadCheck.model_validate(draft.check)
    stored = tx.get_one(LabelSet, draft.label_set_id) if draft.label_set_id else None
    label_set = stored or labels.newest_or_none(tx, draft.feature_id)  # an upload with nothing new: what there is
    counts = labels.parts(tx, label_set.id if label_set else None)
    return DraftView(
        token=draft.token,
        slug=features.by_id(tx, draft.feature_id).slug,
        filename=draft.filename,
        rows=found.good,
        bad=tuple(row.sentence() for row in found.bad),
        bad_count=found.bad_rows,
        classes=tuple(found.classes.items()),
        duplicates=found.duplicates,
        copies_of_sealed=found.copies_of_sealed,
        redacted=tuple(sorted(found.redactions.items())),
        warnings=tuple(found.warnings()),
        state=_state(desk, draft),
        version=label_set.name if label_set else "",
        total=label_set.rows if label_set else 0,
        train=counts[Part.TRAIN],
        dev=counts[Part.DEV],
        sealed=counts[Part.SEALED],
        unchanged=not found.good or (draft.state == "confirmed" and stored is None),
        needed=_needed(tx, draft.feature_id, label_set, counts),
        number=draft.version,
    )


def _needed(tx: Tx, feature_id: int, label_set: LabelSet | None, counts: dict[Part, int]) -> int:
    policy = policies.current(tx, feature_id).evaluation
    parting = uploads.parting(tx, feature_id, label_set.id if label_set else None)
    return about(rows_missing(counts[Part.TRAIN], counts[Part.SEALED], sum(counts.values()), policy, parting))
