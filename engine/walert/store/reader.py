"""All reads for people: `walert status`, `runs`, `alerts`, `outbox`, `explain`, and later pages.

Read-only, each answer from one consistent snapshot, beside a daemon that writes. Field names are those of the values
and stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from walert.errors import StoreError
from walert.model import Alert
from walert.store import rows, schema
from walert.store.codec import from_column, from_optional_column, read_alert, run_from_builtins, to_column, unpack
from walert.store.connect import BUSY_SECONDS, open_for_reading, printable, reading
from walert.store.values import (
    AlertRow,
    HappeningRow,
    MessageRow,
    MessageView,
    ReceiverRow,
    RunRow,
    Silence,
    Status,
    StreamRow,
)

_ALERTS = "SELECT body, verdict, why FROM alert"
_MESSAGES = f"""
{rows.MESSAGE} WHERE message.alert_id = ? OR message.id IN (SELECT message_id FROM carried WHERE carried.alert_id = ?)
ORDER BY message.id
"""
_TOLD = f"""
{_ALERTS} WHERE id IN (
    SELECT alert_id FROM message WHERE id = :id OR bundle = :id
    UNION SELECT carried.alert_id FROM carried JOIN message ON message.id = message_id WHERE message.id = :id OR bundle = :id)
ORDER BY at, rowid
"""
_HAPPENINGS = "SELECT seq, at, kind, run_id, payload FROM happening WHERE seq > ?"
_RUNS = """
SELECT body, state, state_since, first_seen, last_seen,
    (SELECT count(*) FROM instance WHERE instance.run_id = run.id),
    (SELECT count(*) FROM firing WHERE firing.run_id = run.id)
FROM run ORDER BY last_seen DESC, id
"""
_READ = "SELECT run_id, extra FROM instance"
_FIRES = """
SELECT run_id, title FROM firing GROUP BY run_id, title
ORDER BY max(CASE level WHEN 'ERROR' THEN 2 WHEN 'WARN' THEN 1 ELSE 0 END) DESC, title
"""
_STREAMS = """
SELECT checkpoint.stream, path, run_id, offset, line, seen, gone_since
FROM checkpoint LEFT JOIN instance ON instance.stream = checkpoint.stream ORDER BY path, checkpoint.stream
"""
_RECEIVERS = """
SELECT receiver, sum(state = 'waiting'), sum(state = 'dead'), sum(state = 'delivered')
FROM message GROUP BY receiver ORDER BY receiver
"""
_REASONS = """
SELECT receiver, reason, max(touched) FROM message WHERE state IN ('waiting', 'dead') AND reason IS NOT NULL
GROUP BY receiver
"""
_UPDATED = """
SELECT max(at) FROM (SELECT max(at) AS at FROM happening UNION ALL SELECT max(seen) FROM checkpoint
    UNION ALL SELECT max(last_seen) FROM run UNION ALL SELECT max(at) FROM fact)
