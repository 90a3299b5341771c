"""What was written while the daemon was down: known by stream, from the start until each was read to its end for the first time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOWN_AFTER = 900.0
"""Seconds without a daemon, by its own clock, after which what was written meanwhile is a backlog."""
ALIVE = "walertd_alive"
"""The fact that says when a daemon that had read everything was last there: {"at": Unix seconds}."""


class Backlog:
    """Which streams still hold what was written while no daemon ran."""

    def __init__(self, down: float) -> None:
        """`down` is for how many seconds there was no daemon."""
        self.is_on = down > DOWN_AFTER
        self._read: set[str] = set()

    def holds(self, stream: str) -> bool:
        """Whether what comes next of the stream was written while no daemon ran."""
        return self.is_on and stream not in self._read

    def read(self, stream: str) -> None:
        """The stream was read to its end."""
        if self.is_on:
            self._read.add(stream)

    def end(self) -> None:
        """All streams were."""
        self.is_on = False
        self._read.clear()


def down_for(facts: Mapping[str, Any], now: float) -> float:
    """For how many seconds there was no daemon, by what the last one left; 0 when there never was one."""
    alive = facts.get(ALIVE)
    return max(0.0, now - float(alive["at"])) if isinstance(alive, Mapping) else 0.0
