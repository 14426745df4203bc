"""Have a teacher label captured texts: quoted first, under a hard cap, one labelling per feature at a time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from engine.desk import Desk
from engine.errors import Conflict, Invalid, NotReady
from engine.evals.rows import DatasetRow
from engine.flows.durable import Queue
from engine.flows.steps import labelling as steps
from engine.flows.steps import quoted
from engine.flows.steps.quoted import Quoted
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import Baseline, Feature, is_simulated
from engine.models.investigation import OPEN_STATES, RunState
from engine.models.labelling import Labelling
from engine.models.mail import Once
from engine.models.money import from_usd, to_usd
from engine.store import deeds, features, labellings, labels, mail, replies, work
from engine.store.database import Tx
from engine.teachers import prices

DEFAULT_BUDGET_USD = 20.0
BUDGET_MOST_USD = 100_000.0
SAMPLE_MOST = 5_000
_RUN_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: ids are read aloud and typed


class TeacherQuote(Value):
    """What a teacher's labelling would cost, before anything is spent. ``usd`` is a forecast, the budget a hard cap.

    ``known`` rows are answered and paid for already, and it was measured by ``probes`` of those replies, 0 where they
    are too few and tokens are told from characters; prices are US dollars per million tokens. ``batch``: the Batch API
    is wanted, which would cost ``batch_usd``, none where the texts are too few for it.
    """

    slug: str
    model: str
    place: str
    simulated: bool
    is_baseline: bool
    sample: int
    rows: int
    known: int
    tokens_in: int
    tokens_out: int
    usd: float
    probes: int = 0
    budget_usd: float
    input_usd: float
    output_usd: float
    price_snapshot: str
    rights: str
    batch: bool = False
    batch_usd: float | None = None
    open_run: str = ""


class LabellingView(Value):
    """A teacher's labelling as people see it: how far it is, what came back, what it cost, what it made.

    ``quoted`` is what it will cost in all by its first replies, none before there are enough.
    """

    run_id: str
    slug: str
    state: RunState
    model: str
    simulated: bool
    is_baseline: bool
    sample: int
    drawn: int
    asked: int
    counts: dict[str, int | str]
    spent_usd: float
    paid_calls: int
    quoted: Quoted | None = None
    budget_usd: float
    rights: str
    requested_by: str
    channel: str = ""
    reason: str = ""
    version: str = ""
    added: int = 0
    total: int = 0
    lost_since: str = ""
    existed: bool = False
    number: int = 1


def quote(
    desk: Desk,
    slug: str,
    *,
    sample: int,
    teacher: str = "",
    budget_usd: float = DEFAULT_BUDGET_USD,
    rights: str = "",
    batch: bool = False,
) -> TeacherQuote:
    """Say what would be asked and what it would cost.

    Raises ``Invalid`` for a sample or budget out of range, ``NotReady`` where no text is left, nobody knows the
    teacher's price, or the right to train on its answers is not recorded.
    """
    _check(slug, sample, budget_usd)
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        baseline = features.baseline(tx, feature.id or 0)
        asked = _labelling(feature, baseline, sample=sample, teacher=teacher, budget_usd=budget_usd, rights=rights)
        asked.batch = batch
        known = labellings.open_of(tx, feature.id or 0)
        return _quote(desk, tx, feature, baseline, asked=asked, open_run=known.run_id if known else "")


def start(
    desk: Desk,
    actor: Actor,
    slug: str,
    *,
    sample: int,
    teacher: str = "",
    budget_usd: float = DEFAULT_BUDGET_USD,
    rights: str = "",
    batch: bool = False,
    once: Once | None = None,
) -> LabellingView:
    """Start a labelling, or give back the open one (``existed``). Raises as ``quote`` does."""
    _check(slug, sample, budget_usd)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        known = labellings.open_of(tx, feature.id or 0)
        if known is not None:
            return _view(desk, tx, known).model_copy(update={"existed": True})
        baseline = features.baseline(tx, feature.id or 0)
        asked = _labelling(feature, baseline, sample=sample, teacher=teacher, budget_usd=budget_usd, rights=rights)
        asked.batch = batch
        quoted = _quote(desk, tx, feature, baseline, asked=asked)
        asked.requested_by, asked.channel = actor.id, actor.channel or feature.channel
        asked.created_at, asked.price_snapshot = desk.services.clock.now(), quoted.price_snapshot
        labelling = labellings.add(tx, asked)
        queue = Queue.WAITING if batch else Queue.HEAVY  # a batch may take a day, and no device
        desk.durable.enqueue(tx, "label", labelling.run_id, {"run_id": labelling.run_id}, queue=queue)
        after = {"model": labelling.model, "rows": quoted.rows, "budget_usd": budget_usd, "rights": labelling.rights}
        _deed(desk, tx, actor, "ask a teacher", labelling=labelling, after=after)
        _tell(desk, tx, labelling)
        return _view(desk, tx, labelling)


def show(desk: Desk, run_id: str) -> LabellingView:
    """A labelling by its id. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _view(desk, tx, labellings.by_run(tx, run_id))