"""


class Reader:
    """A state file opened for reading. StoreError when it is missing, foreign, of another version or unreadable."""

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = Path(path)
        self._connection = open_for_reading(self.path, busy_seconds)

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file. Closing twice is fine."""
        self._connection.close()

    def status(self, now: float | None = None) -> Status:
        """The whole state at one moment; silences that are over at `now` are left out."""
        with reading(self._connection, self.path) as connection:
            streams, gone = connection.execute("SELECT count(*), count(gone_since) FROM checkpoint").fetchone()
            return Status(
                path=printable(self.path),
                version=schema.version_of(connection),
                streams=streams,
                gone=gone,
                runs=_runs_by_state(connection),
                firing=tuple(rows.firing(connection)),
                receivers=_receivers(connection),
                silences=tuple(_silences(connection, now)),
                counters=rows.counters(connection),
                facts=rows.facts(connection),
                updated=connection.execute(_UPDATED).fetchone()[0],
            )

    def runs(self) -> list[RunRow]:
        """Every run, the most recently seen first."""
        with reading(self._connection, self.path) as connection:
            read, fires = _newest_lines(connection), _fires(connection)
            return [_run_row(row, read, fires) for row in connection.execute(_RUNS)]

    def streams(self) -> list[StreamRow]:
        """Every log that is followed or was, by path."""
        with reading(self._connection, self.path) as connection:
            found = connection.execute(_STREAMS).fetchall()
        return [
            StreamRow(stream, from_column(path), from_optional_column(run), *rest) for stream, path, run, *rest in found
        ]

    def alerts(self, since: float = 0.0, *, run_id: str | None = None, limit: int = 1_000) -> list[AlertRow]:
        """The newest `limit` alerts decided at or after `since`, oldest of them first, with their messages."""
        where = "WHERE at >= :since AND (:run IS NULL OR run_id = :run) ORDER BY at DESC, rowid DESC LIMIT :limit"
        wanted = {"since": since, "run": None if run_id is None else to_column(run_id), "limit": limit}
        with reading(self._connection, self.path) as connection:
            found = connection.execute(f"{_ALERTS} {where}", wanted).fetchall()
            return _alert_rows(connection, found[::-1])

    def alerts_after(
        self, row: int, since: float = 0.0, last: int | None = None, limit: int = 1_000
    ) -> list[tuple[int, AlertRow]]:
        """Up to `limit` alerts in rows after `row`, up to `last`, with their rows, in the order in which they were committed; to follow,
        ask with the last one.
        """
        where = "WHERE rowid > ? AND rowid <= ? AND at >= ? ORDER BY rowid LIMIT ?"
        wanted = (row, 2**62 if last is None else last, since, limit)
        with reading(self._connection, self.path) as connection:
            found = connection.execute(f"SELECT rowid, id FROM alert {where}", wanted).fetchall()
            query = f"{_ALERTS} WHERE id = ?"
            return [
                (number, told)
                for number, alert_id in found
                for told in _alert_rows(connection, connection.execute(query, (alert_id,)).fetchall())
            ]

    def last_alert(self) -> int:
        """The row of the newest alert, 0 when there is none: where `--follow` begins."""
        with reading(self._connection, self.path) as connection:
            return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM alert").fetchone()[0])

    def row_of(self, alert_id: str) -> int | None:
        """The row of an alert."""
        with reading(self._connection, self.path) as connection:
            found = connection.execute("SELECT rowid FROM alert WHERE id = ?", (alert_id,)).fetchone()
        return None if found is None else int(found[0])

    def message(self, message_id: int) -> MessageView | None:
        """One message with all that it tells; one that was sent together with others stands for them all."""
        with reading(self._connection, self.path) as connection:
            found = connection.execute(f"{rows.MESSAGE} WHERE message.id = ?", (message_id,)).fetchone()
            if found is None:
                return None
            row = rows.message_row(found)
            told = connection.execute(_TOLD, {"id": message_id}).fetchall()
            alerts = _alert_rows(connection, told)
        return MessageView(row, tuple(one.alert for one in alerts))

    def alert(self, alert_id: str) -> AlertRow | None:
        """One alert with its messages, None when it is not (or no longer) there."""
        with reading(self._connection, self.path) as connection:
            found = connection.execute(f"{_ALERTS} WHERE id = ?", (alert_id,)).fetchall()
            return next(iter(_alert_rows(connection, found)), None)

    def outbox(self, states: Sequence[str] = ("waiting", "dead")) -> list[MessageRow]:
        """The messages in any of these states, oldest first."""
        with reading(self._connection, self.path) as connection:
            return rows.message_rows(connection, states)

    def happenings(
        self, after_seq: int = 0, *, run_id: str | None = None, kinds: Sequence[str] = (), limit: int = 1_000
    ) -> list[HappeningRow]:
        """Up to `limit` happenings with a higher sequence number, in order; to follow, ask with the last `seq`."""
        query = _HAPPENINGS
        parameters: list[Any] = [after_seq]
        if run_id is not None:
            query, parameters = f"{query} AND run_id = ?", [*parameters, to_column(run_id)]
        if kinds:
            query, parameters = f"{query} AND kind IN ({', '.join('?' * len(kinds))})", [*parameters, *kinds]
        with reading(self._connection, self.path) as connection:
            found = connection.execute(f"{query} ORDER BY seq LIMIT ?", [*parameters, limit]).fetchall()
        return [HappeningRow(seq, at, kind, from_column(run), json.loads(body)) for seq, at, kind, run, body in found]

    def last_seq(self) -> int:
        """The newest happening's sequence number, 0 when there is none: where `--follow` begins."""
        with reading(self._connection, self.path) as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM happening").fetchone()[0])

    def silences(self, now: float | None = None) -> list[Silence]:
        """Every silence, or those that are not over at `now`."""
        with reading(self._connection, self.path) as connection:
            return _silences(connection, now)

    def evidence(self, alert_id: str) -> Any:
        """The alert's cut of the log as builtins, None when there is none (any more)."""
        with reading(self._connection, self.path) as connection:
            row = connection.execute("SELECT body FROM evidence WHERE alert_id = ?", (alert_id,)).fetchone()
        return None if row is None else unpack(row[0])


