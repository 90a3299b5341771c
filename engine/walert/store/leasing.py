"""The lease of a message: which row is next, what goes with it, and what they tell. It opens and commits nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from walert.model import Collected, Message, Terms
from walert.store.carrying import Load, load, why_collected
from walert.store.codec import from_column, to_column
from walert.store.settling import LONGEST_WAIT, REASON_LENGTH, SETTLE, THREAD

MOST_TOGETHER = 10_000
"""Rows that go as one digest at most."""
LONGEST_LEASE = 900.0
"""Seconds: no lease is longer; one that seems to be is from before the clock went back."""
_MOST_LOOKS = 1_000  # rows that a lease looks at
_SLACK = 60.0  # a clock that is corrected by less than this is no jump

IS_FREE = f"(lease_until IS NULL OR lease_until <= :now OR lease_until > :now + {LONGEST_LEASE})"
IS_DUE = f"(next_at <= :now OR next_at > :now + {LONGEST_WAIT} OR touched > :now + {_SLACK})"
_READY = f"receiver = :receiver AND state = 'waiting' AND {IS_FREE} AND {IS_DUE} AND severity >= :least"
FIND = f"""
SELECT id, collect, born, severity FROM message WHERE {_READY} ORDER BY severity DESC, born, id LIMIT :limit
"""
_COLLECTED = f"SELECT id FROM message WHERE {_READY} AND collect = :collect ORDER BY severity DESC, born, id LIMIT {MOST_TOGETHER}"
_KEPT_QUIET = f"""
SELECT id FROM message WHERE {_READY} AND born >= :since AND born < :until AND severity < :passing
ORDER BY severity DESC, born, id LIMIT {MOST_TOGETHER}
"""
_CLAIM = f"""
UPDATE message SET lease_owner = :owner, lease_from = :now, lease_until = :now + :seconds, tries = tries + 1, bundle = :bundle
WHERE id = :id AND state = 'waiting' AND {IS_FREE} AND {IS_DUE}
"""
# A row that was sent together with others once, and now goes alone, takes none of them along.
_UNBUNDLE = "UPDATE message SET bundle = NULL WHERE bundle = ? AND state = 'waiting'"
_DUE_AGAIN = "UPDATE message SET next_at = ? WHERE id = ? AND state = 'waiting' AND reason IS NULL"
_ROW = "SELECT id, receiver, tries, born FROM message WHERE id = ?"
_POSTPONE = """
UPDATE message SET tries = max(tries - 1, 0), lease_owner = NULL, lease_from = NULL, lease_until = NULL, next_at = :until
WHERE (id = :id OR bundle = :id) AND state = 'waiting'
"""


def take(
    connection: sqlite3.Connection, wanted: Mapping[str, Any], claim: Mapping[str, Any], terms: Terms
) -> list[Message]:
    """Messages until there are as many as wanted. A row that has nothing to tell does not hide those behind it."""
    taken: list[Message] = []
    put_off: list[int] = []
    for _ in range(_MOST_LOOKS):
        if len(taken) == wanted["limit"]:
            break
        row = connection.execute(FIND, {**wanted, "limit": 1}).fetchone()
        if row is None:
            break
        message = _take(connection, row, wanted, claim, terms)
        if message is not None:
            taken.append(message)
        else:
            put_off.append(row[0])
    if taken:
        # What waits for one of these is due again behind it.
        connection.executemany(_DUE_AGAIN, ((wanted["now"], id_) for id_ in put_off))
    return taken


def _take(
    connection: sqlite3.Connection,
    row: Sequence[Any],
    wanted: Mapping[str, Any],
    claim: Mapping[str, Any],
    terms: Terms,
) -> Message | None:
    """Claim a row with all that goes with it; None when another call took it, or there is nothing to tell."""
    id_, collect, born, severity = row
    together, why = [id_], why_collected(collect, 1)
    if terms.digests:
        together, why = _together(connection, id_, (collect, born, severity), wanted, terms)
    connection.execute(_UNBUNDLE, (id_,))
    bundle = id_ if len(together) > 1 else None
    # The row itself first: without it nobody else may be claimed under its number.
    others = [other for other in together if other != id_]
    for each in (id_, *others):
        if connection.execute(_CLAIM, {**claim, "id": each, "bundle": bundle}).rowcount != 1 and each == id_:
            return None
    return _told(connection, id_, wanted["receiver"], why, claim["now"])


def _together(
    connection: sqlite3.Connection,
    id_: int,
    row: tuple[Any, float, int],
    wanted: Mapping[str, Any],
    terms: Terms,
) -> tuple[list[int], Collected]:
    """The rows that go as one with this one, and why."""
    collect, born, severity = row
    if collect is not None:
        found = connection.execute(_COLLECTED, {**wanted, "collect": collect}).fetchall()
        return [other[0] for other in found], why_collected(collect, len(found))
    if terms.held is not None and terms.held[0] <= born < terms.held[1] and severity < terms.passing:
        held = {"since": terms.held[0], "until": terms.held[1], "passing": terms.passing}
        found = connection.execute(_KEPT_QUIET, {**wanted, **held}).fetchall()
        return [other[0] for other in found], "quiet" if len(found) > 1 else "moment"
    return [id_], "moment"


def _told(
    connection: sqlite3.Connection, id_: int, receiver: str | bytes, why: Collected, now: float
) -> Message | None:
    """The claimed message; None when there is nothing to tell, and the row says why."""
    found = load(connection, id_, receiver, why)
    if isinstance(found, Load):
        _, _, tries, born = connection.execute(_ROW, (id_,)).fetchone()
        head, *others = found.alerts
        row = connection.execute(THREAD, (receiver, to_column(head.run.id))).fetchone()
        thread = None if row is None else from_column(row[0])
        return Message(id_, from_column(receiver), head, tries, born, tuple(others), found.digest, thread)
    if found.state == "waiting":
        connection.execute(_POSTPONE, {"id": id_, "until": max(found.until, now + 1.0)})
        return None
    reason = to_column(found.reason[:REASON_LENGTH])
    change = {"state": found.state, "next_at": 0.0, "reason": reason, "reference": None}
    connection.execute(SETTLE, {**change, "id": id_, "owner": None, "now": now})
    return None
