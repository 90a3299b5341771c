"""Process 1 of a container inherits every process whose parent has ended, and must wait for it: else it stays a zombie and keeps its number.

walertd starts no processes, but what runs beside it in the container, or a receiver's library, may leave some.
"""

from __future__ import annotations

import contextlib
import os


class Orphans:
    """Waits for those that nobody waits for: what was a zombie at two looks, so that whoever started one has its turn first."""

    def __init__(self, pid: int | None = None) -> None:
        self._own = os.getpid() if pid is None else pid
        self._before: set[int] = set()

    def reap(self) -> int:
        """Look once; how many were waited for. Does nothing unless this is process 1."""
        if self._own != 1:
            return 0
        now = set(_zombies(self._own))
        gone = [pid for pid in now & self._before if _waited(pid)]
        self._before = now - set(gone)
        return len(gone)


def _waited(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False  # somebody else has


def _zombies(parent: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):  # no /proc here
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, ValueError), open(f"/proc/{name}/stat", "rb") as file:
                state, ppid = file.read().rpartition(b")")[2].split()[:2]
                if state == b"Z" and int(ppid) == parent:
                    found.append(int(name))
    return found
