"""Findings of ``doctor``: what is wrong with the deployment, why it matters, and the exact thing to do."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.desk import Desk
from engine.errors import Refused
from engine.flows.steps import drill, rented, surroundings
from engine.flows.steps.rented import Rented
from engine.flows.steps.surroundings import BAD, OK, WARN
from engine.models.actor import Role
from engine.models.rollout import Stage
from engine.models.serving import Serving, ServingState
from engine.models.work import Finding
from engine.models.workspace import Workspace
from engine.store import deeds, features, mail, migrate, roles, rollouts, servings, spool, work, workspaces
from engine.store.database import Tx, database_name
from engine.train.ladder import host_here
from engine.vault import VARIABLE, Vault

LATE = timedelta(hours=1)
GONE = timedelta(days=30)  # so long it is told that a workspace took Assay away
STUCK = timedelta(minutes=10)  # a row that waits longer than this tells of a token, a channel or a dead bot


def findings(desk: Desk) -> list[Finding]:
    """Everything that can be checked without calling anybody, worst first."""
    now = desk.services.clock.now()
    with desk.services.database.read() as tx:
        if several := workspaces.every(tx):  # then this deployment has no features, engine or digest of its own
            found = [_schema(desk), *(_workspace(desk, one) for one in several)]
            found += surroundings.findings(tx, desk.services, now)
            return sorted(found, key=lambda one: (BAD, WARN, OK).index(one.state))
        found = [
            _schema(desk),
            _engine(tx, now),
            *_outbox(tx, now),
            _chain(tx),
            *_approvers(tx),
            *_undrilled(tx, now),
            _digest(tx),
            *_late(tx, now),
            *_aside(tx),
            *_served(tx),
            *_strangers(tx),
            *surroundings.findings(tx, desk.services, now),
        ]
    found.append(_encoder(desk))
    return sorted(found, key=lambda one: (BAD, WARN, OK).index(one.state))


def _schema(desk: Desk) -> Finding:
    found, wanted = migrate.revision(desk.services.database), migrate.newest()
    kind = "SQLite" if desk.services.database.is_sqlite else "PostgreSQL"
    if found == wanted:
        return Finding(name="database", state=OK, says=f"{kind} at {found}")
    return Finding(name="database", state=BAD, says=f"{kind} at {found}, needs {wanted}", fix="Run: assay db upgrade")


def _engine(tx: Tx, now: datetime) -> Finding:
    row = work.heartbeat(tx, "engine")
    silent = work.silent_since(tx, "engine", now)
    if row is None:
        return Finding(
            name="engine",
            state=WARN,
            says="no engine was ever alive, so investigations wait",
            fix="Start: assay engine",
        )
    if silent:
        return Finding(
            name="engine", state=BAD, says=f"lost contact since {silent} (host {row.host})", fix="Start: assay engine"
        )
    return Finding(name="engine", state=OK, says=f"alive on {row.host}, pid {row.pid}")


def _outbox(tx: Tx, now: datetime) -> list[Finding]:
    waiting, oldest, dead = mail.depth(tx)
    age = now - oldest if oldest else timedelta(0)
    says = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
    found = [Finding(name="outbox", state=OK, says=says)]
    if age > STUCK:
        says = f"{says}, the oldest for {age.total_seconds() / 60:.0f} minutes"
        found = [Finding(name="outbox", state=BAD, says=says, fix="Is assay bot running, with a token Slack takes?")]
    if dead:
        fix = "Invite the bot to the channel: /invite @Assay"
        found.append(Finding(name="dead messages", state=WARN, says=f"{dead} could not be sent in 24 h", fix=fix))
    return found


def _chain(tx: Tx) -> Finding:
    broken = deeds.broken_at(tx)
    if broken is None:
        return Finding(name="audit chain", state=OK, says="every deed follows from the one before")
    return Finding(
        name="audit chain",
        state=BAD,
        says=f"deed {broken} does not follow from the one before: somebody changed the table by hand",
        fix="Restore the database from before the change (docs/operate.md#backups)",
    )


def _approvers(tx: Tx) -> list[Finding]:
    lacking: list[Finding] = []
    for feature in features.every(tx):
        named = roles.people(tx, Role.APPROVER, feature.id)
        rollout = rollouts.open_of(tx, feature.id or 0)
        needed = 2 if rollout is not None else 1
        able = [person for person in named if rollout is None or person != rollout.requested_by]
        if len(able) < needed:
            says = f"{feature.slug} has {len(able)} of {needed} people who may approve"
            fix = f"/assay roles {feature.slug} approver=@…"
            lacking.append(Finding(name="approvers", state=WARN, says=says, fix=fix))
    return lacking


def _undrilled(tx: Tx, now: datetime) -> list[Finding]:
    """Features that are rolled out, and that nobody has shown lately can be rolled back."""
    found: list[Finding] = []
    for rollout in rollouts.open_ones(tx):
        shown = drill.drilled(tx, rollout.feature_id, now)
        if rollout.stage is Stage.DRAFT or shown:
            continue
        slug = features.by_id(tx, rollout.feature_id).slug
        why = "no rollback was drilled in 90 days" if shown is None else "the last rollback drill failed"
        fix = f"/assay rollout {slug} drill"
        found.append(Finding(name="rollback", state=WARN, says=f"{slug} is rolled out, and {why}", fix=fix))
    return found


def _digest(tx: Tx) -> Finding:
    channel = work.digest_channel(tx) or next((one.channel for one in features.every(tx) if one.channel), "")
    if channel:
        return Finding(name="digest", state=OK, says=f"goes to {channel}")
    return Finding(
        name="digest",
        state=WARN,
        says="no channel is known, so the monthly digest is stored and not posted",
        fix="Register a feature from a channel, or with channel=#…",
    )


def _late(tx: Tx, now: datetime) -> list[Finding]:
    return [
        Finding(
            name="late work",
            state=BAD,
            says=f"the {row.kind} of {row.period} fell due on {row.at:%d %b} and is not done",
            fix="Is assay engine running? Its log says what broke; assay scheduler --once tries again.",
        )
        for row in work.undone(tx)
        if now - row.at > LATE
    ]


def _aside(tx: Tx) -> list[Finding]:
    """What the ingester could not store as it came, or what products did other than they were told."""
    fix = "What each means: docs/traffic.md#what-was-set-aside"
    return [
        Finding(name="set aside", state=WARN, says=f"{name}: {n:,}", fix=fix) for name, n in spool.tallies(tx).items()
    ]


def _served(tx: Tx) -> list[Finding]:
    return [_serving(row, features.by_id(tx, row.feature_id).slug) for row in servings.running(tx)]


def _strangers(tx: Tx) -> list[Finding]:
    """What last night's look at the providers found that no rollout needs, and what came of stopping it."""
    over = [one for one in rented.stopped(tx) if one.stopped_at is not None]
    gone = [
        Finding(
            name="rented",
            state=OK,
            says=f"{one.name} at {one.provider} was stopped and is gone since {one.stopped_at:%d %b %H:%M} UTC",
        )
        for one in over
    ]
    return [*(_stranger(one) for one in rented.strangers(tx)), *gone]


