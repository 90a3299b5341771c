"""The end of a try: what an outcome and the verdict on it make of a message, and the record of the try."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from walert.model import Delivered, Outcome
from walert.store.apply import add_happening
from walert.store.codec import from_column, to_column, to_optional_column

LONGEST_WAIT = 3_600.0
"""Seconds: no message waits longer for its next try, whatever was asked for."""
REASON_LENGTH = 500
"""Characters of a reason that are kept."""

SETTLE = """
UPDATE message SET state = :state, next_at = :next_at, touched = :now, reason = :reason,
    reference = coalesce(:reference, reference), lease_owner = NULL, lease_from = NULL, lease_until = NULL
WHERE (id = :id OR bundle = :id) AND (state = 'waiting' OR :state = 'delivered')
    AND (:owner IS NULL OR lease_owner = :owner OR :state = 'delivered')
"""
TRIED = """
SELECT message.state, receiver, tries, lease_from, alert_id, alert.run_id, alert.title
FROM message JOIN alert ON alert.id = alert_id WHERE message.id = ?
"""


_KEEP_THREAD = """
INSERT INTO thread (receiver, run_id, reference, at) VALUES (?, ?, ?, ?)
ON CONFLICT (receiver, run_id) DO UPDATE SET reference = excluded.reference, at = excluded.at
"""
THREAD = "SELECT reference FROM thread WHERE receiver = ? AND run_id = ?"


@runtime_checkable
class Retry(Protocol):
    """A verdict: try again at `at`, Unix seconds."""

    @property
    def at(self) -> float:
        """When, Unix seconds."""
        ...


@runtime_checkable
class Dead(Protocol):
    """A verdict: give up, for `reason`."""

    @property
    def reason(self) -> str:
        """Why, in words for the user, free of secrets."""
        ...


def judged(outcome: Outcome, verdict: Retry | Dead | None, now: float) -> dict[str, Any]:
    """The new column values of a tried message; ValueError for a failure without a verdict."""
    if isinstance(outcome, Delivered):
        reference = to_optional_column(outcome.reference)
        note = to_optional_column(outcome.note and outcome.note[:REASON_LENGTH])
        return {"state": "delivered", "next_at": 0.0, "reason": note, "reference": reference}
    reason = to_column(outcome.reason[:REASON_LENGTH])
    if isinstance(verdict, Retry):
        return {"state": "waiting", "next_at": _clamped(verdict.at, now), "reason": reason, "reference": None}
    if isinstance(verdict, Dead):
        reason = to_column(verdict.reason[:REASON_LENGTH])
        return {"state": "dead", "next_at": 0.0, "reason": reason, "reference": None}
    raise ValueError("a try that failed needs a verdict: when to try again, or why to give up")


def _clamped(at: float, now: float) -> float:
    latest = now + LONGEST_WAIT
    return max(at, now) if at <= latest else latest  # NaN, too, is the latest


def keep_thread(connection: sqlite3.Connection, before: Sequence[Any], outcome: Outcome, now: float) -> None:
    """What a receiver gave as its reference becomes the thread of the run. `before` is the row of `TRIED`."""
    if isinstance(outcome, Delivered) and outcome.reference is not None:
        connection.execute(_KEEP_THREAD, (before[1], before[5], to_column(outcome.reference), now))


def record_try(
    connection: sqlite3.Connection,
    message_id: int,
    before: Sequence[Any],
    outcome: Outcome,
    state: str,
    now: float,
    seconds: float | None,
) -> None:
    """Appends the try to the feed. `before` is the row of `TRIED` before it was settled."""
    _, receiver, tries, leased, alert_id, run_id, title = before
    took = seconds if seconds is not None else None if leased is None else max(now - leased, 0.0)
    payload = {
        "message": message_id,
        "alert": alert_id,
        "receiver": from_column(receiver),
        "title": from_column(title),
        "status": type(outcome).__name__.lower(),
        "reason": (said := outcome.note if isinstance(outcome, Delivered) else outcome.reason) and said[:REASON_LENGTH],
        "seconds": took,
        "tries": tries,
        "state": state,
    }
    add_happening(connection, "try", now, from_column(run_id), payload)
