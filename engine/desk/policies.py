"""What a team decides: thresholds, costs and limits, versioned and hashed; and a feature's margin and quality bar."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from engine.desk import Desk
from engine.errors import Conflict, Invalid
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import MARGIN_MOST, Feature
from engine.models.mail import Once
from engine.rules.limits import NONE, WORDS, limits, read_words
from engine.store import deeds, features, mail, policies, seals, work
from engine.store.database import Tx
from engine.store.policies import KINDS, Policy

MARGIN, BAR = "margin", "quality_bar"
FIXED = (MARGIN, "evaluation_dev_share", "evaluation_sealed_share", "evaluation_sealed_share_most")


class Setting(Value):
    """One value of a policy: its name as it is set, and the default where it was changed ("" where not)."""

    name: str
    value: str
    default: str = ""


class KindView(Value):
    """One kind of policy: its version (0: the defaults) for the team or one feature alone, who set it, when and why."""

    kind: str
    settings: tuple[Setting, ...]
    number: int = 0
    own: bool = False
    by: str = ""
    on: str = ""
    why: str = ""


class PolicyView(Value):
    """What a feature, or the team (slug ""), is judged by. Margin and bar are fractions; ``fixed_on`` is a day."""

    slug: str
    kinds: tuple[KindView, ...]
    sha: str
    margin: float | None = None
    quality_bar: float | None = None
    fixed_on: str = ""


@dataclass(frozen=True)
class _Known:
    """Where a setting lives: its kind and field, and the default."""

    kind: str
    field: str
    usual: Any

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.field}"

    @property
    def is_by_stage(self) -> bool:
        return isinstance(self.usual, Mapping)


def show(desk: Desk, slug: str = "") -> PolicyView:
    """The policy in force. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _view(tx, features.by_slug(tx, slug) if slug else None)


