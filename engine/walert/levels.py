"""How bad something is: a leaf of its own, so that training code can name a level without loading anything else."""

from __future__ import annotations

import enum


class AlertLevel(enum.StrEnum):
    """How bad it is. A string and an enum, so that `"WARN"`, `AlertLevel.WARN` and its `.value` are the same word."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"

    @property
    def severity(self) -> int:
        """1 for INFO, 2 for WARN, 3 for ERROR: the order in which levels outrank each other."""
        return _SEVERITY[self.value]


_SEVERITY = {"INFO": 1, "WARN": 2, "ERROR": 3}
