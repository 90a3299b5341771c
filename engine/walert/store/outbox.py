"""The outbox as the delivery threads use it: lease messages, try them, settle them.

A claim is an UPDATE that must hit its row. A lease that ran out, because its holder died, is taken again: at least
once. A clock that was set back neither keeps a message waiting for years nor a lease alive: both are checked against
what is possible (`LONGEST_WAIT`, `LONGEST_LEASE`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from walert.errors import StoreError
from walert.model import ANY_TERMS, Message, Outcome, Terms
from walert.store import rows
from walert.store.apply import add_happening
from walert.store.codec import from_column, to_column, unpack
from walert.store.connect import BUSY_SECONDS, explained, open_existing, reading, writing
from walert.store.leasing import FIND, IS_DUE, IS_FREE, LONGEST_LEASE, take
from walert.store.settling import (
    LONGEST_WAIT,
    SETTLE,
    TRIED,
    Dead,
    Retry,
    judged,
    keep_thread,
    record_try,
)
from walert.store.values import MessageRow

__all__ = ["LONGEST_LEASE", "LONGEST_WAIT", "Dead", "Retry", "SqliteOutbox"]

_NEXT = f"""
SELECT min(CASE WHEN {IS_FREE} AND {IS_DUE} THEN :now
    ELSE min(max(next_at, coalesce(lease_until, 0)), coalesce(:now + {LONGEST_WAIT}, 9e999)) END)
