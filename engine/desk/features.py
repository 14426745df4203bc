"""Register features and show them with their next step."""

from __future__ import annotations

import difflib
import re
from datetime import date, timedelta
from typing import Any

from pydantic import Field

from engine.approaches.registry import approach_names, approach_of
from engine.desk import Desk
from engine.errors import Conflict, Invalid
from engine.flows.steps import next_step, route
from engine.models.actor import Actor, Role
from engine.models.base import Value
from engine.models.feature import MARGIN_MOST, ApproachName, Feature, is_simulated
from engine.models.labels import Part
from engine.models.mail import Once
from engine.rules import address
from engine.store import deeds, features, investigations, labels, mail, policies, roles, rollouts, verdicts
from engine.store.database import Tx
from engine.teachers import prompt

SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
RESERVED = ("prices", "gateway-key", "team", "verify")  # they mean something else where a feature is named
PROMPT_MOST = 20_000


class Registration(Value):
    """What a person says of a new feature; empty where they said nothing. ``margin`` and the bar are fractions."""

    slug: str
    approach: str = ApproachName.CLASSIFY
    model: str = ""
    prompt: str = ""
    base_url: str = ""
    live_since: date | None = None
    owner: str = ""
    channel: str = ""
    margin: float | None = None
    quality_bar: float | None = None
    labels: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    rights: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class FeatureView(Value):
    """A feature as people see it. ``next_step`` is a command; ``created`` marks the answer to a registration."""

    slug: str
    approach: str
    model: str
    base_url: str
    simulated: bool
    owner: str
    channel: str
    margin: float
    quality_bar: float | None = None
    classes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    rights: str = ""
    live_since: str
    labels_version: str = ""
    train: int = 0
    dev: int = 0
    sealed: int = 0
    verdict: str = ""
    run_id: str = ""
    open_run: str = ""
    stage: str = ""
    next_step: str = ""
    created: bool = False
    existed: bool = False
    version: int = 1


class Owned(Value):
    """Features of one person (``is_mine``), else of the team: those from ``start`` on, of ``total``."""

    features: tuple[FeatureView, ...]
    total: int
    is_mine: bool
    start: int = 0


def register(desk: Desk, actor: Actor, asked: Registration, *, once: Once | None = None) -> FeatureView:
    """Store a new feature with its baseline; its card goes to its channel.

    Raises ``Invalid`` naming every key that is missing or wrong, ``Conflict`` for a slug that is taken.
    """
    _check(asked, today=desk.services.clock.now().date())
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        known = features.find(tx, asked.slug)
        if known is not None:
            raise Conflict(
                f"{asked.slug} is registered already, by <@{known.registered_by}> on {known.registered_at:%d %b %Y}. "
                "Nothing was changed.",
                hint=f"How it stands: /assay show {asked.slug}",
                people=(known.registered_by,),
            )
        feature = _add(desk, tx, actor, asked)
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "register",
            entity="feature",
            entity_id=feature.slug,
            feature_id=feature.id,
            after={"approach": feature.approach, "model": asked.model, "margin": feature.margin},
        )
        mail.enqueue_projection(tx, desk.services.clock, "feature", feature.slug, kind="card", channel=feature.channel)
        seen = view(desk, tx, feature).model_copy(update={"created": True})
    route.refresh(desk.services)
    return seen


