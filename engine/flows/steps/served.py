"""Which candidates are to be served, where each one is, and what keeps traffic from it. Starts and stops nothing."""

from __future__ import annotations

from datetime import timedelta

from engine.flows.durable import Pending
from engine.models.base import Value
from engine.models.rollout import ApprovalState, Rollout, Stage
from engine.models.serving import ServerName, Serving, ServingState
from engine.rules.traffic import TrafficPolicy
from engine.services import Services
from engine.store import features, policies, rollouts, servings
from engine.store.database import Tx

PATIENCE = timedelta(minutes=10)  # how long an approved stage waits for its server


class Wanted(Value):
    """A candidate that is to be served; ``place`` says what its server must be told, as ``Servers.of`` takes it."""

    feature_id: int
    slug: str
    rollout_id: int
    artifact: str
    server: ServerName
    place: str = ""


class ServedView(Value):
    """Where a candidate is served, as people ask about it. ``elsewhere``: at an address that somebody set by hand."""

    elsewhere: bool = False
    server: str = ""
    state: str = ""
    base_url: str = ""
    said: str = ""
    agree: int = 0
    asked: int = 0
    is_open: bool = False


class Address(Value):
    """Where traffic reaches a candidate; ``lacks`` says why it does not, "" when it does."""

    base_url: str = ""
    model: str = ""
    lacks: str = ""


class Awaited(Value):
    """What an approved stage waited for: its candidate's server, or the reason why it need not or cannot wait."""

    lacks: str = ""


def wanted(tx: Tx) -> list[Wanted]:
    """Candidates of open rollouts, but those served elsewhere; one that is paid for waits for its first approval."""
    found: list[Wanted] = []
    for rollout in rollouts.open_ones(tx):
        policy = policies.traffic(tx, rollout.feature_id)
        server = ServerName(policy.server)
        if policy.tuned_url or (server.is_paid and not _is_approved(tx, rollout)):
            continue
        found.append(
            Wanted(
                feature_id=rollout.feature_id,
                slug=features.by_id(tx, rollout.feature_id).slug,
                rollout_id=rollout.id or 0,
                artifact=rollout.artifact,
                server=server,
                place=place_of(policy),
            )
        )
    return found


def place_of(policy: TrafficPolicy) -> str:
    """What a feature's server must be told: its address, or what it calls the base model."""
    return policy.server_base if ServerName(policy.server).is_paid else policy.server_url


def address(tx: Tx, feature_id: int, artifact: str, policy: TrafficPolicy) -> Address:
    """Where traffic reaches a candidate. One that was checked keeps its address while its server is started again.

    Calls fall back to the baseline meanwhile, and count as what they are: failures of the tuned side.
    """
    if policy.tuned_url:
        return Address(base_url=policy.tuned_url, model=policy.tuned_model or artifact)
    row = servings.of_candidate(tx, feature_id, artifact)
    if row is None or row.state is ServingState.STOPPED:
        return Address(lacks=f"its server ({policy.server}) was not started yet: is assay engine running?")
    if row.checked_at is None:
        return Address(lacks=_state(row))
    return Address(base_url=row.base_url, model=row.served_as)


def last_address(tx: Tx, feature_id: int, artifact: str, policy: TrafficPolicy) -> Address:
    """Where a retired candidate was: its route is kept a while, so that flags say what happened to it."""
    row = servings.of_candidate(tx, feature_id, artifact)
    return Address(base_url=policy.tuned_url or (row.base_url if row else ""), model=policy.tuned_model or artifact)


def view(tx: Tx, feature_id: int, artifact: str) -> ServedView:
    """Where a candidate is served, and how that stands."""
    policy = policies.traffic(tx, feature_id)
    if policy.tuned_url:
        return ServedView(elsewhere=True, base_url=policy.tuned_url, is_open=True)
    row = servings.of_candidate(tx, feature_id, artifact)
    if row is None or row.state is ServingState.STOPPED:
        return ServedView(server=policy.server)
    return ServedView(
        server=row.server,
        state=row.state,
        base_url=row.base_url,
        said=row.said,
        agree=row.agree,
        asked=row.asked,
        is_open=row.checked_at is not None,
    )


def awaited(services: Services, approval_id: int) -> Awaited | Pending:
    """Wait until the candidate answers as it was judged, ten minutes from the approval; then say what is lacking."""
    with services.database.read() as tx:
        approval = rollouts.approval_by_id(tx, approval_id)
        if approval.state is not ApprovalState.APPROVED:
            return Awaited()
        rollout = rollouts.by_id(tx, approval.rollout_id)
        lacks = lacking(tx, rollout)
        waited = services.clock.now() - (approval.decided_at or approval.created_at)
    return Pending() if lacks and waited < PATIENCE else Awaited(lacks=lacks)


def lacking(tx: Tx, rollout: Rollout) -> str:
    """Why no more traffic may go to the rollout's candidate now: "" when it is served as it was judged."""
    policy = policies.traffic(tx, rollout.feature_id)
    where = address(tx, rollout.feature_id, rollout.artifact, policy)
    if where.lacks or policy.tuned_url:
        return where.lacks
    row = servings.of_candidate(tx, rollout.feature_id, rollout.artifact)
    return "" if row is None or row.state is ServingState.READY else _state(row)


def _state(row: Serving) -> str:
    match row.state:
        case ServingState.STARTING:
            return f"its server ({row.server}) is starting"
        case ServingState.CHECKING:
            return "its server is being asked what it was judged by"
        case _:
            return f"its server ({row.server}) is not ready: {row.said}"


def _is_approved(tx: Tx, rollout: Rollout) -> bool:
    """Whether people said yes to its first stage, and so to what serving it costs."""
    if rollout.stage is not Stage.DRAFT:
        return True
    return any(one.state is ApprovalState.APPROVED for one in rollouts.approvals(tx, rollout.id or 0))