FROM message WHERE receiver = :receiver AND state = 'waiting' AND severity >= :least
"""
_RELEASE = """
UPDATE message SET tries = max(tries - 1, 0), lease_owner = NULL, lease_from = NULL, lease_until = NULL
WHERE (id = :id OR bundle = :id) AND state = 'waiting' AND lease_owner = :owner
"""
_TAKE_BACK = """
UPDATE message SET lease_owner = NULL, lease_from = NULL, lease_until = NULL WHERE state = 'waiting' AND lease_until IS NOT NULL
"""
_RETRY = """
UPDATE message SET state = 'waiting', next_at = 0, tries = CASE state WHEN 'waiting' THEN tries ELSE 0 END
WHERE id = ? AND state <> 'delivered'
"""
_DROP = """
UPDATE message SET state = 'dropped', lease_owner = NULL, lease_from = NULL, lease_until = NULL
WHERE id = ? AND state IN ('waiting', 'dead')
"""

_Messages = list[Message]
_Rows = list[MessageRow]
_Names = list[str]


class SqliteOutbox:
    """The outbox of one state file, which must exist. Any number of threads and processes may use it at once.

    Each thread gets a connection of its own; `close` closes them all. Every method raises StoreError when the file
    fails.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = Path(path)
        self._busy = busy_seconds
        self._mine = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> SqliteOutbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every thread's connection; leases stay until they run out. Closing twice is fine."""
        with self._lock:
            self._closed = True
            connections, self._all = self._all, []
        for connection in connections:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError("The outbox is closed.")
        connection: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = open_existing(self.path, self._busy)
            with self._lock:
                self._all.append(connection)
        return connection

    # --- delivering -------------------------------------------------------------------------------------------------

    def lease(
        self, receiver: str, now: float, owner: str, seconds: float, limit: int, terms: Terms = ANY_TERMS
    ) -> _Messages:
        """Up to `limit` messages that are due, held for `owner` for `seconds` (at most `LONGEST_LEASE`): the highest level
        first, and of one level the oldest.

        Each counts as a try begun. Rows that are collected for the same digest come as one message. A message that cannot be read any more
        is dead, a *resolved* one whose firing message was not delivered is dropped, and the queue behind them moves.
        """
        connection = self._connection()
        wanted = {"receiver": to_column(receiver), "now": now, "limit": limit, "least": terms.least}
        with explained(self.path):
            if connection.execute(FIND, wanted).fetchone() is None:
                return []
        claim = {"owner": owner, "now": now, "seconds": min(seconds, LONGEST_LEASE)}
        with writing(connection, self.path):
            return take(connection, wanted, claim, terms)

    def settle(
        self,
        message_id: int,
        outcome: Outcome,
        verdict: Retry | Dead | None,
        now: float,
        *,
        owner: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Ends a try: the message is delivered, waits for its next try, or is dead. One that was dropped meanwhile stays so.

        `verdict` says what follows a failure and is None, or ignored, for one that was delivered. The try is recorded
        as a happening with `seconds`, or else the time since the lease. Given `owner`, a failure of one who lost the
        lease changes nothing but is recorded. Reasons are stored: they must be free of secrets. ValueError for a
        failure without a verdict, StoreError for an unknown id.
        """
        change = judged(outcome, verdict, now) | {"id": message_id, "owner": owner, "now": now}
        with writing(self._connection(), self.path) as connection:
            before = connection.execute(TRIED, (message_id,)).fetchone()
            if before is None:
                raise StoreError(f"There is no message {message_id} in the outbox.")
            connection.execute(SETTLE, change)
            keep_thread(connection, before, outcome, now)
            state = str(connection.execute("SELECT state FROM message WHERE id = ?", (message_id,)).fetchone()[0])
            record_try(connection, message_id, before, outcome, state, now, seconds)

    def release(self, message_ids: Iterable[int], owner: str) -> None:
        """Gives back leases that were not used: no try is counted and the messages are due as before."""
        with writing(self._connection(), self.path) as connection:
            connection.executemany(_RELEASE, ({"id": message_id, "owner": owner} for message_id in message_ids))

    def take_back(self) -> int:
        """Ends every lease: for a daemon that starts, and so is alone, where another was killed. How many there were.

        What was in flight may have arrived: it is sent again, under the same alert id.
        """
        with writing(self._connection(), self.path) as connection:
            return connection.execute(_TAKE_BACK).rowcount

    def next_due(self, receiver: str, now: float | None = None, least: int = 0) -> float | None:
        """When the receiver's next message of that severity or above can be leased, Unix seconds; None when nothing waits.

        Given `now`, it is never later than `now + LONGEST_WAIT`, and `now` for what is due.
        """
        with explained(self.path):
            wanted = {"receiver": to_column(receiver), "now": now, "least": least}
            row = self._connection().execute(_NEXT, wanted).fetchone()
        return None if row[0] is None else float(row[0])

    def receivers_waiting(self) -> _Names:
        """The names of receivers that have waiting messages."""
        with explained(self.path):
            found = (
                self._connection().execute("SELECT DISTINCT receiver FROM message WHERE state = 'waiting'").fetchall()
            )
        return sorted(from_column(row[0]) for row in found)

    def evidence(self, alert_id: str) -> Any:
        """The alert's cut of the log as builtins, None when there is none (any more)."""
        with explained(self.path):
            row = self._connection().execute("SELECT body FROM evidence WHERE alert_id = ?", (alert_id,)).fetchone()
        return None if row is None else unpack(row[0])

    # --- looking and mending ----------------------------------------------------------------------------------------

    def waiting(self, receiver: str | None = None) -> int:
        """How many messages wait, of one receiver or all."""
        return self._count("waiting", receiver)

    def dead(self, receiver: str | None = None) -> int:
        """How many messages are dead, of one receiver or all."""
        return self._count("dead", receiver)

    def _count(self, state: str, receiver: str | None) -> int:
        name = None if receiver is None else to_column(receiver)
        query = "SELECT count(*) FROM message WHERE state = :state AND (:name IS NULL OR receiver = :name)"
        with explained(self.path):
            return int(self._connection().execute(query, {"state": state, "name": name}).fetchone()[0])

    def retry(self, message_id: int, now: float | None = None) -> bool:
        """Makes a message due at once; one that was dead or dropped starts anew. False when unknown or delivered."""
        return self._mend(_RETRY, message_id, "retry", now)

    def drop(self, message_id: int, now: float | None = None) -> bool:
        """Gives a waiting or dead message up for good. False when there is no such message."""
        return self._mend(_DROP, message_id, "drop", now)

    def _mend(self, query: str, message_id: int, kind: str, now: float | None) -> bool:
        with writing(self._connection(), self.path) as connection:
            changed = connection.execute(query, (message_id,)).rowcount == 1
            if changed and now is not None:
                _, receiver, _, _, alert_id, run_id, title = connection.execute(TRIED, (message_id,)).fetchone()
                names = {"receiver": from_column(receiver), "title": from_column(title)}
                add_happening(
                    connection, kind, now, from_column(run_id), {"message": message_id, "alert": alert_id, **names}
                )
        return changed

    def list(self, states: Sequence[str] = ("waiting", "dead")) -> _Rows:
        """The messages in any of these states, oldest first."""
        with reading(self._connection(), self.path) as connection:
            return rows.message_rows(connection, states)
