"""What happens after a try: pure, so that the whole life of a message can be told from its tries and the clock.

Backoff is capped and exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), so that
a receiver that comes back is not met by everyone at once. A receiver's own Retry-After is a lower bound, never an
upper one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from walert.model import Delivered, Outcome, Permanent, Temporary

FIRST_WAIT = 5.0
"""Seconds: the most that the first retry waits."""
LONGEST_BACKOFF = 900.0
"""Seconds: the most that backoff alone puts between two tries."""
LONGEST_RETRY_AFTER = 3600.0
"""Seconds: the most of a receiver's own Retry-After that is honoured. No next try is ever set further ahead than
this.
"""
GIVE_UP_AFTER = 86_400.0
"""Seconds after its birth at which a failing message is dead."""
LEAST_TRIES = 5
"""Tries before age alone kills: a clock that jumped, or a week spent switched off, must not cost a message its
chance.
"""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again no earlier than `at`, Unix seconds."""

    at: float


@dataclass(frozen=True, slots=True)
class Dead:
    """No further try on its own; `reason` is the last failure, a sentence for people."""

    reason: str


Verdict = Retry | Dead


def next_try(
    tries: int, born: float, now: float, outcome: Outcome, *, random: float, give_up_after: float = GIVE_UP_AFTER
) -> Verdict:
    """The verdict on a message whose `tries`-th try ended in `outcome`, a failure.

    `born` and `now` are Unix seconds of one clock, `random` is in [0, 1). A clock that went back makes the message no
    older than new. Raises ValueError for a `Delivered`: there is nothing left to decide.
    """
    if isinstance(outcome, Delivered):
        raise ValueError("a delivered message needs no verdict")
    if isinstance(outcome, Permanent):
        return Dead(outcome.reason)
    age = max(0.0, now - born)
    if age >= give_up_after and tries >= LEAST_TRIES:
        return Dead(f"given up after {tries} tries in {_spoken(age)}: {outcome.reason}")
    return Retry(now + max(backoff(tries, random), wished(outcome)))


def backoff(tries: int, random: float) -> float:
    """Seconds to wait after the `tries`-th try: evenly anywhere between 0 and 5 s, 10 s, 20 s … 15 min."""
    ceiling = FIRST_WAIT * 2.0 ** min(max(tries, 1) - 1, 16)
    return min(ceiling, LONGEST_BACKOFF) * random


def wished(outcome: Temporary) -> float:
    """The receiver's own Retry-After in seconds, made harmless: 0 if it gave none or nonsense, an hour at most."""
    wish = outcome.retry_after
    if wish is None or not wish > 0 or math.isnan(wish):
        return 0.0
    return min(wish, LONGEST_RETRY_AFTER)


def rest(failures: int) -> float:
    """Seconds a receiver is left alone after `failures` temporary failures in a row, so that a dead one is not
    hammered by a full outbox.

    The first two cost nothing: one bad message must not hold up the queue behind it.
    """
    return 0.0 if failures < 3 else min(FIRST_WAIT * 2.0 ** min(failures - 3, 16), 60.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one receiver may be spoken to: `burst` messages at once, then `per_second` (a token bucket).

    `tokens` were there at `since`, monotonic seconds.
    """

    per_second: float
    burst: float = 10.0
    tokens: float = 10.0
    since: float = -math.inf

    def wait(self, now: float) -> float:
        """Seconds until the next message may go."""
        missing = 1.0 - self._filled(now)
        return 0.0 if missing <= 0 else missing / self.per_second

    def spent(self, now: float) -> Pace:
        """The pace after one message went at `now`."""
        return Pace(self.per_second, self.burst, max(0.0, self._filled(now) - 1.0), now)

    def _filled(self, now: float) -> float:
        if math.isinf(self.per_second) or math.isinf(self.since):
            return self.burst
        return min(self.burst, self.tokens + max(0.0, now - self.since) * self.per_second)


def _spoken(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} h" if hours >= 1 else f"{seconds / 60:.0f} min"
