"""The tables, and how an older state file becomes a present one.

Each migration runs in one transaction together with the version it leads to, so a kill in the middle repeats it whole.
A migration that was ever released is never edited; the next one is appended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

APPLICATION_ID = 0x57414C52
"""`WALR`: what `file` and walert know a state file by."""

_FIRST = """
CREATE TABLE run (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, project TEXT, body BLOB NOT NULL,
    state TEXT, state_since REAL, detail BLOB, first_seen REAL NOT NULL, last_seen REAL NOT NULL
);
CREATE TABLE checkpoint (
    stream TEXT PRIMARY KEY, path TEXT NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, birth REAL,
    head TEXT NOT NULL, head_length INTEGER NOT NULL, mark TEXT NOT NULL,
    offset INTEGER NOT NULL, line INTEGER NOT NULL, discarding INTEGER NOT NULL,
    seen REAL NOT NULL, gone_since REAL
);
CREATE TABLE instance (
    stream TEXT PRIMARY KEY REFERENCES checkpoint(stream) ON DELETE CASCADE,
    run_id TEXT NOT NULL, fold BLOB NOT NULL, decoder BLOB NOT NULL, rules TEXT NOT NULL, started REAL NOT NULL,
    extra BLOB NOT NULL
);
CREATE INDEX instance_of_run ON instance(run_id);
CREATE TABLE firing (
    stream TEXT NOT NULL REFERENCES checkpoint(stream) ON DELETE CASCADE, rule TEXT NOT NULL,
    run_id TEXT NOT NULL, title TEXT NOT NULL, level TEXT NOT NULL, since REAL, proof BLOB NOT NULL,
    PRIMARY KEY (stream, rule)
) WITHOUT ROWID;
CREATE INDEX firing_of_run ON firing(run_id, title);
CREATE TABLE landmark (
    stream TEXT NOT NULL REFERENCES checkpoint(stream) ON DELETE CASCADE,
    line INTEGER NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (stream, line)
) WITHOUT ROWID;
CREATE TABLE cooldown (
    run_id TEXT NOT NULL, title TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL, PRIMARY KEY (run_id, title)
) WITHOUT ROWID;
CREATE TABLE alert (
    id TEXT PRIMARY KEY, run_id TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, level TEXT NOT NULL,
    at REAL NOT NULL, verdict TEXT, why TEXT, body BLOB NOT NULL
);
CREATE INDEX alert_by_time ON alert(at);
CREATE INDEX alert_of_run ON alert(run_id, title);
CREATE TABLE evidence (
    alert_id TEXT PRIMARY KEY REFERENCES alert(id) ON DELETE CASCADE, at REAL NOT NULL, body BLOB NOT NULL
);
CREATE INDEX evidence_by_time ON evidence(at);
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, alert_id TEXT NOT NULL REFERENCES alert(id) ON DELETE CASCADE,
    receiver TEXT NOT NULL, kind TEXT NOT NULL, born REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0, touched REAL NOT NULL,
    lease_owner TEXT, lease_until REAL, lease_from REAL, reason TEXT, route TEXT, thread TEXT, reference TEXT,
    UNIQUE (alert_id, receiver, kind)
);
CREATE INDEX message_waiting ON message(receiver, born, id) WHERE state = 'waiting';
CREATE INDEX message_by_state ON message(state, receiver);
CREATE TABLE happening (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, run_id TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX happening_by_time ON happening(at);
CREATE INDEX happening_of_run ON happening(run_id, seq);
CREATE TABLE ruleset (checksum TEXT PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE silence (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, run TEXT, project TEXT, level TEXT,
    comment TEXT NOT NULL, starts REAL NOT NULL, ends REAL NOT NULL, made REAL NOT NULL
);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
"""

# `told` is when the end of a silence was told, or found to be worth no message; `held` is what it held back until then.
_SILENCED = """
ALTER TABLE silence ADD COLUMN told REAL;
CREATE TABLE held (
    silence_id INTEGER NOT NULL REFERENCES silence(id) ON DELETE CASCADE, title TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (silence_id, title)
) WITHOUT ROWID;
"""

# One message may carry several alerts: `alert_id` is the worst, `carried` holds the others. `severity` is that of its level;
# `collect` says with what it is collected into a digest, `bundle` under which message it was sent together with others.
_CARRIED = """
ALTER TABLE message ADD COLUMN severity INTEGER NOT NULL DEFAULT 2;
ALTER TABLE message ADD COLUMN collect TEXT;
ALTER TABLE message ADD COLUMN bundle INTEGER;
UPDATE message SET severity = (SELECT CASE level WHEN 'ERROR' THEN 3 WHEN 'WARN' THEN 2 ELSE 1 END FROM alert WHERE id = alert_id);
CREATE TABLE carried (
    message_id INTEGER NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    alert_id TEXT NOT NULL REFERENCES alert(id) ON DELETE CASCADE, PRIMARY KEY (message_id, alert_id)
) WITHOUT ROWID;
CREATE INDEX carried_alert ON carried(alert_id);
DROP INDEX message_waiting;
CREATE INDEX message_waiting ON message(receiver, severity DESC, born, id) WHERE state = 'waiting';
CREATE INDEX message_bundle ON message(bundle) WHERE bundle IS NOT NULL;
CREATE INDEX message_of_alert ON message(alert_id);
"""

# The receiver's own reference of the thread in which a run is told: `at` is its newest message.
_THREADS = """
CREATE TABLE thread (
    receiver TEXT NOT NULL, run_id TEXT NOT NULL, reference TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (receiver, run_id)
) WITHOUT ROWID;
"""

Migration = Callable[[sqlite3.Connection], None]


def statements(script: str) -> list[str]:
    """A script's statements, one by one: `executescript` would commit before it begins."""
    return [part.strip() for part in script.split(";\n") if part.strip()]


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in statements(_FIRST):
        connection.execute(statement)


def _count_silenced(connection: sqlite3.Connection) -> None:
    for statement in statements(_SILENCED):
        connection.execute(statement)


def _carry_alerts(connection: sqlite3.Connection) -> None:
    for statement in statements(_CARRIED):
        connection.execute(statement)


def _keep_threads(connection: sqlite3.Connection) -> None:
    for statement in statements(_THREADS):
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (_create, _count_silenced, _carry_alerts, _keep_threads)
"""MIGRATIONS[v] leads from version v to v + 1."""

VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The `user_version` of a state file; 0 for a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Brings a state file up to date, a transaction a step; returns the version it came from."""
    came_from = version_of(connection)
    for version in range(came_from, len(migrations)):
        _step(connection, migrations[version], version)
    return came_from


def _step(connection: sqlite3.Connection, migration: Migration, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version_of(connection) == version:
            migration(connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
