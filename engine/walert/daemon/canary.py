"""The canary: a line that the daemon writes into a log of its own and must read back through its own follower, as it reads those of runs.

It is found by the sweep, not by the watcher, which has a canary of its own: what is watched here is that files are read at all.
"""

from __future__ import annotations

import contextlib
import glob
import os

from walert.daemon.health import Health
from walert.model import Batch, Source

EVERY = 10.0  # seconds between two lines
AGAIN = 30.0  # seconds after which one that was not read is followed by another
MOST = 1 << 20  # bytes of one file, after which another is begun


class Canary:
    """Writes a line now and then, and notes in `health` since when one waits to be read. One thread owns it."""

    def __init__(self, folder: str, health: Health) -> None:
        # Not named as logs are: whoever watches or replays the folder that holds the state file must not take it for a run.
        self.source = Source(path=os.path.join(glob.escape(folder), "*.canary"), format="jsonl", poll=True)
        self._folder = folder
        self._health = health
        self._file = 0
        self._line = 0
        self._written = float("-inf")
        self.is_read = False  # once: it is among the files that are followed

    def sing(self, now: float) -> None:
        """Write the next line if it is time to. What cannot be written counts as not read."""
        waiting = self._health.unread is not None
        if now - self._written < (AGAIN if waiting else EVERY):
            return
        self._written = now
        if not waiting:
            self._health.unread = now
        self._line += 1
        with contextlib.suppress(OSError):
            self._write()

    def hear(self, batch: Batch) -> bool:
        """Whether a batch is the canary's own, which nobody else has a use for."""
        if batch.source.path != self.source.path:
            return False
        self.is_read = True
        if _text(self._line) in batch.lines:
            self._health.unread = None
        elif self._line > 1 and _text(self._line - 1) in batch.lines:
            self._health.unread = self._written
        return True

    def remove(self) -> None:
        """Take its folder away."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                os.unlink(os.path.join(self._folder, name))
            os.rmdir(self._folder)

    def _write(self) -> None:
        if self._file == 0:
            self.remove()  # of a process that was killed
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self._file = 1
        elif os.path.getsize(self._path()) >= MOST:
            os.unlink(self._path())
            self._file += 1
        with open(self._path(), "ab", buffering=0) as file:
            file.write(_text(self._line) + b"\n")

    def _path(self) -> str:
        return os.path.join(self._folder, f"{os.getpid()}-{self._file}.canary")


def _text(line: int) -> bytes:
    return b'{"canary": "%d-%d"}' % (os.getpid(), line)
