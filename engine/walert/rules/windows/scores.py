"""How far a sample lies from those before it: `zscore` and `mad_z`, the sample itself excluded.

With itself in the window no score of n samples exceeds (n - 1) / sqrt(n): under 3 for n <= 10.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Final, Self

from walert.rules.windows.moments import Moments
from walert.rules.windows.order import Ranks
from walert.rules.windows.series import MISSING, Series, Statistic

MAD_TO_STD: Final = 1.4826
"""1 / the third quartile of the standard normal: a median deviation times this estimates the standard deviation of a normal."""


class Score(Statistic):
    """The newest sample's score. It is told of a sample while the others still show the window before it."""

    early: ClassVar[bool] = True
    __slots__ = ("newest",)

    def __init__(self) -> None:
        self.newest: float | None = MISSING

    @abstractmethod
    def against(self, value: float) -> float:
        """The score of `value` against the window."""

    def value(self) -> float | None:
        """The newest sample's score; MISSING when fewer than n were held before it, NaN when those do not spread."""
        return self.newest

    def add(self, value: float) -> None:
        """`value` came, and the window before it was not full."""
        self.newest = MISSING

    def drop(self, old: float) -> None:
        """`old` left: of a window of n samples only when another comes."""

    def slide(self, value: float, old: float) -> None:
        """`value` came, and the window before it was full."""
        self.newest = self.against(value)

    def rebuild(self) -> None:
        """What the newest sample was held against has left."""
        self.newest = MISSING

    def dump(self) -> float | None:
        """The newest score."""
        return self.newest

    def load(self, state: float | None) -> None:
        """Come to the state that `dump` described."""
        self.newest = state


class ZScore(Score):
    """Distance from the mean in standard deviations."""

    name: ClassVar[str] = "zscore"
    __slots__ = ("moments",)

    def __init__(self, moments: Moments) -> None:
        super().__init__()
        self.moments = moments

    @classmethod
    def of(cls, series: Series) -> Self:
        """The score of `series`, on top of its moments."""
        return cls(series.attach(Moments))

    def against(self, value: float) -> float:
        """(value - mean) / std."""
        return self.moments.score(value)


class MadZ(Score):
    """Distance from the median in scaled median deviations (Iglewicz and Hoaglin, 1993, without their 3.5)."""

    name: ClassVar[str] = "mad_z"
    __slots__ = ("ranks",)

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self.ranks = ranks

    @classmethod
    def of(cls, series: Series) -> Self:
        """The score of `series`, on top of its ranks."""
        return cls(series.attach(Ranks))

    def against(self, value: float) -> float:
        """(value - median) / (1.4826 * median deviation)."""
        spread = MAD_TO_STD * self.ranks.deviation()
        return (value - self.ranks.median()) / spread if spread else math.nan