def cancel(desk: Desk, actor: Actor, run_id: str, *, once: Once | None = None) -> LabellingView:
    """Ask the engine to end a labelling; a queued one ends at once. Raises ``Conflict`` when it has ended."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        labelling = labellings.alone(tx, run_id)
        if labelling.state not in OPEN_STATES:
            raise Conflict(f"{run_id} has ended already ({labelling.state}). Nothing was changed.")
        labelling.cancel_requested = True
        if labelling.state is RunState.QUEUED:
            now = desk.services.clock.now()
            labellings.end(tx, labelling, RunState.CANCELLED, reason="Cancelled before it began.", at=now)
        _deed(desk, tx, actor, "cancel", labelling=labelling, after={"state": labelling.state})
        _tell(desk, tx, labelling)
        return _view(desk, tx, labelling)


def _labelling(
    feature: Feature, baseline: Baseline, *, sample: int, teacher: str, budget_usd: float, rights: str
) -> Labelling:
    """The row, not yet stored. Raises ``NotReady`` without a recorded right to train on a teacher's answers."""
    granted = rights.strip() or feature.rights.strip()
    if not granted:
        raise NotReady(
            f"Nothing is recorded about the right to train on a teacher's answers for {feature.slug}. Providers' terms "
            "and your customers' contracts decide that, and Assay keeps who said so.",
            hint=f'Say it: /assay labels {feature.slug} sample={sample} rights="our contract with … allows it"',
        )
    return Labelling(
        run_id="lab-" + "".join(secrets.choice(_RUN_ALPHABET) for _ in range(8)),
        feature_id=feature.id or 0,
        open_feature_id=feature.id,
        sample=sample,
        model=teacher.strip() or baseline.model,
        baseline_id=baseline.id or 0,
        budget_nano=from_usd(budget_usd),
        rights=granted,
        requested_by="",
        created_at=feature.registered_at,
    )


def _quote(
    desk: Desk, tx: Tx, feature: Feature, baseline: Baseline, *, asked: Labelling, open_run: str = ""
) -> TeacherQuote:
    price = quoted.price_of_teacher(tx, desk.services, feature, asked=asked, baseline=baseline)
    texts = steps.texts(tx, feature, asked.sample)
    if not texts:
        raise steps.none_left(feature.slug)
    spec = steps.asking(asked, feature, baseline)
    rows = [DatasetRow(id=row.id, input=row.input, output="") for row in texts]
    shown = [
        DatasetRow(id=row.row_id, input=row.input, output=row.output)
        for row in steps.examples_shown(tx, feature.id or 0)
    ]
    by = quoted.of_earlier(tx, asked)
    found = quoted.of_questions(tx, feature, spec, rows=rows, shown=shown, price=price, by=by)
    return TeacherQuote(
        slug=feature.slug,
        model=asked.model,
        place=baseline.base_url.split("//")[-1].split("/")[0].rpartition("@")[2],
        simulated=is_simulated(asked.model),
        is_baseline=asked.model == baseline.model,
        sample=asked.sample,
        rows=len(rows),
        known=found.known,
        tokens_in=found.tokens_in,
        tokens_out=found.tokens_out,
        usd=found.usd,
        probes=found.probes,
        budget_usd=to_usd(asked.budget_nano),
        input_usd=to_usd(price.input),
        output_usd=to_usd(price.output),
        price_snapshot=prices.snapshot_id(tx, desk.services.clock.now().date()),
        rights=asked.rights,
        batch=asked.batch,
        batch_usd=quoted.by_batch(tx, desk.services, asked.model, found),
        open_run=open_run,
    )


def _check(slug: str, sample: int, budget_usd: float) -> None:
    if not 1 <= sample <= SAMPLE_MOST:
        raise Invalid(
            f"sample is {sample:,}; it must be 1 to {SAMPLE_MOST:,} texts.",
            hint=f"For example: /assay labels {slug} sample=500",
        )
    if not 0 < budget_usd <= BUDGET_MOST_USD:
        raise Invalid(
            f"budget is {budget_usd:,.10g}; it must be above 0 and at most {BUDGET_MOST_USD:,.0f} US dollars.",
            hint=f"For example: /assay labels {slug} sample={sample} budget=20",
        )


def _view(desk: Desk, tx: Tx, labelling: Labelling) -> LabellingView:
    baseline = features.baseline_by_id(tx, labelling.baseline_id)
    made = labels.by_id(tx, labelling.label_set_id) if labelling.label_set_id else None
    paid = replies.bill(tx, labelling.run_id)
    is_open = labelling.state in OPEN_STATES
    return LabellingView(
        run_id=labelling.run_id,
        slug=features.by_id(tx, labelling.feature_id).slug,
        state=labelling.state,
        model=labelling.model,
        simulated=is_simulated(labelling.model),
        is_baseline=labelling.model == baseline.model,
        sample=labelling.sample,
        drawn=labelling.drawn,
        asked=labelling.asked,
        counts=labelling.counts,
        spent_usd=to_usd(paid.nano_usd),
        paid_calls=paid.paid_calls,
        quoted=Quoted.model_validate(labelling.quoted) if labelling.quoted else None,
        budget_usd=to_usd(labelling.budget_nano),
        rights=labelling.rights,
        requested_by=labelling.requested_by,
        channel=labelling.channel,
        reason=labelling.reason,
        version=made.name if made else "",
        added=made.added if made else 0,
        total=made.rows if made else 0,
        lost_since=work.silent_since(tx, "engine", desk.services.clock.now()) if is_open else "",
        number=labelling.version,
    )


def _tell(desk: Desk, tx: Tx, labelling: Labelling) -> None:
    labelling.version += 1
    tx.add(labelling)
    mail.enqueue_projection(
        tx, desk.services.clock, "labelling", labelling.run_id, kind=steps.CARD, channel=labelling.channel
    )


def _deed(desk: Desk, tx: Tx, actor: Actor, verb: str, *, labelling: Labelling, after: Mapping[str, object]) -> None:
    deeds.record(
        tx, desk.services.clock, actor, verb,
        entity="labelling", entity_id=labelling.run_id, feature_id=labelling.feature_id, after=after,
    )  # fmt: skip