def show(desk: Desk, slug: str) -> FeatureView:
    """One feature. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return view(desk, tx, features.by_slug(tx, slug))


def every(desk: Desk) -> list[FeatureView]:
    """All features, in order of registration."""
    with desk.services.database.read() as tx:
        return [view(desk, tx, feature) for feature in features.every(tx)]


def names(desk: Desk) -> tuple[str, ...]:
    """Every slug, in order of registration."""
    with desk.services.database.read() as tx:
        return tuple(feature.slug for feature in features.every(tx))


def owned(desk: Desk, person: str, most: int, *, start: int = 0) -> Owned:
    """The features a person owns, in order of registration, ``most`` of them; the team's where they own none.

    A start behind the last one is that of the last page.
    """
    with desk.services.database.read() as tx:
        found = features.every(tx)
        ids = roles.granted_to(tx, person, Role.OWNER)
        mine = [one for one in found if one.id in ids or None in ids]
        chosen = mine or found
        first = min(start, max(len(chosen) - 1, 0) // most * most)
        shown = tuple(view(desk, tx, one) for one in chosen[first : first + most])
        return Owned(features=shown, total=len(chosen), is_mine=bool(mine), start=first)


def view(desk: Desk, tx: Tx, feature: Feature) -> FeatureView:
    """A feature with everything people ask about, inside a transaction."""
    feature_id = feature.id or 0
    baseline = features.baseline(tx, feature_id)
    label_set = labels.newest_or_none(tx, feature_id)
    counts = labels.parts(tx, label_set.id if label_set else None)
    verdict = verdicts.newest_of(tx, feature_id)
    running = investigations.open_of(tx, feature_id)
    rollout = rollouts.newest_of(tx, feature_id)
    seen = FeatureView(
        slug=feature.slug,
        approach=feature.approach,
        model=baseline.model,
        base_url=baseline.base_url,
        simulated=is_simulated(baseline.model),
        owner=feature.owner,
        channel=feature.channel,
        margin=feature.margin,
        quality_bar=feature.quality_bar,
        classes=tuple(feature.labels),
        fields=tuple((feature.output_schema or {}).get("properties", ())),
        rights=feature.rights,
        live_since=feature.live_since.isoformat(),
        labels_version=label_set.name if label_set else "",
        train=counts[Part.TRAIN],
        dev=counts[Part.DEV],
        sealed=counts[Part.SEALED],
        verdict=verdict.outcome if verdict else "",
        run_id=verdict.run_id if verdict else "",
        open_run=running.run_id if running else "",
        stage=rollout.stage if rollout and rollout.open_feature_id else "",
        version=feature.version,
    )
    said = next_step.after(tx, feature, verdict, now=desk.services.clock.now()) if verdict else ""
    return seen.model_copy(update={"next_step": _next_step(tx, seen, said=said)})


def _next_step(tx: Tx, seen: FeatureView, *, said: str) -> str:
    """``said`` is the step after the newest verdict, which counts while nothing runs and the labels are there."""
    policy = policies.current(tx).evaluation
    if seen.open_run:
        return f"/assay status {seen.open_run}"
    if seen.train < policy.train_rows_least or seen.sealed < policy.sealed_rows_least:
        return f"/assay labels {seen.slug}"
    return said or f"/assay investigate {seen.slug}"


def _add(desk: Desk, tx: Tx, actor: Actor, asked: Registration) -> Feature:
    now = desk.services.clock.now()
    owner = asked.owner or actor.id
    feature = features.add(
        tx,
        Feature(
            slug=asked.slug,
            approach=ApproachName(asked.approach),
            owner=owner,
            channel=asked.channel or actor.channel,
            live_since=asked.live_since or now.date(),
            margin=approach_of(asked.approach).margin if asked.margin is None else asked.margin,
            quality_bar=asked.quality_bar,
            labels=list(asked.labels),
            output_schema=asked.output_schema,
            rights=asked.rights,
            registered_by=actor.id,
            registered_at=now,
        ),
    )
    body = {
        "model": asked.model,
        "prompt": asked.prompt,
        "base_url": (asked.base_url or desk.services.settings.openai_base_url).rstrip("/"),
        "parameters": asked.parameters,
    }
    features.add_baseline(tx, feature.id or 0, body=body, at=now)
    roles.grant(tx, owner, Role.OWNER, feature_id=feature.id, by=actor.id, at=now)
    return feature


def wrong(asked: Registration, *, today: date) -> dict[str, str]:
    """What is missing or wrong in a registration, by key; empty when nothing is. ``today`` is a UTC day."""
    needed = {"model": asked.model, "prompt": asked.prompt.strip()}
    said = {name: f"{name} is missing" for name, value in needed.items() if not value}
    checks = {
        "slug": _wrong_slug(asked.slug),
        "approach": _wrong_approach(asked.approach),
        "margin": _wrong_share("margin", asked.margin, MARGIN_MOST),
        "quality_bar": _wrong_share("quality_bar", asked.quality_bar, 1.0),
        "live_since": _wrong_day(asked.live_since, today),
        "base_url": _wrong_address(asked.base_url),
        "prompt": said.get("prompt", "") or _wrong_prompt(asked.prompt),
    }
    known = asked.approach in approach_names()
    checks |= approach_of(asked.approach).wrong(asked.labels, asked.output_schema) if known else {}
    return said | {name: sentence for name, sentence in checks.items() if sentence}


def _check(asked: Registration, *, today: date) -> None:
    found = wrong(asked, today=today)
    if found:
        example = 'approach=classify model=gpt-4o-mini prompt="Sort this ticket: {{ input }}" labels=billing,bug'
        slug = asked.slug if SLUG.fullmatch(asked.slug) else "ticket-router"
        raise Invalid("; ".join(found.values()) + ".", hint=f"For example: /assay register {slug} {example}")


def _wrong_day(day: date | None, today: date) -> str:
    if day is None or day <= today + timedelta(days=1):  # it may be tomorrow already where the person is
        return ""
    return f"live_since is {day.isoformat()}, a day to come; say since when the feature answers in production"


def _wrong_slug(slug: str) -> str:
    if slug in RESERVED:
        return f"the name {slug} is a word of Assay's own; choose another"
    if SLUG.fullmatch(slug):
        return ""
    return f"the name {slug[:40]!r} is no slug (a to z first, then a to z, 0 to 9 and -, 2 to 40 in all)"


def _wrong_address(url: str) -> str:
    why = address.refused(url) if url else ""
    return why and f"base_url {why}"


def _wrong_prompt(text: str) -> str:
    if len(text) > PROMPT_MOST:
        return f"prompt has {len(text):,} characters; at most {PROMPT_MOST:,}"
    try:
        prompt.check(text)
    except Invalid as error:
        return str(error).removesuffix(".")
    return ""


def _wrong_approach(approach: str) -> str:
    if approach not in set(ApproachName):
        near = difflib.get_close_matches(approach, [*ApproachName], n=1, cutoff=0)[0]
        return f"approach is {approach[:40]!r}; nearest: {near}"
    if approach not in approach_names():
        return f"approach is {approach}, and this version of Assay judges {', '.join(approach_names())}"
    return ""


def _wrong_share(name: str, value: float | None, most: float) -> str:
    if value is None or 0 < value <= most:
        return ""
    return f"{name} is {value:g}; it must be above 0 and at most {most:g}"
