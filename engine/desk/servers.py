"""Where candidates are served, what providers bill, what a provider would cost, and stopping what a person names."""

from __future__ import annotations

from engine.desk import Desk
from engine.errors import Invalid, NotFound
from engine.flows.steps import rented
from engine.flows.steps.rented import Rented
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.mail import Once
from engine.models.serving import ServerName
from engine.servers.provider import DeploymentState, Proof, Quote
from engine.store import deeds, features, mail, policies, servings

__all__ = ["DeploymentState", "Proof", "Quote", "Rented", "Where", "ask_to_stop", "every", "listed", "quote", "stop"]


class Where(Value):
    """Where one feature's candidate is or was served."""

    slug: str
    server: str
    state: str
    base_url: str
    said: str
    agree: int
    asked: int


def every(desk: Desk) -> list[Where]:
    """All that is served, oldest first."""
    with desk.services.database.read() as tx:
        return [
            Where(
                slug=features.by_id(tx, row.feature_id).slug,
                server=row.server,
                state=row.state,
                base_url=row.base_url,
                said=row.said,
                agree=row.agree,
                asked=row.asked,
            )
            for row in servings.running(tx)
        ]


def listed(desk: Desk) -> list[Rented]:
    """Every deployment at the providers we have keys of."""
    return rented.listed(desk.services)


def quote(desk: Desk, slug: str) -> Quote | None:
    """What the server a feature has chosen would cost a month; none for one that nobody bills."""
    with desk.services.database.read() as tx:
        policy = policies.traffic(tx, features.by_slug(tx, slug).id)
    for provider in desk.services.servers.providers():
        if provider.name == policy.server:
            return provider.quote(policy.server_base)
    if ServerName(policy.server).is_paid:
        raise Invalid(f"There is no key for {policy.server}.", hint="Name it in ASSAY_UPSTREAM_KEYS (docs/engine.md).")
    return None


def ask_to_stop(desk: Desk, actor: Actor, deployment: str, *, once: Once | None = None) -> Rented:
    """Have the engine stop one that no rollout needs; ``deployment`` is its provider, a space, its id there.

    Raises ``NotFound`` and ``Conflict``, with nothing changed.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        return rented.ask_to_stop(tx, desk.services, actor, deployment)


def stop(desk: Desk, actor: Actor, provider_name: str, deployment_id: str) -> Proof:
    """Delete one deployment, whoever made it. Raises ``NotFound``; ``Unavailable`` until it is gone."""
    for provider in desk.services.servers.providers():
        for one in provider.deployments() if provider.name == provider_name else []:
            if one.id != deployment_id:
                continue
            proof = provider.teardown(one)
            with desk.services.database.write() as tx:
                deeds.record(
                    tx,
                    desk.services.clock,
                    actor,
                    "stop deployment",
                    entity="deployment",
                    entity_id=f"{provider_name} {deployment_id}"[:200],
                    after={"name": one.name, "stopped_at": proof.billing_stopped_at.isoformat()},
                )
            return proof
    raise NotFound(f"{provider_name} has no deployment {deployment_id[:80]!r}.", hint="All of them: assay servers")
