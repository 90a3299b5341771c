"""Applies `Changes` to an open transaction, table by table. It opens and commits nothing."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from walert.model import Alert, Checkpoint, Run
from walert.store import silenced
from walert.store.codec import alert_to_builtins, pack, run_to_builtins, to_column, to_optional_column, to_signed
from walert.store.values import Changes, Firing, Parcel, RunState, StreamState

_RUN = """
INSERT INTO run (id, name, project, body, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, project = excluded.project, body = excluded.body,
    last_seen = max(last_seen, excluded.last_seen)
"""
_CHECKPOINT = """
INSERT INTO checkpoint (stream, path, device, inode, birth, head, head_length, mark, offset, line, discarding, seen)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET path = excluded.path, device = excluded.device, inode = excluded.inode,
    birth = excluded.birth, head = excluded.head, head_length = excluded.head_length, mark = excluded.mark,
    offset = excluded.offset, line = excluded.line, discarding = excluded.discarding, seen = excluded.seen,
    gone_since = NULL
"""
_INSTANCE = """
INSERT INTO instance (stream, run_id, fold, decoder, rules, started, extra) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET run_id = excluded.run_id, fold = excluded.fold, decoder = excluded.decoder,
    rules = excluded.rules, started = excluded.started, extra = excluded.extra
"""
_FIRING = (
    "INSERT OR REPLACE INTO firing (stream, rule, run_id, title, level, since, proof) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_COOLDOWN = "INSERT OR REPLACE INTO cooldown (run_id, title, at, body) VALUES (?, ?, ?, ?)"
_ALERT = """
INSERT INTO alert (id, run_id, kind, title, level, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
"""
_MESSAGE = """
INSERT INTO message (alert_id, receiver, kind, born, touched, route, severity, collect, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_CARRIED = "INSERT INTO carried (message_id, alert_id) VALUES (?, ?)"
_VERDICT = "UPDATE alert SET verdict = ?, why = ? WHERE id = ?"
_EVIDENCE = "INSERT OR REPLACE INTO evidence (alert_id, at, body) VALUES (?, ?, ?)"
_HAPPENING = "INSERT INTO happening (at, kind, run_id, payload) VALUES (?, ?, ?, ?)"
_COUNTER = (
    "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)
_RUN_STATE = "UPDATE run SET state = ?, state_since = ?, detail = ? WHERE id = ?"
_LANDMARK = "INSERT OR REPLACE INTO landmark (stream, line, offset) VALUES (?, ?, ?)"
_RULESET = (
    "INSERT INTO ruleset (checksum, at, body) VALUES (?, ?, ?) ON CONFLICT (checksum) DO UPDATE SET at = excluded.at"
)
_FACT = "INSERT OR REPLACE INTO fact (name, at, body) VALUES (?, ?, ?)"


def apply(connection: sqlite3.Connection, changes: Changes, now: float) -> list[int]:
    """Writes all of it; returns the ids of new messages. ValueError when the changes contradict each other."""
    for stream in changes.forget:
        forget(connection, stream)
    _apply_stream(connection, changes, now)
    _apply_runs(connection, changes)
    new = {alert.id: alert for alert, _ in changes.alerts if _add_alert(connection, changes, alert, now)}
    messages = _add_messages(connection, changes, new, now)
    _apply_alert_extras(connection, changes, now)
    _apply_records(connection, changes, now)
    return messages


def forget(connection: sqlite3.Connection, stream: str) -> None:
    """Deletes a stream: its instance, what fires in it and its landmarks go with the checkpoint."""
    connection.execute("DELETE FROM checkpoint WHERE stream = ?", (stream,))


def add_happening(
    connection: sqlite3.Connection, kind: str, at: float, run_id: str, payload: Mapping[str, Any]
) -> None:
    """Appends to the feed; its sequence number is higher than every one ever given."""
    connection.execute(_HAPPENING, (at, kind, to_column(run_id), to_json(payload)))


def to_json(payload: Mapping[str, Any]) -> str:
    """JSON in ASCII, in which numbers that JSON cannot spell are strings (`"NaN"`, `"Infinity"`, `"-Infinity"`)."""
    try:
        return json.dumps(payload, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_spelled(payload), allow_nan=False, separators=(",", ":"))


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return value


# --- streams and runs -----------------------------------------------------------------------------------------------


def _apply_stream(connection: sqlite3.Connection, changes: Changes, now: float) -> None:
    state, checkpoint = changes.stream_state, changes.checkpoint
    if changes.run is not None:
        _put_run(connection, changes.run, now)
    if state is not None and state.run != changes.run:
        _put_run(connection, state.run, now)
    if checkpoint is not None:
        connection.execute(_CHECKPOINT, _checkpoint_row(checkpoint, now))
        _apply_stream_state(connection, checkpoint.stream, state, changes.firing)
    elif state is not None or changes.firing is not None:
        raise ValueError("stream_state and firing belong to a checkpoint, and there is none")
    connection.executemany(_LANDMARK, changes.landmarks)


def _apply_stream_state(
    connection: sqlite3.Connection, stream: str, state: StreamState | None, firing: Sequence[Firing] | None
) -> None:
    if state is not None:
        blobs = (pack(state.fold), pack(state.decoder))
        connection.execute(
            _INSTANCE, (stream, to_column(state.run.id), *blobs, state.rules, state.started, pack(state.extra))
        )
    if firing is not None:
        connection.execute("DELETE FROM firing WHERE stream = ?", (stream,))
        connection.executemany(_FIRING, (_firing_row(stream, one) for one in firing))


def _firing_row(stream: str, firing: Firing) -> tuple[Any, ...]:
    if firing.stream != stream:
        raise ValueError(f"a firing of stream {firing.stream!r} beside the checkpoint of {stream!r}")
    names = (to_column(firing.rule), to_column(firing.run_id), to_column(firing.title))
    return (stream, *names, firing.level, firing.since, pack([dict(firing.values), firing.why]))


def _put_run(connection: sqlite3.Connection, run: Run, now: float) -> None:
    project = to_optional_column(run.project)
    connection.execute(_RUN, (to_column(run.id), to_column(run.name), project, pack(run_to_builtins(run)), now, now))


def _checkpoint_row(checkpoint: Checkpoint, now: float) -> tuple[Any, ...]:
    place = (to_column(checkpoint.path), to_signed(checkpoint.device), to_signed(checkpoint.inode), checkpoint.birth)
    marks = (checkpoint.head, checkpoint.head_length, checkpoint.mark)
    return (checkpoint.stream, *place, *marks, checkpoint.offset, checkpoint.line, checkpoint.discarding, now)


def _apply_runs(connection: sqlite3.Connection, changes: Changes) -> None:
    for run_id, state in changes.run_states.items():
        _set_run_state(connection, run_id, state)


def _set_run_state(connection: sqlite3.Connection, run_id: str, state: RunState) -> None:
    row = (state.state, state.since, pack(state.detail), to_column(run_id))
    if connection.execute(_RUN_STATE, row).rowcount != 1:
        raise ValueError(f"a state for the run {run_id!r}, which was never added")


# --- alerts ---------------------------------------------------------------------------------------------------------


def _add_alert(connection: sqlite3.Connection, changes: Changes, alert: Alert, now: float) -> bool:
    """Whether it is new: one that is known was decided, and made its messages, before."""
    names = (alert.id, to_column(alert.run.id), alert.kind, to_column(alert.title), alert.level.value)
    row = (*names, alert.at or now, pack(alert_to_builtins(alert)))
    if connection.execute(_ALERT, row).rowcount != 1:
        return False
    if alert.id in changes.silenced:
        silenced.note(connection, alert, *changes.silenced[alert.id])
    return True


def _add_messages(connection: sqlite3.Connection, changes: Changes, new: Mapping[str, Alert], now: float) -> list[int]:
    """The messages of the new alerts, as `parcels` groups them; one a receiver and alert where it does not say."""
    parcels = changes.parcels
    if parcels is None:
        parcels = [Parcel(name, (alert.id,)) for alert, names in changes.alerts for name in dict.fromkeys(names)]
    added = []
    for parcel in parcels:
        carried = [new[alert_id] for alert_id in parcel.alerts if alert_id in new]
        if carried:
            added.append(_add_message(connection, changes, parcel, carried, now))
    return added


def _add_message(
    connection: sqlite3.Connection, changes: Changes, parcel: Parcel, carried: Sequence[Alert], now: float
) -> int:
    head = carried[0]
    route = to_optional_column(changes.reasons.get((head.id, parcel.receiver)))
    row = (head.id, to_column(parcel.receiver), head.kind, head.at or now, now, route)
    waits = (head.level.severity, to_optional_column(parcel.collect), parcel.hold)
    id_ = connection.execute(_MESSAGE, (*row, *waits)).lastrowid or 0
    connection.executemany(_CARRIED, ((id_, other.id) for other in carried[1:]))
    return id_


def _apply_alert_extras(connection: sqlite3.Connection, changes: Changes, now: float) -> None:
    for alert_id, (verdict, why) in changes.verdicts.items():
        connection.execute(_VERDICT, (verdict, to_column(why), alert_id))
    connection.executemany(_EVIDENCE, ((alert_id, now, pack(body)) for alert_id, body in changes.evidence.items()))


# --- everything else ------------------------------------------------------------------------------------------------


def _apply_records(connection: sqlite3.Connection, changes: Changes, now: float) -> None:
    for (run_id, title), body in changes.cooldowns.items():
        _set_cooldown(connection, run_id, title, body, now)
    for kind, at, run_id, payload in changes.happenings:
        add_happening(connection, kind, at, run_id, payload)
    connection.executemany(_COUNTER, changes.counters.items())
    connection.executemany(_RULESET, ((checksum, now, pack(body)) for checksum, body in changes.rulesets.items()))
    for name, body in changes.facts.items():
        _set_fact(connection, name, body, now)


def _set_cooldown(connection: sqlite3.Connection, run_id: str, title: str, body: Any, now: float) -> None:
    key = (to_column(run_id), to_column(title))
    if body is None:
        connection.execute("DELETE FROM cooldown WHERE run_id = ? AND title = ?", key)
    else:
        connection.execute(_COOLDOWN, (*key, now, pack(body)))


def _set_fact(connection: sqlite3.Connection, name: str, body: Any, now: float) -> None:
    if body is None:
        connection.execute("DELETE FROM fact WHERE name = ?", (name,))
    else:
        connection.execute(_FACT, (name, now, pack(body)))
