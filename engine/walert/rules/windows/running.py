"""Running values that need no window: `ema`, `first`, `best_min`, `best_max`, `since_best`, `streak`."""

from __future__ import annotations

import math
from typing import Any, Literal, Protocol

from walert.rules.windows.series import MISSING


class Kept(Protocol):
    """What a shelf holds: fed with finite samples, taken back by attempts, dumped and restored exactly."""

    def begin(self, step: float, time: float | None) -> None:
        """Tell the first step and time of the file."""

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample."""

    def rewind(self, step: float) -> None:
        """An attempt begins at `step`."""

    def clear(self) -> None:
        """A fresh start of the file."""

    def dump(self) -> list[Any]:
        """The state as builtins."""

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""


class Running:
    """One number, MISSING at first. It needs no beginning of the file, and unless a subclass says so an attempt leaves it alone."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: float | None = MISSING

    def begin(self, step: float, time: float | None) -> None:
        """The beginning of the file does not matter here."""

    def value(self) -> float | None:
        """The number, or MISSING."""
        return self.now

    def rewind(self, step: float) -> None:
        """Kept through attempts."""

    def clear(self) -> None:
        """As new."""
        self.now = MISSING

    def dump(self) -> list[Any]:
        """The state as builtins."""
        return [self.now]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        (self.now,) = state


class Ema(Running):
    """The exponential moving average with alpha = 2 / (n + 1), seeded by the first finite sample; reseeded by an attempt.

    In the form `now + alpha * (value - now)`, under which a constant stays itself to the last bit.
    """

    __slots__ = ("alpha",)

    def __init__(self, n: float) -> None:
        super().__init__()
        self.alpha = 2.0 / (n + 1.0)

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample."""
        now = self.now
        if now is None:
            self.now = value
            return
        now += self.alpha * (value - now)
        # A difference can overflow where the average cannot: it would stay infinite for good.
        self.now = now if -math.inf < now < math.inf else self._apart(value)

    def _apart(self, value: float) -> float:
        before = self.now if self.now is not None else value
        return self.alpha * value + (1.0 - self.alpha) * before

    def rewind(self, step: float) -> None:
        """The next sample seeds it."""
        self.now = MISSING


class First(Running):
    """The first finite sample of the file."""

    __slots__ = ()

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample."""
        if self.now is None:
            self.now = value


class Best(Running):
    """The smallest or largest sample so far, and how many came since it: a tie is no new best."""

    __slots__ = ("behind", "mode")

    def __init__(self, mode: Literal["min", "max"]) -> None:
        super().__init__()
        self.mode = mode
        self.behind: float | None = MISSING

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample."""
        best, behind = self.now, self.behind
        if best is None or behind is None or (value < best if self.mode == "min" else value > best):
            self.now, self.behind = value, 0.0
        else:
            self.behind = behind + 1.0

    def since(self) -> float | None:
        """Samples since the best: 0 at the best itself."""
        return self.behind

    def clear(self) -> None:
        """As new."""
        self.now = self.behind = MISSING

    def dump(self) -> list[Any]:
        """The state as builtins."""
        return [self.now, self.behind]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        self.now, self.behind = state


class Streak(Running):
    """How many judgements (1.0 for true, 0.0 for false) were true in a row; an attempt resets it, as it resets `for`."""

    __slots__ = ()

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next judgement."""
        self.now = (self.now or 0.0) + 1.0 if value else 0.0

    def rewind(self, step: float) -> None:
        """MISSING until the next judgement."""
        self.now = MISSING
