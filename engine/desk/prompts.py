"""A team's own prompts for other models: the registered one, rewritten, which the monthly re-baseline asks too."""

from __future__ import annotations

import hashlib

from engine.desk import Desk
from engine.errors import Invalid
from engine.models.actor import Actor
from engine.models.mail import Once
from engine.rules.limits import NONE
from engine.rules.watch import models
from engine.store import deeds, features, mail, policies
from engine.store.database import Tx
from engine.teachers import prompt

PROMPT_MOST = 20_000  # characters, as of a registered prompt
MODELS_MOST = 20


def change(
    desk: Desk, actor: Actor, slug: str, *, model: str, text: str, why: str = "", once: Once | None = None
) -> tuple[str, ...]:
    """Keep a prompt for a model, or drop it (``none``); the models that have one now. A new version of them all.

    Raises ``NotFound``, and ``Invalid`` for a name that is no model's or a prompt that cannot be rendered.
    """
    kept = text.strip()
    _check(slug, model, kept)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        feature_id, at = feature.id or 0, desk.services.clock.now()
        features.alone(tx, feature_id)
        before = policies.prompts(tx, feature_id)
        after = {name: said for name, said in before.items() if name != model}
        if kept.lower() != NONE:
            after[model] = kept
        if len(after) > MODELS_MOST:
            raise Invalid(f"{slug} has prompts for {MODELS_MOST} models already.", hint="Drop one: prompt=none")
        policies.add(tx, policies.PROMPTS, dict(after), feature_id=feature_id, by=actor.id, why=why, at=at)
        deeds.record(
            tx, desk.services.clock, actor, "set prompt", entity="feature", entity_id=slug, feature_id=feature_id,
            before={model: _sha(before.get(model, ""))}, after={model: _sha(after.get(model, ""))}, reason=why,
        )  # fmt: skip
        return tuple(after)


def of(desk: Desk, slug: str) -> tuple[str, ...]:
    """The models a feature has a prompt of its own for; none for the whole team (no slug). Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _of(tx, slug) if slug else ()


def _of(tx: Tx, slug: str) -> tuple[str, ...]:
    return tuple(policies.prompts(tx, features.by_slug(tx, slug).id or 0))


def _check(slug: str, model: str, text: str) -> None:
    example = f'For example: /assay settings {slug} model=gpt-5-nano prompt="Sort this ticket: {{{{ input }}}}"'
    if not slug:
        raise Invalid("A prompt belongs to one feature.", hint='Name it: /assay settings SLUG model=… prompt="…"')
    try:
        named = models(model)
    except ValueError as error:
        raise Invalid(f"{error}.", hint=example) from error
    if len(named) != 1:
        raise Invalid("One model is needed beside a prompt.", hint=example)
    if not text:
        raise Invalid("The prompt is empty.", hint=example)
    if len(text) > PROMPT_MOST:
        raise Invalid(f"The prompt has {len(text):,} characters; at most {PROMPT_MOST:,}.", hint=example)
    if text.lower() != NONE:
        prompt.check(text)


def _sha(text: str) -> str:
    """What the audit log keeps of a prompt: its hash, never its text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""
