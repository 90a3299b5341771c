"""What silences hold back: counted with the alert, told with the mark that ends the silence. It opens and commits nothing."""

from __future__ import annotations

import sqlite3

from walert.model import Alert
from walert.store import rows
from walert.store.codec import from_column, to_column
from walert.store.values import Ended, Silence

_VERDICT = "UPDATE alert SET verdict = 'silenced', why = ? WHERE id = ?"
_COUNT = """
INSERT INTO held (silence_id, title, number) SELECT id, ?, 1 FROM silence WHERE id = ?
ON CONFLICT (silence_id, title) DO UPDATE SET number = number + 1
"""
_TITLES = "SELECT title, number FROM held WHERE silence_id = ? ORDER BY number DESC, title"
_TOLD = "UPDATE silence SET told = ? WHERE id = ?"


def note(connection: sqlite3.Connection, alert: Alert, silence_id: int, why: str) -> None:
    """An alert that was just added is held back by a silence."""
    connection.execute(_VERDICT, (to_column(why), alert.id))
    connection.execute(_COUNT, (to_column(alert.title), silence_id))


def end(connection: sqlite3.Connection, now: float) -> list[Ended]:
    """Marks every silence that is over at `now`; those that held something back are returned."""
    over = [_ended(connection, one) for one in rows.silences(connection, "WHERE told IS NULL AND ends <= ?", (now,))]
    connection.executemany(_TOLD, [(now, ended.silence.id) for ended in over])
    return [ended for ended in over if ended.titles]


def _ended(connection: sqlite3.Connection, silence: Silence) -> Ended:
    found = connection.execute(_TITLES, (silence.id,))
    return Ended(silence, tuple((from_column(title), number) for title, number in found))
