"""Quiet hours of a receiver: what comes in them is held and told when they end, except levels that pass."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass

from walert.model import ANY_TERMS, AlertLevel, Terms

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NOTHING = 99  # a severity that no level has


@dataclass(frozen=True, slots=True)
class Quiet:
    """From `start` to `end`, minutes after midnight on the clocks of `zone`, every day; over midnight when it ends before it starts.

    `zone` is a name of the IANA database, None for the host's own. Levels from `passes` on are not held; None holds all.
    """

    start: int
    end: int
    zone: str | None = None
    passes: AlertLevel | None = None

    def terms(self, now: float) -> Terms:
        """What may go at `now`, Unix seconds, and what was held until now."""
        begin, end = self.window(now)
        passing = _NOTHING if self.passes is None else self.passes.severity
        if now < end:
            return Terms(least=passing)
        return Terms(held=(begin, end), passing=passing) if end > begin else ANY_TERMS

    def window(self, now: float) -> tuple[float, float]:
        """The last quiet time that began at or before `now`, Unix seconds."""
        zone = zoneinfo.ZoneInfo(self.zone) if self.zone is not None else None
        today = dt.datetime.fromtimestamp(now, zone).date()
        for days in (0, 1, 2):
            day = today - dt.timedelta(days=days)
            begin = _moment(day, self.start, zone)
            if begin <= now:
                last = day + dt.timedelta(days=self.end <= self.start)
                return begin, _moment(last, self.end, zone)
        raise AssertionError("a day has begun in the last two")


def minutes(text: str) -> int | None:
    """`HH:MM` as minutes after midnight; None for anything else."""
    match = _CLOCK.fullmatch(text.strip())
    return None if match is None else int(match.group(1)) * 60 + int(match.group(2))


def is_zone(name: str) -> bool:
    """Whether the host knows the time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _moment(day: dt.date, minute: int, zone: dt.tzinfo | None) -> float:
    """Unix seconds of a time on a day's clocks; where the clocks skip it, the moment after the skip."""
    return dt.datetime.combine(day, dt.time(minute // 60, minute % 60), zone).timestamp()
