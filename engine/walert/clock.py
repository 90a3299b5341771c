"""The one module that reads clocks. Everything else takes the time as an argument, or a `Clock`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored, monotonic time for waits inside the process."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


def now() -> float:
    """Unix seconds."""
    return time.time()


def monotonic() -> float:
    """Seconds that never go back."""
    return time.monotonic()


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
