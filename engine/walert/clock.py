"""The only module that reads clocks. Whoever decides takes the time as an argument; tests turn a clock by hand."""

from __future__ import annotations

import time
from typing import Protocol


def now() -> float:
    """Unix seconds of the wall clock, which may be set back."""
    return time.time()


def monotonic() -> float:
    """Seconds since some moment that never go back: for waits inside one process."""
    return time.monotonic()


class Clock(Protocol):
    """What takes the time from somewhere: the system, or a test's hand."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class SystemClock:
    """The clock of this machine."""

    __slots__ = ()

    def now(self) -> float:
        """Unix seconds of the wall clock."""
        return now()

    def monotonic(self) -> float:
        """Seconds since some moment that never go back."""
        return monotonic()
