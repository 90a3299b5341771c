"""Which receivers are in trouble, and when somebody else is told: once an episode, never about the telling itself. Pure.

An episode begins with a message that died or with failures for `FAILING_AFTER`, and is over when a message arrives again, at the earliest
`EPISODE` after it was told. The notice goes to receivers that are not in trouble; since each receiver is told of once an episode, notices
about notices come to an end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from walert.model import Alert, AlertLevel, Run

FAILING_AFTER = 600.0
"""Seconds that a receiver fails before somebody is told."""
EPISODE = 3_600.0
"""Seconds between two notices of one receiver, at least."""
RECENT = 86_400.0
"""Seconds after which a dead message is no news any more."""


class Standing(Protocol):
    """How a receiver stands. Times are Unix seconds of the daemon's clock."""

    @property
    def receiver(self) -> str:
        """Its name."""

    @property
    def waiting(self) -> int:
        """Messages that wait."""

    @property
    def dead(self) -> int:
        """Messages that are dead."""

    @property
    def failing(self) -> int:
        """Messages that were tried in vain and wait."""

    @property
    def died_at(self) -> float | None:
        """When the newest message died."""

    @property
    def delivered_at(self) -> float | None:
        """When the newest message arrived."""

    @property
    def reason(self) -> str | None:
        """The newest reason of a failure."""


@dataclass(frozen=True, slots=True)
class News:
    """What changed: of whom somebody is to be told, and whose episode is over."""

    tell: tuple[str, ...]
    over: tuple[str, ...]


def failing_since(standings: Sequence[Standing], before: Mapping[str, float], now: float) -> dict[str, float]:
    """When each receiver that fails now was first seen to; `before` is what that was at the last look."""
    return {
        one.receiver: before.get(one.receiver, now)
        if (one.delivered_at or 0.0) < before.get(one.receiver, now)
        else now
        for one in standings
        if one.failing
    }


def news(wrong: frozenset[str], told: Mapping[str, float], now: float) -> News:
    """`wrong` are in trouble; `told` is when somebody was told of a receiver whose episode is not over, Unix seconds."""
    over = [name for name, at in told.items() if name not in wrong and not 0 <= now - at < EPISODE]
    return News(tuple(sorted(wrong - told.keys())), tuple(sorted(over)))


def is_wrong(one: Standing, failing_since: float | None, now: float) -> bool:
    """Whether nothing has arrived since a message died, or since messages fail for long."""
    since = one.delivered_at if one.delivered_at is not None else float("-inf")
    died = one.died_at is not None and one.died_at > since and now - one.died_at < RECENT
    return died or (failing_since is not None and now - failing_since > FAILING_AFTER)


def notice(one: Standing, gave_way: int, now: float, host: str) -> Alert:
    """The alert that somebody else gets."""
    key = f"trouble\x1f{one.receiver}\x1f{now!r}"
    return Alert(
        id=hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=10).hexdigest(), kind="lifecycle",
        run=Run("walertd", "walertd", host=host), title=f"Receiver {one.receiver} fails", level=AlertLevel.ERROR,
        text=_text(one, gave_way), values={}, step=None, time=now, log="", origin=None, host=host, at=now,
    )  # fmt: skip


def others(
    names: Sequence[str], default: Sequence[str], wrong: frozenset[str], consoles: frozenset[str]
) -> tuple[str, ...]:
    """Who hears of it: the default receivers that are not in trouble themselves. Where that is nobody, or a console that nobody may look at,
    all others.
    """
    usual = [name for name in dict.fromkeys(default) if name not in wrong]
    if any(name not in consoles for name in usual):
        return tuple(usual)
    return tuple(name for name in names if name not in wrong)


def _text(one: Standing, gave_way: int) -> str:
    counts = [
        f"{number} {what}"
        for number, what in (
            (one.dead, "dead"),
            (one.waiting, "waiting"),
            (gave_way, "given up because too many waited"),
        )
        if number
    ]
    reason = f" The last reason: {one.reason}." if one.reason else ""
    return f"Its messages do not arrive: {', '.join(counts)}.{reason}\nSee `walert outbox`, and `walert receivers test {one.receiver}`."