def change(
    desk: Desk, actor: Actor, slug: str, said: Mapping[str, str], *, why: str = "", once: Once | None = None
) -> PolicyView:
    """Set values by name, for a feature or for the team: a new version of each kind, nothing judged again.

    Raises ``Invalid`` for a name or value that cannot be, ``Conflict`` for what the first look at sealed rows fixed.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = _alone(tx, slug)
        before = _values(tx, feature)
        _refuse_fixed(tx, feature, said)
        for name, word in said.items():
            if name in (MARGIN, BAR):
                _set_own(feature, name, word)
        rest = {name: word for name, word in said.items() if name not in (MARGIN, BAR)}
        _set_policy(desk, tx, actor, rest, feature=feature, why=why)
        if feature is not None:
            feature.version += 1
            tx.add(feature)
            mail.enqueue_projection(
                tx, desk.services.clock, "feature", feature.slug, kind="card", channel=feature.channel
            )
        tx.flush()
        after = _values(tx, feature)
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "set policy",
            entity="policy",
            entity_id=slug or "team",
            feature_id=feature.id if feature else None,
            before={name: before[name] for name in said},
            after={name: after[name] for name in said},
            reason=why,
        )
        return _view(tx, feature)


def _alone(tx: Tx, slug: str) -> Feature | None:
    """The feature, none for the team: nobody else sets a value of it until the transaction ends."""
    if not slug:
        work.deployment_alone(tx)
        return None
    feature = features.by_slug(tx, slug)
    features.alone(tx, feature.id or 0)
    tx.refresh(feature)
    return feature


def _set_policy(
    desk: Desk, tx: Tx, actor: Actor, said: Mapping[str, str], *, feature: Feature | None, why: str
) -> None:
    feature_id = feature.id if feature else None
    bodies: dict[str, dict[str, Any]] = {}
    for name, word in said.items():
        known = _find(name, feature)
        body = bodies.setdefault(known.kind, _body(policies.current(tx, feature_id), known.kind))
        body[known.field] = _read(known, word, body[known.field])
    for kind, body in bodies.items():
        _check_together(kind, body)
        policies.add(tx, kind, body, feature_id=feature_id, by=actor.id, why=why, at=desk.services.clock.now())


def _set_own(feature: Feature | None, name: str, word: str) -> None:
    if feature is None:
        raise Invalid(f"{name} belongs to one feature.", hint=f"Name it: /assay settings ticket-router {name}=…")
    number = _number(name, word, 0.0001, MARGIN_MOST if name == MARGIN else 1.0)
    if name == MARGIN:
        feature.margin = number
    else:
        feature.quality_bar = number


def _refuse_fixed(tx: Tx, feature: Feature | None, said: Mapping[str, str]) -> None:
    if feature is None:
        return
    look = seals.first_look(tx, feature.id or 0)
    fixed = next((name for name in FIXED if name in said), None)
    if look is None or fixed is None:
        return
    points = f"{look.margin * 100:.10g}"
    told = f" at {points} {'point' if points == '1' else 'points'}" if fixed == MARGIN else ""
    raise Conflict(
        f"The {fixed} of {feature.slug} was fixed{told} on {look.at:%Y-%m-%d}, before the sealed rows were read.",
        hint="Seal a new eval version to change it.",
    )


def _known() -> Iterator[_Known]:
    for kind, made in KINDS.items():
        usual = made()
        for field in fields(made):
            yield _Known(kind, field.name, getattr(usual, field.name))


def _find(name: str, feature: Feature | None) -> _Known:
    known = {one.name: one for one in _known()}
    if name in known:
        return known[name]
    own = [MARGIN, BAR] if feature else []
    near = difflib.get_close_matches(name, [*known, *own], n=3, cutoff=0.3)
    of = f" {feature.slug}" if feature else ""
    meant = f"Nearest: {', '.join(near)}. " if near else ""
    raise Invalid(f"There is no setting {name[:40]!r}.", hint=f"{meant}All of them: /assay settings{of}")


def _read(known: _Known, word: str, before: Any) -> Any:  # noqa: ANN401 (the field's type)
    if isinstance(known.usual, str):
        return _text(known.name, word)
    if not known.is_by_stage:
        least, most = limits(known.name, known.usual)
        number = _number(known.name, word, least, most)
        return _whole(known.name, number) if isinstance(known.usual, int) else number
    usual: Mapping[str, Any] = known.usual
    found = dict(before)
    for part in word.split(","):
        stage, _, text = part.partition(":")
        if stage.strip() not in usual:
            raise Invalid(
                f"{known.name} names {stage.strip()[:40]!r}; its stages are {', '.join(usual)}.",
                hint=f"For example: {known.name}=canary_1:24,canary_5:48",
            )
        number = _number(known.name, text, *limits(known.name, 24.0))
        found[stage.strip()] = _whole(known.name, number) if known.field == "units" else number
    return found


def _text(name: str, word: str) -> str:
    try:
        return read_words(name, word)
    except ValueError as error:
        raise Invalid(f"{error}.", hint=f"Nothing was set. For example: {name}={WORDS[name]}") from error


def _number(name: str, word: str, least: float, most: float) -> float:
    text = word.strip().removeprefix("$")
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise Invalid(f"{name} is {word[:40]!r}, which is no number.", hint=f"For example: {name}={least:g}") from error
    if not least <= number <= most:
        raise Invalid(
            f"{name} is {word[:40]}; it must lie between {least:g} and {most:,.10g}.", hint="Nothing was set."
        )
    return number


def _whole(name: str, number: float) -> int:
    if number != int(number):
        raise Invalid(f"{name} is {number:g}; it counts whole things.", hint=f"For example: {name}={int(number)}")
    return int(number)


def _check_together(kind: str, body: Mapping[str, Any]) -> None:
    if kind == "evaluation" and body["sealed_share"] > body["sealed_share_most"]:
        raise Invalid(
            f"evaluation_sealed_share is {body['sealed_share']:g}, more than evaluation_sealed_share_most, "
            f"{body['sealed_share_most']:g}.",
            hint="Raise the one or lower the other.",
        )


def _body(policy: Policy, kind: str) -> dict[str, Any]:
    values = getattr(policy, kind)
    assert is_dataclass(values)
    assert not isinstance(values, type)
    return asdict(values)


def _values(tx: Tx, feature: Feature | None) -> dict[str, Any]:
    policy = policies.current(tx, feature.id if feature else None)
    found = {one.name: getattr(getattr(policy, one.kind), one.field) for one in _known()}
    own = {MARGIN: feature.margin, BAR: feature.quality_bar} if feature else {}
    return {**found, **own}


def _view(tx: Tx, feature: Feature | None) -> PolicyView:
    policy = policies.current(tx, feature.id if feature else None)
    look = seals.first_look(tx, feature.id or 0) if feature else None
    return PolicyView(
        slug=feature.slug if feature else "",
        kinds=tuple(_kind(tx, policy, kind, feature.id if feature else None) for kind in KINDS),
        sha=policy.sha,
        margin=feature.margin if feature else None,
        quality_bar=feature.quality_bar if feature else None,
        fixed_on=f"{look.at:%Y-%m-%d}" if look else "",
    )


def _kind(tx: Tx, policy: Policy, kind: str, feature_id: int | None) -> KindView:
    version = policies.stored(tx, kind, feature_id)
    values = getattr(policy, kind)
    settings = tuple(_setting(one, getattr(values, one.field)) for one in _known() if one.kind == kind)
    if version is None:
        return KindView(kind=kind, settings=settings)
    return KindView(
        kind=kind,
        settings=settings,
        number=version.number,
        own=version.feature_id is not None,
        by=version.by,
        on=f"{version.at:%Y-%m-%d}",
        why=version.why,
    )


def _setting(known: _Known, value: Any) -> Setting:  # noqa: ANN401 (the field's type)
    now, usual = _spelled(known, value), _spelled(known, known.usual)
    return Setting(name=known.name, value=now, default=usual if now != usual else "")


def _spelled(known: _Known, value: Any) -> str:  # noqa: ANN401 (the field's type)
    if isinstance(value, str):
        return value or NONE
    if not known.is_by_stage:
        return f"{value:.10g}"
    return ",".join(f"{stage}:{number:.10g}" for stage, number in value.items())