def _silences(connection: sqlite3.Connection, now: float | None) -> list[Silence]:
    return rows.silences(connection) if now is None else rows.silences(connection, "WHERE ends > ?", (now,))


def _runs_by_state(connection: sqlite3.Connection) -> dict[str, int]:
    query = "SELECT coalesce(state, 'running'), count(*) FROM run GROUP BY 1 ORDER BY 1"
    return dict(connection.execute(query).fetchall())


def _receivers(connection: sqlite3.Connection) -> tuple[ReceiverRow, ...]:
    reasons = {receiver: from_optional_column(reason) for receiver, reason, _ in connection.execute(_REASONS)}
    found = connection.execute(_RECEIVERS).fetchall()
    return tuple(
        ReceiverRow(from_column(name), waiting, dead, delivered, reasons.get(name))
        for name, waiting, dead, delivered in found
    )


_Line = tuple[float | None, float | None]


def _run_row(row: Sequence[Any], read: Mapping[str, _Line], fires: Mapping[str, Sequence[str]]) -> RunRow:
    body, state, since, first_seen, last_seen, streams, firing = row
    run = run_from_builtins(unpack(body))
    about = (run.id, run.name, run.project, run.tags, run.host, run.attempt)
    known = (state, since, first_seen, last_seen, streams, firing)
    return RunRow(*about, *known, *read.get(run.id, (None, None)), tuple(fires.get(run.id, ())))


def _newest_lines(connection: sqlite3.Connection) -> dict[str, _Line]:
    """Run id to the step of its newest line and when that was read, of all its logs."""
    newest: dict[str, _Line] = {}
    for run_id, blob in connection.execute(_READ):
        extra = unpack(blob)
        name, step, at = from_column(run_id), extra.get("step"), extra.get("read")
        known, read = newest.get(name, (None, None))
        is_newer = (at or 0.0) >= (read or 0.0)
        # A log that holds no metrics, such as that of `walert run`, tells of the time, not of the step.
        chosen = step if step is not None and (is_newer or known is None) else known
        newest[name] = (chosen, at if is_newer else read)
    return newest


def _fires(connection: sqlite3.Connection) -> defaultdict[str, list[str]]:
    """Run id to the titles of the rules that fire in it, the worst first."""
    fires: defaultdict[str, list[str]] = defaultdict(list)
    for run_id, title in connection.execute(_FIRES):
        fires[from_column(run_id)].append(from_column(title))
    return fires


def _alert_rows(connection: sqlite3.Connection, found: Sequence[Sequence[Any]]) -> list[AlertRow]:
    alerts = []
    for body, verdict, why in found:
        # One damaged row must not hide the others; its messages are dead, and listed.
        with contextlib.suppress(StoreError):
            alerts.append((read_alert(body), verdict, from_optional_column(why)))
    messages = _messages_of(connection, [alert for alert, _, _ in alerts])
    return [AlertRow(alert, verdict, why, tuple(messages[alert.id])) for alert, verdict, why in alerts]


def _messages_of(connection: sqlite3.Connection, alerts: Sequence[Alert]) -> defaultdict[str, list[MessageRow]]:
    messages: defaultdict[str, list[MessageRow]] = defaultdict(list)
    for alert in alerts:
        for row in connection.execute(_MESSAGES, (alert.id, alert.id)):
            messages[alert.id].append(rows.message_row(row))
    return messages
