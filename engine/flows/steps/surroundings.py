"""Findings of ``doctor`` about what Assay stands on: Slack as the bot met it, channels, the disk, the price list."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import Any

from engine.models.work import Finding
from engine.services import Services
from engine.store import mail, work
from engine.store.database import Tx
from engine.teachers import quotes

OK, WARN, BAD = "ok", "warn", "bad"
CLOCK_SECONDS = 60.0  # from 300 s on Slack's deliveries count as too old and are refused
DISK_LOW, DISK_FULL = (
    5_000_000_000,
    500_000_000,
)  # bytes: a fine-tuned small model and its checkpoints; a database's log
INVITE = "Invite the bot: /invite @Assay"
CHANNEL_FIX = {
    "not_in_channel": INVITE,
    "channel_not_found": f"{INVITE}; or name another: /assay register … channel=#…",
    "is_archived": "Unarchive it, or name another channel for its features",
    "restricted_action": "Let the app post there, or name another channel for its features",
}


def findings(tx: Tx, services: Services, now: datetime) -> list[Finding]:
    """What stands outside of Assay and what of it wants a look."""
    return [*_slack(tx, now), *_channels(tx), _disk(services), _prices(now)]


def _slack(tx: Tx, now: datetime) -> list[Finding]:
    """What the bot last said of Slack; nothing where no bot ever ran, for Assay works from a shell too."""
    row = work.heartbeat(tx, "bot")
    if row is None:
        return []
    silent = work.silent_since(tx, "bot", now)
    if silent:
        return [_finding("bot", BAD, f"lost contact since {silent} (host {row.host})", "Start: assay bot")]
    found = [*_token(row.facts), *_scopes(row.facts), *_clock(row.facts)]
    return found or [_finding("slack", OK, f"alive on {row.host}, pid {row.pid}; token, scopes and clock are good")]


def _token(facts: dict[str, Any]) -> list[Finding]:
    why = facts.get("why_not")
    if not why:
        return []
    fix = "Give the bot a new SLACK_BOT_TOKEN, or install the app again where a link installed it (docs/slack.md)"
    return [_finding("slack", BAD, f"the bot cannot speak: {why}", fix)]


def _scopes(facts: dict[str, Any]) -> list[Finding]:
    missing: list[str] = facts.get("missing_scopes") or []
    if not missing:
        return []
    fix = "Give the app this version's manifest (assay manifest), then Reinstall to Workspace"
    return [_finding("scopes", BAD, f"Slack does not grant {', '.join(missing)}", fix)]


def _clock(facts: dict[str, Any]) -> list[Finding]:
    off: float = facts.get("clock_off_seconds") or 0.0
    if abs(off) <= CLOCK_SECONDS:
        return []
    side = "ahead of" if off > 0 else "behind"
    says = f"this host is {abs(off):.0f} s {side} Slack; from 300 s on its deliveries are refused"
    return [_finding("clock", WARN, says, "Have the host's clock set: timedatectl set-ntp true")]


def _channels(tx: Tx) -> list[Finding]:
    """Channels that take no message now, for Slack's own reason."""
    return [
        _finding("channel", BAD, f"{channel} takes no messages: {code}; they wait a day", CHANNEL_FIX[code])
        for channel, error in mail.shut_out(tx).items()
        for code in CHANNEL_FIX
        if code in error
    ]


def _disk(services: Services) -> Finding:
    free = shutil.disk_usage(services.settings.home).free
    says = f"{free / 1e9:,.1f} GB free where ASSAY_HOME is"
    if free > DISK_LOW:
        return _finding("disk", OK, says, "")
    fix = "Free some space: assay artifacts lists what nobody names (docs/operate.md)"
    return _finding("disk", BAD if free < DISK_FULL else WARN, f"{says}; a training may need more", fix)


def _prices(now: datetime) -> Finding:
    day = quotes.list_day(now.date())
    age = (now.date() - day).days
    says = f"the newest price of the bundled list is of {day.isoformat()}"
    if age <= quotes.STALE_DAYS:
        return _finding("prices", OK, says, "")
    fix = "Upgrade Assay, or set what you pay: assay prices --help"
    return _finding("prices", WARN, f"{says}, {age} days ago", fix)


def _finding(name: str, state: str, says: str, fix: str = "") -> Finding:
    return Finding(name=name, state=state, says=says, fix=fix)
