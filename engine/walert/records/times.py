"""When a record was written: plausible dates of 2001 to 2100, and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Final

EARLIEST: Final = 978_307_200.0  # 2001-01-01T00:00:00Z
LATEST: Final = 4_133_980_800.0  # 2101-01-01T00:00:00Z, excluded


def from_number(value: float) -> float | None:
    """Unix seconds of a plausible date in seconds, milliseconds or microseconds, told apart by size; else None.

    The ranges are three decades apart, so that no number is ambiguous; seconds per iteration (mmengine, detectron2) and
    seconds since the start fall below all of them.
    """
    if EARLIEST <= value < LATEST:
        return value
    if EARLIEST * 1e3 <= value < LATEST * 1e3:
        return value / 1e3
    if EARLIEST * 1e6 <= value < LATEST * 1e6:
        return value / 1e6
    return None


def from_text(text: str) -> float | None:
    """Unix seconds of an ISO 8601 date and time, host-local without a zone; None if it is none, or implausible."""
    if not 10 <= len(text) <= 40 or ("-" not in text and "T" not in text):
        return None
    try:
        seconds = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return seconds if EARLIEST <= seconds < LATEST else None
