"""The messages of a backlog: held until the logs are read to their end, then let go as digests, all but errors that still fire.

It opens and commits nothing.
"""

from __future__ import annotations

import sqlite3

from walert.store.codec import from_column, to_optional_column

# The newest message of an ERROR that fires still, of each run, title and receiver: it goes alone.
_ALONE = """
UPDATE message SET collect = NULL, next_at = 0 WHERE id IN (
    SELECT max(message.id) FROM message JOIN alert ON alert.id = alert_id
    JOIN firing ON firing.run_id = alert.run_id AND firing.title = alert.title AND firing.level = 'ERROR'
    WHERE severity = 3 AND alert.kind IN ('firing', 'repeat') AND (:run IS NULL OR alert.run_id = :run)
    GROUP BY receiver, alert.run_id, alert.title)
AND state = 'waiting' AND collect = 'backlog'
RETURNING receiver
"""
_TOGETHER = """
UPDATE message SET next_at = 0 WHERE state = 'waiting' AND collect = 'backlog' AND tries = 0 RETURNING receiver
"""
# With a flood goes what was put off behind it, untried: the end of an episode whose beginning is in it.
_FLOODS = """
UPDATE message SET next_at = 0 WHERE state = 'waiting' AND tries = 0 AND next_at > 0 AND (collect LIKE 'flood%' OR collect IS NULL)
RETURNING receiver
"""
_PLAINLY = """
UPDATE message SET next_at = CASE WHEN tries = 0 THEN 0 ELSE next_at END, collect = NULL
WHERE state = 'waiting' AND (collect IS NOT NULL OR (tries = 0 AND next_at > 0))
"""


def let_errors_go(connection: sqlite3.Connection, run_id: str | None) -> set[str]:
    """An ERROR that still fires in a run, or in any, waits for no digest. Returns the receivers that have something now."""
    return {from_column(row[0]) for row in connection.execute(_ALONE, {"run": to_optional_column(run_id)}).fetchall()}


def let_go(connection: sqlite3.Connection) -> set[str]:
    """All logs are read to their end: what was held goes, errors that still fire first. Returns its receivers."""
    return let_errors_go(connection, None) | {from_column(row[0]) for row in connection.execute(_TOGETHER).fetchall()}


def let_floods_go(connection: sqlite3.Connection) -> set[str]:
    """The daemon ends: what was collected of floods does not wait for the next one. Returns its receivers."""
    return {from_column(row[0]) for row in connection.execute(_FLOODS).fetchall()}


def let_go_singly(connection: sqlite3.Connection) -> None:
    """Nothing is collected any more: each message goes by itself."""
    connection.execute(_PLAINLY)
