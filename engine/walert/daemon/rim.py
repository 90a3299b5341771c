"""Where the log leaves the process: a thread of its own writes it, so that a pipe that nobody reads or a stopped terminal holds nothing up.

It writes to the descriptor, past Python's own buffers: their locks would keep the process from ending while a write hangs.
"""

from __future__ import annotations

import os
import threading
from collections import deque

MOST_LINES = 10_000  # that wait for a slow reader; what comes after them is counted
STDERR = 2


class Rim:
    """Lines on their way to a descriptor."""

    def __init__(self, descriptor: int = STDERR, most: int = MOST_LINES) -> None:
        self._descriptor = descriptor
        self._most = most
        self._lines: deque[str] = deque()
        self._lost = 0
        self._writing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, line: str) -> None:
        """Hand over a line; returns at once. With too many waiting it is counted instead, and the count is written in its place."""
        with self._changed:
            if len(self._lines) >= self._most:
                self._lost += 1
                return
            self._lines.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="walert-log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait for all to be written; False when somebody does not read it within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._writing, timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._lines))
                data, self._writing = self._taken(), True
            _write(self._descriptor, data)

    def _taken(self) -> bytes:
        """All that waits, and how much did not fit."""
        lines = list(self._lines)
        self._lines.clear()
        if self._lost:
            lines.append(f"walertd: {self._lost} lines of this log were dropped: nobody read them\n")
            self._lost = 0
        return "".join(lines).encode("utf-8", "backslashreplace")


def _write(descriptor: int, data: bytes) -> None:
    """A log that cannot be written must not stop the daemon."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass
