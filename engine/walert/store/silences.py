"""Silences as `walert silence` changes them: add, extend, expire, list. Whether one matches is not decided here."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from walert.errors import StoreError
from walert.store import rows
from walert.store.apply import add_happening
from walert.store.codec import to_column, to_optional_column
from walert.store.connect import BUSY_SECONDS, open_existing, reading, writing
from walert.store.values import Silence

_ADD = "INSERT INTO silence (title, run, project, level, comment, starts, ends, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_EXTEND = "UPDATE silence SET ends = ?, told = NULL WHERE id = ?"
_EXPIRE = "UPDATE silence SET ends = min(ends, ?) WHERE id = ?"
_FORGET_TOLD = "DELETE FROM held WHERE silence_id IN (SELECT id FROM silence WHERE id = ? AND told IS NOT NULL)"

_Silences = list[Silence]


class Silences:
    """The silences of one state file, which must exist; a running daemon sees a change at its next pass."""

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = Path(path)
        self._connection = open_existing(self.path, busy_seconds)

    def __enter__(self) -> Silences:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file. Closing twice is fine."""
        self._connection.close()

    def add(
        self,
        *,
        ends: float,
        now: float,
        title: str | None = None,
        run: str | None = None,
        project: str | None = None,
        level: str | None = None,
        comment: str = "",
        starts: float | None = None,
    ) -> Silence:
        """A new silence until `ends`, from `starts` or now on. ValueError when it would never be in force."""
        begins = now if starts is None else starts
        if not max(begins, now) < ends < float("inf"):
            raise ValueError("a silence must end after it begins and after now")
        names = (*map(to_optional_column, (title, run, project, level)), to_column(comment))
        with writing(self._connection, self.path) as connection:
            id_ = connection.execute(_ADD, (*names, begins, ends, now)).lastrowid or 0
            silence = rows.silences(connection, "WHERE id = ?", (id_,))[0]
            add_happening(connection, "silence", now, "", {"change": "add", **asdict(silence)})
        return silence

    def extend(self, silence_id: int, ends: float, now: float) -> Silence:
        """The silence with another end. StoreError when there is none, ValueError when that end is past.

        One whose end was told begins anew, and will tell what it holds back from now on.
        """
        if not now < ends < float("inf"):
            raise ValueError("a silence can be extended only to a time to come")
        return self._change(silence_id, ends, now, "extend")

    def expire(self, silence_id: int, now: float) -> Silence:
        """Ends the silence now. StoreError when there is none; one that is over stays as it was."""
        return self._change(silence_id, now, now, "expire")

    def list(self, now: float | None = None) -> _Silences:
        """Every silence, or those that are not over at `now`."""
        with reading(self._connection, self.path) as connection:
            return rows.silences(connection) if now is None else rows.silences(connection, "WHERE ends > ?", (now,))

    def _change(self, silence_id: int, ends: float, now: float, change: str) -> Silence:
        query = _EXTEND if change == "extend" else _EXPIRE
        with writing(self._connection, self.path) as connection:
            if change == "extend":
                connection.execute(_FORGET_TOLD, (silence_id,))
            if connection.execute(query, (ends, silence_id)).rowcount != 1:
                raise StoreError(f"There is no silence {silence_id}. `walert silence list` names them.")
            silence = rows.silences(connection, "WHERE id = ?", (silence_id,))[0]
            add_happening(connection, "silence", now, "", {"change": change, **asdict(silence)})
        return silence
