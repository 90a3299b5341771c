"""What may go, and when: happenings after 30 days, alerts 90, evidence 30, streams whose file vanished 30, or
earlier when there are more than 20,000 of them.

What is open or not delivered stays: an alert whose title still fires in its run, one with a message that waits or is
dead, and their evidence. Each call deletes a bounded number of rows a table and gives a bounded number of pages back to
the file system.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from walert.store.apply import forget
from walert.store.connect import explained, writing

DAY = 86_400.0
HAPPENING_DAYS = 30
ALERT_DAYS = 90
EVIDENCE_DAYS = 30
STREAM_DAYS = 30
MOST_GONE = 20_000
"""Streams whose file vanished that are remembered at the most: those gone longest go before their time. Each costs a start some memory."""
BATCH = 1_000
"""Rows a table and call: some 10 ms of work, so that a pass never waits long."""
PAGES = 256
"""Pages given back a call: 1 MiB."""

_HAPPENINGS = "SELECT seq FROM happening WHERE at < ? ORDER BY at LIMIT ?"
_OPEN_IN_GROUP = """
NOT EXISTS (SELECT 1 FROM carried JOIN message ON message.id = message_id
    WHERE carried.alert_id = alert.id AND state IN ('waiting', 'dead'))
"""
# A message that is open keeps every alert that it carries, and the one it is filed under keeps the message.
_ALERTS = f"""
SELECT id FROM alert WHERE at < ?
AND NOT EXISTS (SELECT 1 FROM message WHERE alert_id = alert.id AND state IN ('waiting', 'dead'))
AND {_OPEN_IN_GROUP}
AND NOT EXISTS (SELECT 1 FROM firing WHERE firing.run_id = alert.run_id AND firing.title = alert.title)
ORDER BY at LIMIT ?
"""
_EVIDENCE = f"""
SELECT alert_id FROM evidence JOIN alert ON alert.id = alert_id WHERE evidence.at < ?
AND NOT EXISTS (SELECT 1 FROM message WHERE message.alert_id = evidence.alert_id AND state IN ('waiting', 'dead'))
AND {_OPEN_IN_GROUP}
AND NOT EXISTS (SELECT 1 FROM firing WHERE firing.run_id = alert.run_id AND firing.title = alert.title)
ORDER BY evidence.at LIMIT ?
"""
_COOLDOWNS = """
DELETE FROM cooldown WHERE (run_id, title) IN (SELECT run_id, title FROM cooldown
    WHERE at < ? AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.run_id = cooldown.run_id) LIMIT ?)
"""
_RULESETS = """
DELETE FROM ruleset WHERE checksum IN (SELECT checksum FROM ruleset
    WHERE at < ? AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.rules = ruleset.checksum) LIMIT ?)
"""
_RUNS = """
DELETE FROM run WHERE id IN (SELECT id FROM run WHERE last_seen < ?
    AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.run_id = run.id)
    AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.run_id = run.id) LIMIT ?)
"""
_THREADS = "DELETE FROM thread WHERE (receiver, run_id) IN (SELECT receiver, run_id FROM thread WHERE at < ? LIMIT ?)"
# What is told of a run; facts about the daemon itself stay.
_FACTS = "DELETE FROM fact WHERE name IN (SELECT name FROM fact WHERE at < ? AND name GLOB 'blind:*' LIMIT ?)"
# What a silence held back is told first.
_SILENCES = """
DELETE FROM silence WHERE id IN (SELECT id FROM silence WHERE ends < ?
    AND (told IS NOT NULL OR NOT EXISTS (SELECT 1 FROM held WHERE silence_id = silence.id)) LIMIT ?)
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """How many of each went. `more` tells that a batch was full: the next call has work at once."""

    happenings: int
    alerts: int
    evidence: int
    streams: int
    more: bool


def expire(connection: sqlite3.Connection, path: Path, now: float, live: Collection[str] | None) -> Expired:
    """One bounded round; `live` as in `Store.expire`. StoreError as for any write."""
    with writing(connection, path):
        happenings = _delete(connection, "happening", "seq", _HAPPENINGS, now - HAPPENING_DAYS * DAY)
        alerts = _delete(connection, "alert", "id", _ALERTS, now - ALERT_DAYS * DAY)
        evidence = _delete(connection, "evidence", "alert_id", _EVIDENCE, now - EVIDENCE_DAYS * DAY)
        streams, marked = (0, 0) if live is None else _expire_streams(connection, now, live)
        _expire_leftovers(connection, now)
    with explained(path):
        # A pragma that returns no rows is stepped only once by execute(), which frees a single page.
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES})")
    return Expired(happenings, alerts, evidence, streams, BATCH in (happenings, alerts, evidence, streams, marked))


def _delete(connection: sqlite3.Connection, table: str, key: str, query: str, before: float) -> int:
    return connection.execute(f"DELETE FROM {table} WHERE {key} IN ({query})", (before, BATCH)).rowcount


def _expire_leftovers(connection: sqlite3.Connection, now: float) -> None:
    for query, days in (
        (_COOLDOWNS, ALERT_DAYS),
        (_RULESETS, ALERT_DAYS),
        (_RUNS, ALERT_DAYS),
        (_THREADS, ALERT_DAYS),
        (_SILENCES, HAPPENING_DAYS),
        (_FACTS, HAPPENING_DAYS),
    ):
        connection.execute(query, (now - days * DAY, BATCH))


def _expire_streams(connection: sqlite3.Connection, now: float, live: Collection[str]) -> tuple[int, int]:
    """A stream that is not live is marked gone, and forgotten 30 days after; one that came back is unmarked. How many of both.

    A mark that lies in the future is from before the clock went back, and is set anew.
    """
    known = dict(connection.execute("SELECT stream, gone_since FROM checkpoint"))
    living = live if isinstance(live, set | frozenset) else frozenset(live)
    stale = (
        (None if name in living else now, name) for name, at in known.items() if _stale_mark(at, name in living, now)
    )
    marks = list(islice(stale, BATCH))
    connection.executemany("UPDATE checkpoint SET gone_since = ? WHERE stream = ?", marks)
    gone = sorted((at, name) for name, at in known.items() if at is not None and name not in living)
    over = [name for n, (at, name) in enumerate(gone) if at < now - STREAM_DAYS * DAY or n < len(gone) - MOST_GONE]
    for name in over[:BATCH]:
        forget(connection, name)
    return len(over[:BATCH]), len(marks)


def _stale_mark(since: float | None, is_live: bool, now: float) -> bool:
    return since is not None if is_live else since is None or since > now
