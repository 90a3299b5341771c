"""Title-keyed cooldowns: the one policy that decides whether an alert becomes a message now. Pure: values in, a verdict out.

The key is (run, title). Time is event time within a file, and the daemon's clock between files (event time in a replay). A suppressed alert is
counted and does not extend the wait; a higher level than the last one sent passes; a negative gap restarts the wait there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

LONGEST_BACKOFF = 4 * 3600.0
MAX_NAMED = 5  # episodes that ended unreported, named in the next message; more are only counted


@dataclass(frozen=True, slots=True)
class Cooldown:
    """What is remembered of a key. `at` is the event time of the last accepted message, `clock` the daemon's at that decision.

    `firing` holds the streams on which a rule of this title fires, `ended` a sentence for each episode that was over before it was told, and
    `owed` the receivers that will hear of the end once nothing of this title fires; None when nobody will.
    """

    accepted: bool = False
    stream: str = ""
    at: float | None = None
    clock: float | None = None
    severity: int = 0
    suppressed: int = 0
    ended: tuple[str, ...] = ()
    firing: frozenset[str] = frozenset()
    owed: tuple[str, ...] | None = None

    def dump(self) -> list[Any]:
        """Plain builtins for the state file."""
        return [
            self.accepted, self.stream, self.at, self.clock, self.severity, self.suppressed, list(self.ended), sorted(self.firing),
            None if self.owed is None else list(self.owed),
        ]  # fmt: skip

    @classmethod
    def load(cls, state: Sequence[Any]) -> Cooldown:
        """The cooldown that `dump` described."""
        accepted, stream, at, clock, severity, suppressed, ended, firing, *more = state
        owed = tuple(more[0]) if more and more[0] is not None else None
        return cls(accepted, stream, at, clock, severity, suppressed, tuple(ended), frozenset(firing), owed)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An alert that asks to be sent: from which stream, when by its own time and by the daemon's clock, how bad, how long to wait."""

    stream: str
    time: float | None
    clock: float | None
    severity: int
    wait: float


@dataclass(frozen=True, slots=True)
class Granted:
    """Send it. It carries what was held back since the last message of its key."""

    why: str
    suppressed: int
    ended: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Do not send it. `left` seconds of the wait remain."""

    why: str
    left: float


Verdict = Granted | Held


def judge(cooldown: Cooldown, arrival: Arrival, *, counts: bool = True) -> tuple[Verdict, Cooldown]:
    """Whether `arrival` becomes a message, and what is remembered after. `counts=False` holds without counting."""
    if not cooldown.accepted:
        return _grant("the first of its title", cooldown, arrival)
    if arrival.severity > cooldown.severity:
        return _grant("a higher level than the last one sent", cooldown, arrival)
    if arrival.wait <= 0:
        return _grant("no cooldown", cooldown, arrival)
    gap = _gap(cooldown, arrival)
    if gap >= arrival.wait:
        return _grant("the wait is over", cooldown, arrival)
    if gap < 0:
        cooldown = replace(cooldown, stream=arrival.stream, at=arrival.time, clock=arrival.clock)
        gap = 0.0
    held = replace(cooldown, suppressed=cooldown.suppressed + counts)
    return Held("within the wait of the last message", arrival.wait - gap), held


def release(cooldown: Cooldown) -> tuple[Granted, Cooldown]:
    """A *resolved* or *closed* message: it neither waits for nor starts a cooldown, but carries the counts."""
    granted = Granted("the end of an episode that was told", cooldown.suppressed, cooldown.ended)
    return granted, replace(cooldown, suppressed=0, ended=())


def owe(cooldown: Cooldown, receivers: Sequence[str]) -> Cooldown:
    """An episode that was told is over while others of its title go on: the end of the last will be told to `receivers`, too."""
    return replace(cooldown, owed=tuple(dict.fromkeys([*(cooldown.owed or ()), *receivers])))


def is_over(cooldown: Cooldown) -> bool:
    """Whether nothing of its title goes on."""
    return not cooldown.firing and cooldown.owed is None


def longer(wait: float, base: float) -> float:
    """The next wait under `repeat: backoff`: doubled, to four hours, or to the rule's own wait if that is longer."""
    return min(wait * 2, max(LONGEST_BACKOFF, base))


def unreported(cooldown: Cooldown, sentence: str) -> Cooldown:
    """An episode is over that was never told: the key's next message names it."""
    return replace(cooldown, ended=(*cooldown.ended, sentence)[-MAX_NAMED:])


def _grant(why: str, cooldown: Cooldown, arrival: Arrival) -> tuple[Granted, Cooldown]:
    after = replace(
        cooldown,
        accepted=True,
        stream=arrival.stream,
        at=arrival.time,
        clock=arrival.clock,
        severity=arrival.severity,
        suppressed=0,
        ended=(),
    )
    return Granted(why, cooldown.suppressed, cooldown.ended), after


def _gap(cooldown: Cooldown, arrival: Arrival) -> float:
    """Seconds since the last accepted message; without a time it stands still."""
    if arrival.stream == cooldown.stream:
        then, now = cooldown.at, arrival.time
    else:
        then, now = cooldown.clock, arrival.clock
    return 0.0 if then is None or now is None else now - then
