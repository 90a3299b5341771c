"""When messages become a flood: what goes beyond so many a minute, of a run and to a receiver, is collected into one digest a minute. Pure.

A message is collected when that many of its level or above went within the last minute: so a flood of INFO never delays an ERROR, and each
level alone is bounded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MINUTE = 60.0
USUAL = 20
"""Messages of one run that a receiver gets within a minute before the rest is collected; `flood:` of a receiver changes it."""


@dataclass(slots=True)
class _Stream:
    """What went to one receiver of one run: (time, severity) of the last minute, and when the next digest goes."""

    went: deque[tuple[float, int]] = field(default_factory=deque)
    digest_at: float = 0.0


class Floods:
    """Remembers a minute; forgetting it lets a little more through and loses nothing."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], _Stream] = {}

    def hold(self, receiver: str, run_id: str, severity: int, now: float, most: float = USUAL) -> float | None:
        """When the digest goes that takes this message, Unix seconds, or None if it goes by itself; `now` is the daemon's clock."""
        stream = self._streams.setdefault((receiver, run_id), _Stream())
        _forget(stream, now)
        if sum(other >= severity for _, other in stream.went) < most:
            stream.went.append((now, severity))
            return None
        if not now < stream.digest_at <= now + MINUTE:
            stream.digest_at = now + MINUTE
        return stream.digest_at

    def forget(self, now: float) -> None:
        """Let go of what is over; for a quiet moment."""
        for stream in self._streams.values():
            _forget(stream, now)
        self._streams = {key: stream for key, stream in self._streams.items() if stream.went or stream.digest_at > now}


def _forget(stream: _Stream, now: float) -> None:
    """What is older than a minute, or in the future of a clock that was set back."""
    while stream.went and not now - MINUTE < stream.went[0][0] <= now:
        stream.went.popleft()
