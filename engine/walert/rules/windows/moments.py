"""Mean, standard deviation and sum over a sliding window, in O(1) a sample and without the cancellation of naive sums.

Welford's update, sliding (B. P. Welford, Technometrics 4 (1962) 419; West, CACM 22 (1979) 532), on samples shifted by an anchor: the newest
sample at the last exact re-computation. Where the level hardly moves, differences to it are exact, so that a tiny spread on a large mean
keeps its digits, a constant window has a standard deviation of exactly 0, and whole numbers have exact sums.

M2 (the sum of squared deviations) keeps the rounding errors of its peak. Once it has fallen about 1e8-fold below that, a re-computation is
asked for. The guard is on M2 and not on the sum, which crosses 0 on many harmless streams. Each fall takes samples that were in the window when
its peak was: there are at most 77 between the largest and the smallest double in the time in which a window is filled anew.

Samples so large that their squares overflow are computed with scaled by 2^-600. Differences so small that their squares underflow, under
1e-145, are noise: M2 does not see them come or leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Final, NamedTuple, Self

from walert.rules.windows.series import Series, Statistic

DOWN: Final = 2.0**-600
_TOP: Final = 1e300  # an M2 above this is near overflow
_GROWTH: Final = 4.0  # the peak of M2 is known to within this factor: cheaper than at every sample
_FALL: Final = 4e-8
_BOTTOM: Final = 1e-290  # an M2 below this is near underflow: no guard could tell its digits from noise


class Spread(NamedTuple):
    """Some samples: how many, the newest, the sum of their distances from it, and M2; NaN or infinite when they are too large."""

    n: int
    anchor: float
    shifted: float
    m2: float


def spread(values: Sequence[float], _: Sequence[float]) -> Spread:
    """Sum and M2 in two exact passes."""
    anchor = values[-1]
    return _spread([v - anchor for v in values], anchor)


def spread_of_huge(values: Sequence[float], _: Sequence[float]) -> Spread:
    """As `spread`, scaled down."""
    anchor = values[-1] * DOWN
    return _spread([v * DOWN - anchor for v in values], anchor)


def _spread(ys: list[float], anchor: float) -> Spread:
    n = len(ys)
    try:
        shifted = math.fsum(ys)
    except (OverflowError, ValueError):
        return Spread(n, anchor, math.nan, math.nan)
    apart = math.dist(ys, [shifted / n] * n)  # in C, its sum of squares exact to the last bit but one
    return Spread(n, anchor, shifted, apart * apart)


class Moments(Statistic):
    """Number, sum and M2 of the samples of a window; `anchor`, `shifted` and `m2` are in units of 1/`scale`."""

    name: ClassVar[str] = "moments"
    __slots__ = ("anchor", "high", "low", "m2", "n", "scale", "series", "shifted")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.n = 0
        self.scale = 1.0
        self.anchor = self.shifted = self.m2 = 0.0
        self.low, self.high = -math.inf, 0.0

    @classmethod
    def of(cls, series: Series) -> Self:
        """Empty moments of `series`."""
        return cls(series)

    def mean(self) -> float:
        """The mean; the samples' own value when they are all the same. The window is not empty."""
        shifted, anchor, n = self.shifted, self.anchor, self.n
        if shifted == 0.0:
            return anchor / self.scale
        return (shifted + n * anchor) / n / self.scale

    def std(self) -> float:
        """The standard deviation, dividing by n as numpy does."""
        m2 = self.m2
        return math.sqrt(m2 / self.n) / self.scale if m2 > 0.0 else 0.0

    def total(self) -> float:
        """The sum."""
        return (self.shifted + self.n * self.anchor) / self.scale

    def score(self, value: float) -> float:
        """How many standard deviations `value` lies above the mean; NaN when there is no spread."""
        if self.m2 <= 0.0:
            return math.nan
        return (value * self.scale - self.anchor - self.shifted / self.n) / math.sqrt(self.m2 / self.n)

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left."""
        scale, anchor, before = self.scale, self.anchor, self.shifted
        y = value * scale - anchor
        y_old = old * scale - anchor
        self.shifted = after = before + (y - y_old)
        self.m2 = m2 = self.m2 + (y - y_old) * (y + y_old - (before + after) * (1.0 / self.n))
        if not self.low <= m2 <= self.high:
            self.look(m2)

    def add(self, value: float) -> None:
        """`value` came."""
        n = self.n
        if n == 0:
            self.anchor = value * self.scale
        y = value * self.scale - self.anchor
        before, self.n = self.shifted, n + 1
        self.shifted = after = before + y
        if n:
            self.m2 = m2 = self.m2 + (y - before / n) * (y - after / (n + 1))
            if not self.low <= m2 <= self.high:
                self.look(m2)

    def drop(self, old: float) -> None:
        """`old` left."""
        n = self.n = self.n - 1
        if n < 2:
            self.series.due = 0
        if n == 0:
            self.rebuild()
            return
        y = old * self.scale - self.anchor
        before = self.shifted
        self.shifted = after = before - y
        self.m2 = m2 = self.m2 - (y - before / (n + 1)) * (y - after / n)
        if not self.low <= m2 <= self.high:
            self.look(m2)

    def look(self, m2: float) -> None:
        """M2 left its bounds. Upwards they follow it; fallen, near overflow or NaN, it must be computed anew."""
        if self.high < m2 <= _TOP:
            self._bound()
        else:
            self.series.due = 0

    def _bound(self) -> None:
        m2 = self.m2
        self.high = max(m2 * _GROWTH, _BOTTOM)
        self.low = m2 * _FALL if m2 > _BOTTOM / _FALL else -math.inf

    def settle(self) -> None:
        """Compute sum and M2 exactly: in two passes, or from those of the history's blocks (Chan, Golub, LeVeque 1979)."""
        series = self.series
        n = self.n = series.count
        self.scale, self.anchor, self.shifted, self.m2 = 1.0, 0.0, 0.0, 0.0
        if n:
            parts = series.history.parts(n, spread, spread)
            if not all(part.m2 <= _TOP for part in parts) or not self._put_together(parts, 1.0):
                self._put_together(series.history.parts(n, spread_of_huge, spread_of_huge), DOWN)
        self._bound()

    rebuild = settle

    def _put_together(self, parts: Sequence[Spread], scale: float) -> bool:
        """Whether the sums of the parts could be added up in this scale."""
        anchor, n = parts[-1].anchor, self.n
        self.scale, self.anchor = scale, anchor
        if len(parts) == 1:
            self.shifted, self.m2 = parts[0].shifted, parts[0].m2
            return True
        offsets = [(p.anchor - anchor) + p.shifted / p.n for p in parts]
        try:
            self.shifted = math.fsum([p.n * (p.anchor - anchor) + p.shifted for p in parts])
            mean = self.shifted / n
            apart = [p.n * (o - mean) * (o - mean) for p, o in zip(parts, offsets, strict=True)]
            self.m2 = math.fsum([*(p.m2 for p in parts), *apart])
        except (OverflowError, ValueError):  # sums beyond the largest double, infinities of both signs
            return False
        return self.m2 <= _TOP

    def dump(self) -> list[Any]:
        """The running numbers: they carry the roundings of all pushes since the last re-computation."""
        return [self.n, self.scale, self.anchor, self.shifted, self.m2, self.low, self.high]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        self.n, self.scale, self.anchor, self.shifted, self.m2, self.low, self.high = state
