"""The state of the small Slack: one SQLite file that a restart, a reload and a new tab all read.

Knows nothing of HTTP or HTML; `people`, `messages`, `views` and `files` hold the statements of each noun.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from bot.blockkit.shape import Json
from engine.clock import Clock, SystemClock

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS person (id TEXT PRIMARY KEY, place INTEGER, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS channel (id TEXT PRIMARY KEY, place INTEGER, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
  channel TEXT NOT NULL, ts TEXT NOT NULL, thread_ts TEXT NOT NULL, reader TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (channel, ts));
CREATE TABLE IF NOT EXISTS view (
  id TEXT PRIMARY KEY, reader TEXT NOT NULL, kind TEXT NOT NULL, root TEXT NOT NULL, depth INTEGER NOT NULL,
  is_open INTEGER NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS file (id TEXT PRIMARY KEY, body TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS change (
  id INTEGER PRIMARY KEY AUTOINCREMENT, reader TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL,
  ts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS response_url (
  token TEXT PRIMARY KEY, expires_at REAL NOT NULL, uses INTEGER NOT NULL, body TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace. `roles` is what the page shows under the name; `team_id` where they are of another."""

    id: str
    name: str
    real_name: str = ""
    roles: str = ""
    is_guest: bool = False
    is_admin: bool = False
    is_bot: bool = False
    is_deleted: bool = False
    team_id: str = ""


@dataclass(frozen=True)
class Channel:
    """A channel, or the app's direct conversation with the person `dm_with`."""

    id: str
    name: str
    topic: str = ""
    is_private: bool = False
    has_app: bool = True
    is_archived: bool = False
    dm_with: str = ""


@dataclass(frozen=True)
class Workspace:
    """Names and secrets of the one team and the one app; the defaults are what the demo hands to the bot."""

    team_id: str = "T0DEMO"
    team_name: str = "Demo"
    team_domain: str = "demo"
    app_id: str = "A0ASSAY"
    app_name: str = "Assay"
    bot_id: str = "B0ASSAY"
    bot_user_id: str = "U0ASSAY"
    command: str = "/assay"
    bot_token: str = "xoxb-standin"  # noqa: S105 - opens nothing but this stand-in, on loopback
    app_token: str = "xapp-standin"  # noqa: S105 - the same
    signing_secret: str = "standin-signing-secret"  # noqa: S105 - the same
    scopes: str = (
        "commands,chat:write,files:read,files:write,app_mentions:read,im:history,"
        "channels:history,groups:history,users:read,usergroups:read"
    )
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])  # user group to user ids


@dataclass(frozen=True)
class Change:
    """One line of the journal the page follows: what changed, where, and who may know (empty: everyone)."""

    id: int
    reader: str
    kind: str
    channel: str
    ts: str


class Room:
    """Open state. Used from one event loop; statements are short and commit at once."""

    def __init__(self, db: sqlite3.Connection, clock: Clock, workspace: Workspace) -> None:
        self.db = db
        self.clock = clock
        self.workspace = workspace
        self._watchers: set[asyncio.Event] = set()

    @classmethod
    def open(cls, path: str | Path, clock: Clock | None = None, workspace: Workspace | None = None) -> Room:
        """Open or create the file at `path`; `:memory:` keeps nothing."""
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(SCHEMA)
        return cls(db, clock or SystemClock(), workspace or Workspace())

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def seed(self, users: Iterable[Person], channels: Iterable[Channel]) -> None:
        """Add or refresh people and channels; what was said stays. Each person gets a conversation with the app."""
        people = list(users)
        app = Person(
            id=self.workspace.bot_user_id,
            name=self.workspace.app_name.lower(),
            real_name=self.workspace.app_name,
            is_bot=True,
        )
        for place, person in enumerate([*people, app]):
            self._put("person", person.id, place, asdict(person))
        direct = [Channel(id=f"D{person.id[1:]}", name=self.workspace.app_name, dm_with=person.id) for person in people]
        for place, channel in enumerate([*channels, *direct]):
            self._put("channel", channel.id, place, asdict(channel))

    def put_channel(self, channel: Channel) -> None:
        """Keep a changed channel where it stands in the side bar."""
        self.db.execute("UPDATE channel SET body = ? WHERE id = ?", (json.dumps(asdict(channel)), channel.id))

    def _put(self, table: str, key: str, place: int, body: Json) -> None:
        self.db.execute(
            f"INSERT INTO {table} (id, place, body) VALUES (?, ?, ?)"  # noqa: S608 - two names of ours
            " ON CONFLICT (id) DO UPDATE SET place = excluded.place, body = excluded.body",
            (key, place, json.dumps(body)),
        )

    def seconds(self) -> float:
        """Seconds since 1970, UTC."""
        return self.clock.now().astimezone(UTC).timestamp()

    def next_ts(self) -> str:
        """A message timestamp: microseconds, and later than any before it."""
        micros = max(int(self.seconds() * 1_000_000), int(self.remembered("last_ts", "0")) + 1)
        self.remember("last_ts", str(micros))
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        """An id like V00001A: unique in this file, readable in a test's output."""
        count = int(self.remembered("last_id", "0")) + 1
        self.remember("last_id", str(count))
        return f"{prefix}0{count:06d}"

    def remembered(self, name: str, default: str) -> str:
        """A value kept under a name."""
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row["value"]) if row else default

    def remember(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        self.db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a statement."""
        return self.db.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> sqlite3.Row | None:
        """The first row of a statement, if any."""
        return self.db.execute(statement, values).fetchone()

    # -- the journal the page follows

    def tell(self, kind: str, channel: str = "", ts: str = "", reader: str = "") -> None:
        """Write a change down and wake every page that waits."""
        self.db.execute(
            "INSERT INTO change (reader, kind, channel, ts) VALUES (?, ?, ?, ?)", (reader, kind, channel, ts)
        )
        for watcher in self._watchers:
            watcher.set()

    def last_change(self) -> int:
        """The id of the newest change, 0 when there is none."""
        row = self.row("SELECT max(id) AS id FROM change")
        return int(row["id"] or 0) if row else 0

    def changes(self, after: int, reader: str) -> list[Change]:
        """What this person may see of the changes after an id, oldest first."""
        found = self.rows(
            "SELECT * FROM change WHERE id > ? AND reader IN ('', ?) ORDER BY id LIMIT 200", after, reader
        )
        return [Change(**dict(row)) for row in found]

    async def wait(self, seconds: float) -> None:
        """Return at the next change, or after so many seconds."""
        watcher = asyncio.Event()
        self._watchers.add(watcher)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(watcher.wait(), seconds)
        finally:
            self._watchers.discard(watcher)


def load(row: sqlite3.Row | None) -> Json | None:
    """The JSON body of a row, or nothing."""
    body: Any = json.loads(row["body"]) if row else None
    return body