def _stranger(one: Rented) -> Finding:
    says = f"{one.provider} bills {one.name} ({one.price}), which no rollout of ours needs"
    if one.asked_by:
        return Finding(name="rented", state=WARN, says=f"{says}; it is being stopped: {one.said or 'asked for'}")
    words = f'doctor stop="{one.provider} {one.id}"'
    return Finding(
        name="rented",
        state=WARN,
        says=says,
        fix=f"Look, and stop it if nobody else needs it: /assay {words}",
        press=f"Stop {one.name}",
        words=words,
        asks=f"{one.provider} deletes it. Whoever else uses it gets errors from then on, and it does not come back.",
    )


def _serving(row: Serving, slug: str) -> Finding:
    if row.state is ServingState.READY:
        says = f"{slug} at {row.base_url} ({row.server}), {row.agree} of {row.asked} answers as judged"
        return Finding(name="served", state=OK, says=says)
    if row.state is ServingState.FAILED:
        fix = "It is tried again by itself; what its server says is in ASSAY_HOME/servers on the engine's host"
        return Finding(name="served", state=BAD, says=f"{slug} by {row.server}: {row.said}", fix=fix)
    return Finding(name="served", state=OK, says=f"{slug} by {row.server}: {row.state}")


def _workspace(desk: Desk, one: Workspace) -> Finding:
    name, settings = f"workspace {one.team}", desk.services.settings
    own = settings.of_team(one.team)
    where = (
        f"ASSAY_HOME={own.home}" if desk.services.database.is_sqlite else f"the database {database_name(own.database)}"
    )
    again = f"have Assay installed there again: {settings.public_url.rstrip('/')}/slack/install"
    if one.ended_at is not None:
        says = f"{one.team_name} took Assay away on {one.ended_at:%d %b %Y}: nothing is sent, its records are kept"
        is_news = desk.services.clock.now() - one.ended_at < GONE
        fix = f"To go on, {again}. Its records: {where}"
        return Finding(name=name, state=WARN if is_news else OK, says=says, fix=fix if is_news else "")
    try:
        vault = Vault(settings.slack_keys.get_secret_value())
        vault.open(one.sealed)
    except Refused:
        says = f"no key of {VARIABLE} opens the tokens of {one.team_name}, so nothing is sent or answered there"
        fix = f"Add the key they were sealed with at the end of {VARIABLE} and start the bot anew; else {again}"
        return Finding(name=name, state=BAD, says=says, fix=fix)
    if one.said:
        return Finding(name=name, state=BAD, says=f"Slack says {one.said} of {one.team_name}'s token", fix=again)
    if not vault.is_newest(one.sealed):
        says = f"the tokens of {one.team_name} are sealed with an older key of {VARIABLE}"
        return Finding(name=name, state=WARN, says=says, fix="Start assay bot: it seals them with the newest")
    says = f"{one.team_name}, installed on {one.installed_at:%d %b %Y}; its engine and scheduler run with {where}"
    return Finding(name=name, state=OK, says=says)


def _encoder(desk: Desk) -> Finding:
    host = host_here(desk.services.settings)
    if host.encoder:
        decoder = "" if host.decoder else "; no decoder weights, so lora_causal is skipped"
        return Finding(
            name="encoder", state=OK, says=f"weights found; device {host.device}, {host.cores} cores{decoder}"
        )
    return Finding(
        name="encoder",
        state=WARN,
        says="no encoder weights found: the frozen and LoRA rungs are skipped",
        fix="Install them on the engine's host, or set ASSAY_ENCODER (docs/operate.md#weights)",
    )
