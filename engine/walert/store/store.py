"""The state file as the daemon uses it: load what was, commit what changed.

One transaction a pass: checkpoint, fold state, cooldowns, alerts, messages and happenings change together or not at
all. The store knows no rules and no receivers; nobody above it knows SQL. It reads no clock.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from walert.errors import StoreError
from walert.model import Checkpoint
from walert.store import backlog, mending, rows, silenced
from walert.store.apply import apply
from walert.store.codec import from_column, to_column, unpack
from walert.store.connect import BUSY_SECONDS, explained, open_for_daemon, open_for_reading, printable, reading, writing
from walert.store.retention import Expired, expire
from walert.store.values import Changes, Ended, Firing, GaveWay, Moved, RunState, Silence, Standing, StreamState

__all__ = ["Changes", "Firing", "RunState", "Silence", "Store", "StreamState"]

T = TypeVar("T")


class Store:
    """One state file, opened by its one daemon. Methods may be called from any thread, one at a time runs.

    `notices` holds sentences that the user should see once, such as that a damaged file was set aside.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, now: float, notices: list[str]) -> None:
        self.path = path
        self.notices = notices
        self._connection = connection
        self._opened = now
        self._lock = threading.RLock()
        self._open_silences: tuple[int, list[Silence]] | None = None
        self._read_only = bool(connection.execute("PRAGMA query_only").fetchone()[0])

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, now: float, read_only: bool = False, busy_seconds: float = BUSY_SECONDS
    ) -> Store:
        """Opens the state file, making or migrating it; `now` is Unix seconds.

        A damaged or foreign file is set aside and told in `notices`. StoreError, with what to do, when the file is out
        of reach, locked or of a newer walert. `read_only` makes, moves and migrates nothing.
        """
        place = Path(path)
        if read_only:
            connection = open_for_reading(place, busy_seconds)
            connection.execute("PRAGMA query_only = ON")
            return cls(connection, place, now, [])
        connection, notices = open_for_daemon(place, now, busy_seconds)
        return cls(connection, place, now, notices)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; what was committed stays. Closing twice is fine."""
        with self._lock:
            self._connection.close()

    # --- what was ---------------------------------------------------------------------------------------------------

    def checkpoints(self) -> list[Checkpoint]:
        """Every stream's checkpoint, by stream id."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.checkpoints(connection)

    def load_stream(self, stream: str) -> StreamState | None:
        """The state of a stream as last committed, None when there is none. DamagedState when it cannot be understood."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.stream_state(connection, stream)

    def cooldowns(self, run_id: str) -> dict[str, Any]:
        """Title to builtins, of every cooldown of the run."""
        with self._lock, reading(self._connection, self.path) as connection:
            found = connection.execute("SELECT title, body FROM cooldown WHERE run_id = ?", (to_column(run_id),))
            return {from_column(title): unpack(body) for title, body in found}

    def firing(self, run_id: str) -> list[Firing]:
        """What fires in any file of the run."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.firing(connection, "WHERE run_id = ?", (to_column(run_id),))

    def run_states(self) -> dict[str, RunState]:
        """Run id to state, of every run that was given one."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.run_states(connection)

    def run_state(self, run_id: str) -> RunState | None:
        """The state of a run, None when it was given none."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.run_states(connection, "AND id = ?", (to_column(run_id),)).get(run_id)

    def living(self) -> dict[str, RunState]:
        """Run id to state, of the runs that may go on: all but those that are over for good."""
        with self._lock, reading(self._connection, self.path) as connection:
            found = rows.run_states(connection)
        return {run_id: known for run_id, known in found.items() if _may_go_on(known)}

    def members(self, run_id: str) -> list[dict[str, Any]]:
        """What the passes kept, under `member`, with the states of the run's streams."""
        query = "SELECT extra FROM instance WHERE run_id = ?"
        with self._lock, reading(self._connection, self.path) as connection:
            found = [unpack(row[0]).get("member") for row in connection.execute(query, (to_column(run_id),))]
        return [member for member in found if member]

    def silences(self, now: float) -> list[Silence]:
        """The silences in force at `now`: cheap enough for every pass."""
        return [one for one in self._silences() if one.starts <= now < one.ends]

    def _silences(self) -> list[Silence]:
        """Those whose end was not told yet, read again only when another connection has changed the file."""
        with self._lock, explained(self.path):
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if self._open_silences is None or self._open_silences[0] != version:
                self._open_silences = (version, rows.silences(self._connection, "WHERE told IS NULL"))
            return self._open_silences[1]

    def ruleset(self, checksum: str) -> Any:
        """The rule snapshot of that checksum as builtins, None when there is none."""
        return self._body("SELECT body FROM ruleset WHERE checksum = ?", checksum)

    def landmark(self, stream: str, line: int) -> tuple[int, int] | None:
        """The nearest (line, offset) at or before that line."""
        query = "SELECT line, offset FROM landmark WHERE stream = ? AND line <= ? ORDER BY line DESC LIMIT 1"
        with self._lock, reading(self._connection, self.path) as connection:
            row = connection.execute(query, (stream, line)).fetchone()
        return None if row is None else (row[0], row[1])

    def facts(self) -> dict[str, Any]:
        """Name to builtins of what was noted for `walert status` and for the next daemon."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.facts(connection)

    def counters(self) -> dict[str, int]:
        """Name to value of every counter."""
        with self._lock, reading(self._connection, self.path) as connection:
            return rows.counters(connection)

    def _body(self, query: str, key: str) -> Any:
        with self._lock, reading(self._connection, self.path) as connection:
            row = connection.execute(query, (key,)).fetchone()
        return None if row is None else unpack(row[0])

    # --- what changed -----------------------------------------------------------------------------------------------

    def commit(self, changes: Changes) -> list[int]:
        """Applies all changes in one transaction, on disk when it returns; returns the ids of the new messages.

        StoreError when the disk is full, the file is read-only, or locked for longer than the busy time; ValueError
        when the changes contradict each other, TypeError when a value is no builtin. After any of them nothing has
        changed.
        """
        self._require_writable()
        with self._lock, writing(self._connection, self.path) as connection:
            return apply(connection, changes, changes.at or self._opened)

    def add(self, changes: Changes) -> list[int]:
        """As `commit`, but on disk only with `settle`, in one transaction with all that was added since the last one.

        What this store reads meanwhile holds it, nobody else sees it, and nobody else can write: not for long, therefore. After an error
        nothing of the whole transaction has changed.
        """
        self._require_writable()
        with self._lock, explained(self.path):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                return apply(self._connection, changes, changes.at or self._opened)
            except BaseException:
                self.abandon()
                raise

    def settle(self) -> None:
        """Commits what was added, on disk when it returns. After a `StoreError` nothing of it has changed."""
        with self._lock, explained(self.path):
            try:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
            finally:
                self.abandon()

    def abandon(self) -> None:
        """Takes back what was added and not settled."""
        with self._lock, explained(self.path):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def end_silences(self, now: float, tell: Callable[[Ended], Changes]) -> list[int]:
        """Marks each silence that is over at `now` as told, exactly once; returns the ids of the new messages.

        What `tell` makes of one that held something back commits in one transaction with the mark. Raises as `commit`.
        """
        self._require_writable()
        with self._lock:
            if all(now < one.ends for one in self._silences()):
                return []
            self._open_silences = None
            with writing(self._connection, self.path) as connection:
                told = [tell(ended) for ended in silenced.end(connection, now)]
                return [message for changes in told for message in apply(connection, changes, now)]

    def let_errors_go(self, run_id: str) -> set[str]:
        """Of a backlog, lets go what still fires as an ERROR in the run. The receivers that have something now."""
        return self._write(lambda connection: backlog.let_errors_go(connection, run_id))

    def let_go(self) -> set[str]:
        """Lets go all that was held as a backlog. The receivers that have something now."""
        return self._write(backlog.let_go)

    def let_floods_go(self) -> set[str]:
        """Lets go, as digests, all that was collected of floods. The receivers that have something now."""
        return self._write(backlog.let_floods_go)

    def let_go_singly(self) -> None:
        """Lets go all that was collected for a digest, each message by itself."""
        self._write(backlog.let_go_singly)

    def standings(self) -> list[Standing]:
        """How each receiver stands for which something waits or is dead."""
        with self._lock, reading(self._connection, self.path) as connection:
            return mending.standings(connection)

    def give_way(self, now: float) -> list[GaveWay]:
        """Gives up what is too much for one receiver, the lowest level first; what that was."""
        return self._write(lambda connection: mending.give_way(connection, now))

    def readdress(self, least: Mapping[str, int], default: Sequence[str], now: float) -> list[Moved]:
        """Moves what waits for receivers that are not in `least` to the default ones; how many of whose. See `mending`."""
        return self._write(lambda connection: mending.readdress(connection, least, default, now))

    def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        self._require_writable()
        with self._lock, writing(self._connection, self.path) as connection:
            return change(connection)

    def expire(self, now: float, live: Collection[str] | None = None) -> Expired:
        """Deletes what is past its time, a bounded number of rows a call; see `retention`.

        `live` names the streams whose files are there; without it no stream is taken for vanished. Call it until
        `.more` is False, or every minute.
        """
        self._require_writable()
        with self._lock:
            return expire(self._connection, self.path, now, live)

    def _require_writable(self) -> None:
        if self._read_only:
            raise StoreError(f"The state file {printable(self.path)} was opened for reading only; nothing was changed.")


def _may_go_on(known: RunState) -> bool:
    held = isinstance(known.detail, dict) and known.detail.get("held") is not None
    return held or known.state in ("running", "stalled", "lost")
