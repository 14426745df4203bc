"""Keep what a usage API summed, by bucket, beside no call of the same days. Knows nothing of prices or formats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session, col, select

from engine.errors import Conflict
from engine.models.call import ALL_MODELS, SUMMED, BucketSum, CallRole, HourlyUsage, UsageBucket, UsageSum
from engine.models.feature import Feature

_DAY = timedelta(days=1)
_NONE = timedelta()


def put(tx: Session, feature_id: int, bucket: UsageBucket) -> bool:
    """Keep a bucket's sums; whether that changed anything.

    Of two versions of the same stretch the one that says more stays, so that neither order nor repetition matters.
    Raises ``Conflict`` where calls of that day are known, or the bucket cannot be told from what is kept.
    """
    _hold(tx, feature_id)
    day = bucket.start.astimezone(UTC).date()
    _refuse_calls(tx, feature_id, day)
    here = _kept(tx, feature_id, [day])
    projects = {one.project for one in bucket.sums}
    older = [
        row
        for row in here
        if row.endpoint == bucket.endpoint
        and row.project in projects
        and row.starts_at < bucket.end
        and row.ends_at > bucket.start
    ]
    if any(_is_cut(row, bucket) for row in older):
        raise Conflict(
            f"A bucket of {day} overlaps another that is kept, and holds only a part of it.",
            hint="Ask the usage API for whole days: bucket_width=1d, start_time at midnight UTC.",
        )
    if older and (_is_inside(older, bucket) or _size(older) >= _size(_rows(feature_id, bucket))):
        return False
    _refuse_mix(bucket, [row for row in here if row not in older], day)
    for row in older:
        tx.delete(row)
    tx.flush()
    tx.add_all(_rows(feature_id, bucket))
    tx.flush()
    return True


def of_days(tx: Session, feature_id: int, days: Iterable[date]) -> list[UsageBucket]:
    """All that is kept of these days (UTC)."""
    found: dict[tuple[str, datetime, datetime], list[UsageSum]] = defaultdict(list)
    for row in _kept(tx, feature_id, sorted(set(days))):
        found[(row.endpoint, row.starts_at, row.ends_at)].append(
            UsageSum(
                model=row.model,
                project=row.project,
                role=CallRole(row.role),
                is_batch=row.is_batch,
                calls=row.calls,
                input_tokens=row.tokens_in,
                cached_tokens=row.tokens_in_cached,
                output_tokens=row.tokens_out,
                billed_nano=row.billed_nano,
            )
        )
    return [
        UsageBucket(start=start, end=end, endpoint=name, sums=tuple(sums)) for (name, start, end), sums in found.items()
    ]


def refuse_summed(tx: Session, feature_id: int, days: Iterable[date]) -> None:
    """Raise ``Conflict`` where calls are to be counted on a day that is known as a sum: they are in it."""
    _hold(tx, feature_id)
    taken = sorted({row.starts_at.astimezone(UTC).date() for row in _kept(tx, feature_id, sorted(set(days)))})
    if taken:
        raise Conflict(
            f"Calls of {taken[0]} are known as a sum of OpenAI's usage API already: they would count twice.",
            hint="Count them into a feature of their own, or leave those days out. Sums and calls of a day never mix.",
        )


def _hold(tx: Session, feature_id: int) -> None:
    tx.exec(select(Feature.id).where(Feature.id == feature_id).with_for_update()).all()  # one writer per feature


def _kept(tx: Session, feature_id: int, days: Sequence[date]) -> list[BucketSum]:
    if not days:
        return []
    query = select(BucketSum).where(
        BucketSum.feature_id == feature_id,
        BucketSum.starts_at >= _midnight(days[0]),
        BucketSum.starts_at < _midnight(days[-1]) + _DAY,
    )
    wanted = set(days)
    rows = tx.exec(query.order_by(col(BucketSum.id)))
    return [row for row in rows if row.starts_at.astimezone(UTC).date() in wanted]


def _refuse_calls(tx: Session, feature_id: int, day: date) -> None:
    query = select(HourlyUsage.source).where(
        HourlyUsage.feature_id == feature_id,
        HourlyUsage.hour >= _midnight(day),
        HourlyUsage.hour < _midnight(day) + _DAY,
        ~col(HourlyUsage.source).startswith(SUMMED),
    )
    source = tx.exec(query.limit(1)).first()
    if source is not None:
        raise Conflict(
            f"Calls of {day} are counted already, from {source}; OpenAI's sums hold them too, and would count twice.",
            hint="Register a feature of its own for the sums, or ask for days before the first call.",
        )


def _is_cut(row: BucketSum, bucket: UsageBucket) -> bool:
    """Whether a kept bucket and this one each hold something that the other does not."""
    begins, ends = row.starts_at - bucket.start, row.ends_at - bucket.end
    return (begins < _NONE and ends < _NONE) or (begins > _NONE and ends > _NONE)


def _is_inside(older: Sequence[BucketSum], bucket: UsageBucket) -> bool:
    """Whether a wider bucket is kept that holds this one."""
    span = (bucket.start, bucket.end)
    return any(
        row.starts_at <= bucket.start and row.ends_at >= bucket.end and (row.starts_at, row.ends_at) != span
        for row in older
    )


def _refuse_mix(bucket: UsageBucket, others: Iterable[BucketSum], day: date) -> None:
    """Sums of all models (or projects) hold those of each: both together would count twice."""
    for row in others:
        alike = row.endpoint == bucket.endpoint
        if alike and (not row.project) != all(not one.project for one in bucket.sums):
            raise Conflict(
                f"Sums of {day} are known by project in one file and of all projects in another.",
                hint="Take one: the same group_by for every page, or --where project_id=proj_….",
            )
        if not alike and (row.model == ALL_MODELS) != all(one.model == ALL_MODELS for one in bucket.sums):
            raise Conflict(
                f"Usage and costs of {day} are told by model in one page and of all models in the other.",
                hint="Ask for usage with group_by=model and for costs with group_by=line_item, or for both without.",
            )


def _size(rows: Iterable[BucketSum]) -> tuple[int, int, int, int]:
    """How much a version of a bucket says: calls, tokens, money, and how finely."""
    told = list(rows)
    return (
        sum(row.calls for row in told),
        sum(row.tokens_in + row.tokens_out for row in told),
        sum(row.billed_nano for row in told),
        len(told),
    )


def _rows(feature_id: int, bucket: UsageBucket) -> list[BucketSum]:
    return [
        BucketSum(
            feature_id=feature_id,
            endpoint=bucket.endpoint,
            starts_at=bucket.start,
            ends_at=bucket.end,
            project=one.project,
            model=one.model,
            is_batch=one.is_batch,
            role=one.role,
            calls=one.calls,
            tokens_in=one.input_tokens,
            tokens_in_cached=one.cached_tokens,
            tokens_out=one.output_tokens,
            billed_nano=one.billed_nano,
        )
        for one in bucket.sums
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(tzinfo=UTC))
