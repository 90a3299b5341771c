"""Sleeping until there is something to look at: what the daemon's loop waits on, with a watcher or without."""

from __future__ import annotations

import select
import socket
import threading
from dataclasses import dataclass
from typing import Literal, Protocol

Mode = Literal["events", "sweep"]


@dataclass(frozen=True, slots=True)
class WakeStatus:
    """How changes are found. `why` tells why by looks only; `overflows` counts lost events, `rebuilt` watchers that had died."""

    mode: Mode
    why: str | None = None
    overflows: int = 0
    rebuilt: int = 0


class Waker(Protocol):
    """Sleeps until there is something to look at. `mode` tells whether the kernel's events are heard, or files are only looked at in turn."""

    @property
    def mode(self) -> Mode:
        """How changes are found now."""

    def status(self) -> WakeStatus:
        """How changes are found now, and what went wrong with it."""

    def wait(self, timeout: float) -> set[str] | None:
        """The paths that changed, after `timeout` seconds at the latest; None when events were lost and all must be looked at."""

    def wake(self) -> None:
        """End the present wait, from any thread or a signal handler."""

    def close(self) -> None:
        """Stop watching."""


class Hints:
    """A waker without a watcher: it sleeps, unless somebody wakes it or marks a path.

    It waits on a socket, not on an event of `threading`: a signal handler that sets such an event while its own thread is about to wait for
    it can lock itself out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dirty: set[str] = set()
        self._lost = False
        self._receive, self._send = socket.socketpair()
        self._receive.setblocking(False)
        self._send.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._receive, select.POLLIN)

    @property
    def mode(self) -> Mode:
        """See `Waker`."""
        return "sweep"

    def status(self) -> WakeStatus:
        """See `Waker`."""
        return WakeStatus(self.mode)

    def mark(self, path: str) -> None:
        """Something changed at `path`."""
        with self._lock:
            first = not self._dirty
            self._dirty.add(path)
        if first:
            self.wake()

    def lose(self) -> None:
        """Events were lost."""
        with self._lock:
            self._lost = True
        self.wake()

    def wait(self, timeout: float) -> set[str] | None:
        """See `Waker`."""
        self._poll.poll(timeout * 1000)
        try:
            while self._receive.recv(4096):
                pass
        except OSError:
            pass  # nothing is left to take
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            lost, self._lost = self._lost, False
        return None if lost else dirty

    def wake(self) -> None:
        """See `Waker`."""
        try:
            self._send.send(b"\0")
        except OSError:
            pass  # it is full, which wakes as well, or closed

    def close(self) -> None:
        """See `Waker`."""
        self._send.close()
        self._receive.close()
