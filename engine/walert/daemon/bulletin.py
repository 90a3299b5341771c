"""What walertd commits about itself, for `walert status`: now and then, and as soon as something is different.

The commit is also the proof that the state file can be written while nothing else happens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from walert.clock import Clock
from walert.config import Config
from walert.daemon.health import Health
from walert.daemon.heartbeat import HeartbeatStatus
from walert.daemon.log import Log
from walert.errors import StoreError
from walert.store.store import Store
from walert.store.values import Changes
from walert.tail import FollowStatus, WakeStatus

T_TELL = 30.0  # seconds between two commits when nothing changes
T_CHANGED = 2.0  # seconds between two looks for something new
T_AGAIN = 5.0  # seconds after one that failed
MOST = 50  # sentences on what the configuration asks for and does not get

DAEMON = "daemon"
WATCHING = "watching"
HEARTBEAT = "heartbeat"


class Bulletin:
    """Facts of one process. One thread owns it."""

    def __init__(self, store: Store, log: Log, clock: Clock, health: Health) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._health = health
        self._started = clock.now()
        self._file = _identity(store.path)
        self._about: dict[str, Any] = {}
        self._told: Mapping[str, Any] = {}
        self._at = self._next = float("-inf")
        self.failing: float | None = None

    def about(self, config: Config, rules: int, unmet: Sequence[str]) -> None:
        """What is in force from now on, and in sentences what of it is not met."""
        self._about = {
            "pid": os.getpid(),
            "started": self._started,
            "config": config.file,
            "rules": rules,
            "unmet": list(unmet[:MOST]),
            "more_unmet": max(0, len(unmet) - MOST),
        }

    def due(self) -> bool:
        """Whether it is time to look at what there is to tell."""
        return self._clock.monotonic() >= self._next

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Commit these facts and what is in force, if they are others than before or it is time to. `failing` is since when that fails."""
        now = self._clock.monotonic()
        told = {DAEMON: self._about, **facts}
        self._next = now + T_CHANGED
        # SQLite goes on with a file that has no name any more, or was emptied, and says nothing.
        self._health.lost = None if _identity(self._store.path) == self._file else str(self._store.path)
        if told == self._told and now - self._at < T_TELL:
            return
        at = self._clock.now()
        try:
            self._store.commit(Changes(at=at, facts={name: _stamped(fact, at) for name, fact in told.items()}))
        except StoreError as error:
            self._failed(now, error)
            return
        self._told, self._at = told, now
        self._health.committed = self._clock.monotonic()
        if self.failing is not None:
            self._log.again("state", "committing again")
        self.failing = None

    def farewell(self, undelivered: Mapping[str, int]) -> None:
        """The last word: that it ended in order, and what was left."""
        self._about = {**self._about, "stopped": self._clock.now(), "undelivered": dict(undelivered)}
        self.tell({})

    def _failed(self, now: float, error: StoreError) -> None:
        self._next = now + T_AGAIN
        if self.failing is None:
            self.failing = now
            self._log.again("state", f"cannot commit, nothing is lost, trying again: {error}")


def watching(
    wake: WakeStatus, follow: FollowStatus, *, polled: Sequence[str], missing: Sequence[str], own: int
) -> dict[str, Any]:
    """How files are found and how many there are; `own` of them are the daemon's."""
    counts = asdict(follow)
    counts["streams"] -= own
    return {**asdict(wake), "polled": list(polled), "missing": list(missing), **counts}


def heartbeat(status: HeartbeatStatus | None) -> dict[str, Any] | None:
    """What became of the heartbeat; None takes the fact away."""
    return None if status is None else asdict(status)


def _identity(path: Path) -> tuple[int, int, bool] | None:
    """What tells whether the file is still there, without opening it: to close it again would drop SQLite's locks on it."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size > 0


def _stamped(fact: dict[str, Any] | None, at: float) -> dict[str, Any] | None:
    return None if fact is None else {**fact, "at": at}
