"""What can be seen of the processes that train: whether one is certainly gone, and when its log was last touched."""

from __future__ import annotations

import os

from walert.client.identity import process_facts
from walert.pipeline.lifecycle import Facts

_OVER = frozenset("ZXx")  # of `/proc/PID/stat`: ended, and not yet, or just now, collected by its parent


class Processes:
    """The processes of this boot and pid namespace; of any other nothing is known by pid."""

    def __init__(self) -> None:
        own = process_facts()
        self._boot, self._namespace = own["boot_id"], own["pid_namespace"]

    def gone(self, facts: Facts) -> bool | None:
        """Whether the process has ended, or its pid belongs to another one by now. None when that cannot be told from here."""
        known = facts.pid is not None and facts.pid > 0 and facts.pid_start is not None
        here = self._boot is not None and facts.boot_id == self._boot and facts.pid_namespace == self._namespace
        if not known or not here or self._namespace is None:
            return None
        return _is_gone(facts.pid or 0, facts.pid_start)

    def touched(self, path: str) -> float | None:
        """The time that its file system has for the log's last change."""
        try:
            return os.stat(path).st_mtime
        except (OSError, ValueError):
            return None


def _is_gone(pid: int, start: int | None) -> bool | None:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        pass  # another user's: it is there
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()
    except FileNotFoundError:
        return None  # hidden from us (hidepid), or it ended just now: the next look tells
    except OSError:
        return None
    if len(fields) < 20:
        return None
    return fields[0].decode() in _OVER or int(fields[19]) != start
