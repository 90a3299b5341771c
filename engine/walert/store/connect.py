"""Opening a state file: new, ours, older, newer, foreign, damaged, locked, out of reach; and what SQLite's errors mean.

A connection here is in autocommit; whoever writes opens a transaction with `writing`, whoever reads several things with
`reading`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from walert.errors import StoreError
from walert.store import schema

BUSY_SECONDS = 5.0
"""How long a write waits for another writer before it gives up, having changed nothing."""

_HINTS = {
    "SQLITE_BUSY": "Another process has locked it. Close that one (a backup, a database browser) and try again.",
    "SQLITE_LOCKED": "Another process has locked it. Close that one (a backup, a database browser) and try again.",
    "SQLITE_FULL": "The disk is full. Nothing was changed; free some space and walert goes on.",
    "SQLITE_READONLY": "It cannot be written to. Check its permissions, and that its file system is not read-only.",
    "SQLITE_CANTOPEN": "Check that its folder exists and is writable, and that its file system is not read-only.",
    "SQLITE_CORRUPT": "It is damaged. Restart walertd: it sets the file aside and begins a new one.",
    "SQLITE_NOTADB": "It is no state file of walert. Restart walertd: it sets the file aside and begins a new one.",
    "SQLITE_IOERR": "Reading or writing it failed. Check the disk and its free space; nothing was changed.",
    "SQLITE_PERM": "Access to it was denied. Check its owner and permissions.",
}

Nature = Literal["new", "ours", "foreign", "damaged"]


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """SQLite's error as a sentence with a hint; the name of the error stays in it."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    hint = next((hint for prefix, hint in _HINTS.items() if name.startswith(prefix)), "")
    return StoreError(f"The state file {printable(path)} failed: {error} ({name}). {hint}".rstrip())


def printable(path: Path) -> str:
    """A path as it can be printed anywhere, whatever bytes it holds."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's errors within into StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path) from error


@contextlib.contextmanager
def writing(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction that takes the write lock at once; rolled back on any error, StoreError for SQLite's own."""
    with explained(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextlib.contextmanager
def reading(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """One consistent snapshot, whatever is committed meanwhile; within a transaction, that one's."""
    with explained(path):
        within = connection.in_transaction
        if not within:
            connection.execute("BEGIN")
        try:
            yield connection
        finally:
            if not within:
                connection.execute("ROLLBACK")


# --- opening --------------------------------------------------------------------------------------------------------


def open_for_daemon(path: Path, now: float, busy: float = BUSY_SECONDS) -> tuple[sqlite3.Connection, list[str]]:
    """A connection to an up-to-date state file, made if need be, and notices of what had to be done for it.

    A damaged or foreign file is set aside as NAME.corrupt-<timestamp>. StoreError for one of a newer walert or out of
    reach.
    """
    _reach(path)
    notices = []
    nature = _examine(path, busy)
    if nature in ("foreign", "damaged"):
        notices.append(_set_aside(path, nature, now))
        _reach(path)
    connection = _connect(path, busy)
    try:
        with explained(path):
            came_from = _bring_up(connection)
    except BaseException:
        connection.close()
        raise
    if 0 < came_from < schema.VERSION:
        notices.append(f"The state file was brought from version {came_from} to {schema.VERSION}.")
    return connection, notices


def open_existing(path: Path, busy: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A writing connection to a state file that is there and of this version; never makes, moves or migrates one."""
    _require(path)
    return _checked(path, lambda: _tuned(_connect(path, busy)))


def open_for_reading(path: Path, busy: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A read-only connection, beside a writing daemon or, once that has stopped, on a read-only file system."""
    _require(path)
    try:
        return _checked(path, lambda: _connect(path, busy, "mode=ro"))
    except StoreError as error:
        out_of_reach = "SQLITE_CANTOPEN" in str(error) or "SQLITE_READONLY" in str(error)
        if not out_of_reach or _has_log(path):
            raise
        return _checked(path, lambda: _connect(path, busy, "mode=ro&immutable=1"))


def _checked(path: Path, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    with explained(path):
        connection = connect()
        try:
            _require_present_version(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _require(path: Path) -> None:
    if not path.is_file():
        raise StoreError(
            f"There is no state file {printable(path)}. "
            "Start walertd, or name the right one under `state:` in walert.yaml."
        )


def _require_present_version(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        raise StoreError(
            f"{printable(path)} is no state file of walert. Name another one under `state:` in walert.yaml."
        )
    version = schema.version_of(connection)
    if version > schema.VERSION:
        raise _newer(path, version)
    if version < schema.VERSION:
        raise StoreError(
            f"The state file {printable(path)} is of an older walert. "
            "Start walertd once: it brings the file up to date."
        )


def _newer(path: Path, version: int) -> StoreError:
    return StoreError(
        f"The state file {printable(path)} has version {version}, this walert knows {schema.VERSION}. "
        "Upgrade walert, or name another file under `state:` in walert.yaml."
    )


def _reach(path: Path) -> None:
    """Makes the folder and the file, readable by their owner only, unless they are there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        is_plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"The state file {printable(path)} cannot be written: {error.strerror or error}. "
            "Make its folder writable, or name another file under `state:` in walert.yaml."
        ) from error
    if not is_plain:
        raise StoreError(f"{printable(path)} is no plain file. Name another file under `state:` in walert.yaml.")


def _connect(path: Path, busy: float, query: str = "mode=rw") -> sqlite3.Connection:
    # Its owner may close it from another thread, hence check_same_thread; every user has a lock or a thread of its own.
    uri = f"{path.absolute().as_uri()}?{query}"
    return sqlite3.connect(uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)


def _tuned(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    return connection


def _bring_up(connection: sqlite3.Connection) -> int:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only heeded before the first table
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    return schema.migrate(_tuned(connection))


def _examine(path: Path, busy: float) -> Nature:
    with contextlib.closing(_connect(path, busy)) as connection:
        try:
            return _nature(connection, path)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                return "damaged"
            raise store_error(error, path) from error


def _nature(connection: sqlite3.Connection, path: Path) -> Nature:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        return "foreign" if tables else "new"
    version = schema.version_of(connection)
    if version > schema.VERSION:
        raise _newer(path, version)
    sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    return "ours" if sound else "damaged"


def _set_aside(path: Path, nature: Nature, now: float) -> str:
    """Moves the file and its companions away. The log goes first: SQLite would replay a stale one into the new file."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    aside = _free_name(path.with_name(f"{path.name}.corrupt-{stamp}"))
    try:
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    except OSError as error:
        raise StoreError(
            f"The damaged state file {printable(path)} cannot be moved away: {error.strerror}. Move it by hand."
        ) from error
    what = "is damaged" if nature == "damaged" else "is no state file of walert"
    return (
        f"{printable(path)} {what}: it was set aside as {aside.name} and a new one begun. "
        "Logs are read anew, as `read_from` says."
    )


def _free_name(wanted: Path) -> Path:
    number, name = 1, wanted
    while name.exists():
        number, name = number + 1, wanted.with_name(f"{wanted.name}.{number}")
    return name


def _has_log(path: Path) -> bool:
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except OSError:
        return False
