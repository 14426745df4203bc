"""What products tell us afterwards: how good an answer was, and calls they made to a model by themselves."""

from __future__ import annotations

import math
import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from engine.gateway.call import call_id
from engine.gateway.caller import Refusal
from engine.gateway.record import Parts
from engine.gateway.request import closed
from engine.gateway.routes import Route, Snapshot
from engine.rules.bucket import variant
from engine.rules.frame import Arm, Flag, Frame, Source, Why, call_bytes, name_hash
from engine.rules.redact import redact_row

ROWS_MOST = 1000
_Count = Annotated[int, Field(ge=0, lt=2**31)]


class _Told(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Feedback(_Told):
    """A verdict on one call: a score from -1 to 1, what the answer should have been, or words."""

    call: str = Field(min_length=1, max_length=256)
    score: float | None = Field(default=None, ge=-1, le=1)
    label: str | None = Field(default=None, max_length=1000)
    comment: str | None = Field(default=None, max_length=4000)


class Exposure(_Told):
    """A call that a product made by itself, on the side it was told by the flag."""

    feature: str
    variant: Literal["baseline", "tuned"]
    unit: str = Field(default="", max_length=1000)
    call: str = Field(default="", max_length=256)
    model: str = Field(default="", max_length=200)
    input_tokens: _Count | None = None
    cached_tokens: _Count | None = None
    output_tokens: _Count | None = None
    latency_ms: float | None = Field(default=None, ge=0)
    status: int = Field(default=200, ge=100, le=599)


def take_feedback(parts: Parts, opens: tuple[str, ...], raw: bytes) -> None:
    """Put a verdict on record; whether the call exists, and is the sender's, is found out later. Raises ``Refusal``."""
    try:
        told = Feedback.model_validate_json(raw)
    except ValidationError as error:
        raise Refusal(422, "bad_feedback", _first(error)) from None
    if told.score is None and not told.label and not told.comment:
        raise Refusal(422, "bad_feedback", "Feedback needs a score (-1 to 1), a label or a comment.")
    label, comment = redact_row([told.label or "", told.comment or ""]).texts
    parts.spool.event(
        {
            "kind": "feedback",
            "at_ms": time.time_ns() // 1_000_000,
            "id": call_bytes(told.call).hex(),
            "features": list(opens),
            "score": told.score,
            "label": label or None,
            "comment": comment or None,
        }
    )
    parts.counts[("feedback",)] += 1


def take_exposures(parts: Parts, snapshot: Snapshot, opens: tuple[str, ...], raw: bytes) -> dict[str, int]:
    """Put a product's own calls on record, all or none; how many, and how many were not on the side of their bucket.

    Raises ``Refusal`` naming the first row that is wrong.
    """
    try:
        rows = TypeAdapter(list[Exposure]).validate_json(raw if raw.lstrip()[:1] == b"[" else b"[" + raw + b"]")
    except ValidationError as error:
        raise Refusal(422, "bad_exposure", _first(error)) from None
    if len(rows) > ROWS_MOST:
        raise Refusal(422, "bad_exposure", f"{len(rows)} exposures at once; at most {ROWS_MOST:,} are taken.")
    for row in rows:
        if row.feature not in opens:
            raise closed(row.feature, opens)
    frames = [_frame(parts, row, snapshot.features[row.feature]) for row in rows]
    if frames:
        parts.spool.append(frames)
    mismatches = sum(bool(frame.flags & Flag.MISMATCH) for frame in frames)
    parts.counts[("exposures",)] += len(frames)
    parts.counts[("mismatches",)] += mismatches
    return {"accepted": len(frames), "mismatch": mismatches}


def _frame(parts: Parts, row: Exposure, route: Route) -> Frame:
    name = parts.spool.name
    at_ms = time.time_ns() // 1_000_000
    call = call_bytes(row.call) if row.call else call_id(at_ms)
    splits = route.splits and route.share > 0
    side = variant(route.salt, row.unit, route.share) if splits and row.unit else "baseline"
    differs = side != row.variant and (bool(row.unit) or not splits)
    flags = (Flag.MISMATCH if differs else Flag(0)) | (Flag(0) if row.unit else Flag.UNIT_IS_CALL)
    return Frame(
        id=call,
        at_ms=at_ms,
        feature=name(row.feature),
        model_asked=parts.spool.foreign_name(row.model),
        model_served=parts.spool.foreign_name(row.model),
        stage=name(route.stage),
        unit=name_hash(row.unit or call.hex()),
        tokens_in=-1 if row.input_tokens is None else row.input_tokens,
        tokens_in_cached=-1 if row.cached_tokens is None else row.cached_tokens,
        tokens_out=-1 if row.output_tokens is None else row.output_tokens,
        latency_us=-1 if row.latency_ms is None else math.floor(min(row.latency_ms, 2e6) * 1000),
        share=route.share if splits else 0.0,
        status=row.status,
        why=Why.OVERRIDE if differs else Why.SPLIT if splits else Why.SHARE0,
        assigned=Arm[side.upper()] if row.unit else Arm[row.variant.upper()],
        served=Arm[row.variant.upper()],
        source=Source.EXPOSURE,
        flags=int(flags),
    )


def _first(error: ValidationError) -> str:
    """The first mistake in words: where, and what; never what was sent."""
    found = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in found["loc"])
    return f"{f'{where}: ' if where else ''}{found['msg']}."
