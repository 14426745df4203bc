"""Write the model card of a candidate from its decision record: what may leave the seal, and nothing else.

An artifact is named by the hash of its files, so the card it was stored with never changes; this one stands beside it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import Field

from engine.errors import AssayError
from engine.flows.steps import release
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.investigation import Candidate
from engine.models.verdict import Outcome
from engine.services import Services
from engine.store import features, investigations, labels, verdicts
from engine.store.database import Tx

_SHIPS = (Outcome.SHIP_BETTER, Outcome.SHIP_CHEAPER)
_BASES = ("encoder.json", "decoder.json")


class Card(Value):
    """What a model card tells. ``quality`` holds fractions, rounded as they may leave the seal; empty without any."""

    artifact: str
    contender: str
    slug: str
    approach: str
    run_id: str
    verdict: str = ""
    ships: bool = False
    is_chosen: bool = False
    decided_on: str = ""
    dev_score: float | None = None
    seeds: dict[str, Any] = Field(default_factory=dict[str, Any])
    quality: dict[str, Any] = Field(default_factory=dict[str, Any])
    prompted: str = ""
    latency_p50_ms: float | None = None
    labels_version: str = ""
    rights: str = ""
    parts: dict[str, int] = Field(default_factory=dict[str, int])
    base: str = ""
    rung: str
    words: str = ""
    seed: int = 0
    settings: tuple[tuple[str, Any], ...] = ()
    code_version: str = ""
    policy_hash: str = ""
    look: int | None = None
    classes: tuple[str, ...] = ()
    alarm: str = ""
    reasons: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()


def text(services: Services, card: Card) -> str:
    """The card as Markdown; the base is what the artifact itself says it stands on."""
    full = card.model_copy(update={"base": _base(services, card.artifact)})
    return _templates().get_template("model_card.md.j2").render(card=full).strip() + "\n"


def of_candidate(tx: Tx, candidate: Candidate) -> Card:
    """The facts of a candidate's card, inside a transaction."""
    run = investigations.by_run(tx, candidate.run_id)
    feature = features.by_id(tx, run.feature_id)
    found = verdicts.of_run(tx, run.run_id)
    record = release.of_record(found.record) if found is not None else {}
    version = str(record.get("labels_version", ""))
    rights = {one.rights for one in labels.versions(tx, run.feature_id) if one.rights}
    rungs: dict[str, dict[str, Any]] = {str(one["contender"]): one for one in record.get("rungs", [])}
    chosen = str(record.get("candidate", {}).get("artifact", "")) == candidate.artifact
    return Card(
        artifact=candidate.artifact,
        contender=candidate.contender,
        slug=feature.slug,
        approach=feature.approach,
        run_id=run.run_id,
        verdict=found.outcome if found is not None else "",
        ships=found is not None and found.outcome in _SHIPS,
        is_chosen=chosen,
        decided_on=f"{found.decided_at:%Y-%m-%d}" if found is not None else "",
        dev_score=rungs.get(candidate.contender, {}).get("dev_score"),
        seeds=(record.get("seeds") or {}) if chosen else {},
        quality=record.get("quality", {}) if chosen else {},
        prompted=str(record.get("prompted", {}).get("contender", "")),
        latency_p50_ms=record.get("scores", {}).get("candidate", {}).get("latency_p50_ms") if chosen else None,
        labels_version=version or "unknown",
        rights=", ".join(sorted(rights)),
        parts={name: int(record.get("parts", {}).get(name, 0)) for name in ("train", "dev", "sealed")},
        rung=candidate.rung,
        words=candidate.words,
        seed=int(candidate.recipe.get("seed", 0)),
        settings=tuple(sorted(candidate.recipe.get("settings", {}).items())),
        code_version=str(record.get("code_version", "")),
        policy_hash=str(record.get("policy_hash", "")),
        look=record.get("seal_look"),
        classes=tuple(record.get("dev", {}).get("classes", ())),
        alarm=candidate.alarm,
        reasons=tuple(record.get("reasons", ())),
        slices=tuple(str(part["name"]) for part in record.get("slices", ())),
    )


def newest(tx: Tx, feature: Feature) -> Card | None:
    """The card of the candidate that the newest verdict on a feature is about; none without one."""
    found = verdicts.newest_of(tx, feature.id or 0)
    artifact = str(found.record.get("candidate", {}).get("artifact", "")) if found is not None else ""
    made = investigations.candidates(tx, found.run_id) if found is not None and artifact else []
    # Of that run: one that trained the same rows by the same recipe made the same artifact.
    candidate = next((one for one in made if one.artifact == artifact), None)
    return of_candidate(tx, candidate) if candidate is not None else None


def _base(services: Services, artifact: str) -> str:
    """What weights it stands on, as its own note says; "" for none, and where its folder is gone or damaged."""
    for name in _BASES:
        try:
            known = json.loads(services.artifacts.read_bytes(artifact, name))
        except (OSError, AssayError):
            continue
        return f"{known.get('name', 'unnamed')} (sha256 {str(known.get('sha256', ''))[:12]})"
    return ""


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _points(value: float) -> str:
    return f"{value * 100:+.1f} points"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("templates", "files"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (Markdown in a file, no HTML)
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(share=_share, points=_points)
    return made
