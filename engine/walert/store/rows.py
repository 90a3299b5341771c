"""Rows of SQLite to values: the one place that knows which column is which."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from walert.model import Checkpoint
from walert.store.codec import from_column, from_optional_column, from_signed, run_from_builtins, unpack
from walert.store.values import Firing, MessageRow, RunState, Silence, StreamState

_CHECKPOINT = (
    "SELECT stream, path, device, inode, birth, head, head_length, mark, offset, line, discarding FROM checkpoint"
)
_FIRING = "SELECT stream, rule, run_id, title, level, since, proof FROM firing"
_STREAM = """
SELECT run.body, fold, decoder, rules, started, extra
FROM instance JOIN run ON run.id = instance.run_id WHERE stream = ?
"""
_SILENCE = """
SELECT id, title, run, project, level, comment, starts, ends, made,
    (SELECT coalesce(sum(number), 0) FROM held WHERE silence_id = silence.id), told
FROM silence
"""


def checkpoints(connection: sqlite3.Connection) -> list[Checkpoint]:
    """Every checkpoint, by stream."""
    return [_checkpoint(row) for row in connection.execute(f"{_CHECKPOINT} ORDER BY stream")]


def _checkpoint(row: Sequence[Any]) -> Checkpoint:
    stream, path, device, inode, birth, head, head_length, mark, offset, line, discarding = row
    place = (from_column(path), from_signed(device), from_signed(inode), birth)
    return Checkpoint(stream, *place, head, head_length, mark, offset, line, bool(discarding))


def stream_state(connection: sqlite3.Connection, stream: str) -> StreamState | None:
    """The state of one stream, or None when it was never judged."""
    row = connection.execute(_STREAM, (stream,)).fetchone()
    if row is None:
        return None
    run, fold, decoder, rules, started, extra = row
    return StreamState(run_from_builtins(unpack(run)), unpack(fold), unpack(decoder), rules, started, unpack(extra))


def firing(connection: sqlite3.Connection, where: str = "", parameters: Sequence[Any] = ()) -> list[Firing]:
    """What fires now, by stream and rule."""
    return [_firing(row) for row in connection.execute(f"{_FIRING} {where} ORDER BY stream, rule", parameters)]


def _firing(row: Sequence[Any]) -> Firing:
    stream, rule, run_id, title, level, since, proof = row
    values, why = unpack(proof)
    return Firing(stream, from_column(rule), from_column(run_id), from_column(title), level, since, values, why)


def run_states(connection: sqlite3.Connection, where: str = "", parameters: Sequence[Any] = ()) -> dict[str, RunState]:
    """Run id to state, of the runs that have one."""
    query = f"SELECT id, state, state_since, detail FROM run WHERE state IS NOT NULL {where} ORDER BY id"
    rows = connection.execute(query, parameters)
    return {from_column(run_id): RunState(state, since, unpack(detail)) for run_id, state, since, detail in rows}


def silences(connection: sqlite3.Connection, where: str = "", parameters: Sequence[Any] = ()) -> list[Silence]:
    """Silences in the order they were made."""
    rows = connection.execute(f"{_SILENCE} {where} ORDER BY id", parameters)
    return [_silence(row) for row in rows]


def _silence(row: Sequence[Any]) -> Silence:
    id_, title, run, project, level, comment, *rest = row
    title, run, project = map(from_optional_column, (title, run, project))
    return Silence(id_, title, run, project, level, from_column(comment), *rest)


def facts(connection: sqlite3.Connection) -> dict[str, Any]:
    """Name to builtins of what the daemon told for `walert status`."""
    return {name: unpack(body) for name, body in connection.execute("SELECT name, body FROM fact ORDER BY name")}


def counters(connection: sqlite3.Connection) -> dict[str, int]:
    """Name to value of every counter ever raised."""
    return dict(connection.execute("SELECT name, value FROM counter ORDER BY name").fetchall())


MESSAGE = """
SELECT message.id, receiver, message.state, message.kind, title, level, coalesce(run.name, alert.run_id), alert.id,
    tries, born, CASE WHEN message.state = 'waiting' THEN max(next_at, coalesce(lease_until, 0)) END, reason, reference, route,
    1 + (SELECT count(*) FROM carried WHERE message_id = message.id), collect, bundle
FROM message JOIN alert ON alert.id = message.alert_id LEFT JOIN run ON run.id = alert.run_id
"""


def message_row(row: Sequence[Any]) -> MessageRow:
    """A row of `MESSAGE` as the value for people."""
    id_, receiver, state, kind, title, level, run, alert, tries, born, due, *texts, alerts, collect, bundle = row
    about = (from_column(title), level, from_column(run), alert)
    told = (*map(from_optional_column, texts), alerts, collected(collect), bundle)
    return MessageRow(id_, from_column(receiver), state, kind, *about, tries, born, due, *told)


def collected(collect: str | bytes | None) -> str | None:
    """What a message is collected for: `flood` or `backlog`, without the run that a flood is of."""
    return None if collect is None else from_column(collect).partition(" ")[0]


def message_rows(connection: sqlite3.Connection, states: Sequence[str]) -> list[MessageRow]:
    """The messages in any of these states, oldest first."""
    marks = ", ".join("?" * len(states))
    query = f"{MESSAGE} WHERE message.state IN ({marks}) ORDER BY message.born, message.id"
    return [message_row(row) for row in connection.execute(query, tuple(states))]
