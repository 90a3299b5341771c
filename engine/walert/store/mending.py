"""The outbox as a whole: which receivers are in trouble, what gives way when too much waits, and messages of a receiver that is gone.

It opens and commits nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from walert.store.codec import from_column, from_optional_column, to_column
from walert.store.values import GaveWay, Moved, Standing

MOST_WAITING = 10_000
"""Messages that wait for one receiver at most; beyond them the lowest level gives way first, and of one level the oldest."""

_STANDING = """
SELECT receiver, sum(state = 'waiting'), sum(state = 'dead'),
    sum(state = 'waiting' AND tries > 0 AND reason IS NOT NULL), max(CASE WHEN state = 'dead' THEN touched END)
FROM message WHERE state IN ('waiting', 'dead') GROUP BY receiver ORDER BY receiver
"""
_DELIVERED = "SELECT max(touched) FROM message WHERE state = 'delivered' AND receiver = ?"
_REASON = """
SELECT reason FROM message WHERE state IN ('waiting', 'dead') AND receiver = ? AND reason IS NOT NULL ORDER BY touched DESC LIMIT 1
"""
_FULL = "SELECT receiver, count(*) FROM message WHERE state = 'waiting' GROUP BY receiver HAVING count(*) > ?"
_GIVE_WAY = """
UPDATE message SET state = 'dropped', touched = :now, reason = :reason WHERE id IN (
    SELECT id FROM message WHERE receiver = :receiver AND state = 'waiting' AND lease_until IS NULL ORDER BY severity, born, id LIMIT :number)
RETURNING severity
"""
_STRANDED = "SELECT id, receiver, severity FROM message WHERE state = 'waiting' ORDER BY id"
_HAS = "SELECT 1 FROM message WHERE alert_id = (SELECT alert_id FROM message WHERE id = ?) AND receiver = ?"
_COPY = """
INSERT INTO message (alert_id, receiver, kind, born, touched, route, severity, collect, next_at)
SELECT alert_id, ?, kind, born, ?, ?, severity, collect, 0 FROM message WHERE id = ?
"""
_COPY_CARRIED = "INSERT INTO carried (message_id, alert_id) SELECT ?, alert_id FROM carried WHERE message_id = ?"
_GONE = """
UPDATE message SET state = ?, touched = ?, reason = ?, lease_owner = NULL, lease_from = NULL, lease_until = NULL WHERE id = ?
"""


def standings(connection: sqlite3.Connection) -> list[Standing]:
    """How each receiver stands for which something waits or is dead."""
    return [_standing(connection, row) for row in connection.execute(_STANDING).fetchall()]


def _standing(connection: sqlite3.Connection, row: Sequence[Any]) -> Standing:
    receiver, waiting, dead, failing, died_at = row
    delivered_at = connection.execute(_DELIVERED, (receiver,)).fetchone()[0]
    reason = connection.execute(_REASON, (receiver,)).fetchone()
    told = None if reason is None else from_optional_column(reason[0])
    return Standing(from_column(receiver), waiting, dead, failing, died_at, delivered_at, told)


def give_way(connection: sqlite3.Connection, now: float, most: int = MOST_WAITING) -> list[GaveWay]:
    """Drops what is too much, told in its reason; what was dropped, by receiver and severity."""
    dropped = []
    for receiver, number in connection.execute(_FULL, (most,)).fetchall():
        reason = f"gave way: more than {most:,} messages waited for this receiver"
        change = {"now": now, "reason": reason, "receiver": receiver, "number": number - most}
        levels = [row[0] for row in connection.execute(_GIVE_WAY, change).fetchall()]
        dropped.append(GaveWay(from_column(receiver), {level: levels.count(level) for level in sorted(set(levels))}))
    return dropped


def readdress(
    connection: sqlite3.Connection, least: Mapping[str, int], default: Sequence[str], now: float
) -> list[Moved]:
    """Moves what waits for receivers that are no more to the default ones. `least` holds every receiver there is, with the lowest
    severity that it takes.

    A message that they all have already is dropped; with no default receiver it is dead. Both say why.
    """
    moved: dict[str, int] = {}
    for id_, column, severity in connection.execute(_STRANDED).fetchall():
        name = from_column(column)
        if name not in least:
            _move(connection, id_, name, _takers(severity, least, default), now)
            moved[name] = moved.get(name, 0) + 1
    return [Moved(name, number) for name, number in sorted(moved.items())]


def _takers(severity: int, least: Mapping[str, int], default: Sequence[str]) -> list[str]:
    """The default receivers that take the level; all of them when none does, for nobody must hear of it."""
    known = [name for name in dict.fromkeys(default) if name in least]
    return [name for name in known if severity >= least[name]] or known


def _move(connection: sqlite3.Connection, id_: int, gone: str, takers: Sequence[str], now: float) -> None:
    free = [name for name in takers if connection.execute(_HAS, (id_, to_column(name))).fetchone() is None]
    for name in free:
        copy = connection.execute(
            _COPY, (to_column(name), now, to_column(f"it was for {gone}, which is no receiver any more"), id_)
        ).lastrowid
        connection.execute(_COPY_CARRIED, (copy, id_))
    reason = f"{gone} is no receiver any more"
    if takers:
        reason += f": {', '.join(takers)} {'gets' if len(takers) == 1 else 'get'} it instead"
    connection.execute(_GONE, ("dropped" if takers else "dead", now, to_column(reason), id_))
