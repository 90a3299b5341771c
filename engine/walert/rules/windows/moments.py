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
from typing import Any, ClassVar, Final, Self

from walert.rules.windows.series import Series, Statistic

_DOWN: Final = 2.0**-600
_TOP: Final = 1e300  # an M2 above this is near overflow
_GROWTH: Final = 4.0  # the peak of M2 is known to within this factor: cheaper than at every sample
_FALL: Final = 4e-8
_BOTTOM: Final = 1e-290  # an M2 below this is near underflow: no guard could tell its digits from noise


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
        self.m2 = m2 = self.m2 + (y - y_old) * (y + y_old - (before + after) / self.n)
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
        """Compute sum and M2 in two exact passes."""
        if not (self._compute(1.0) and self.m2 <= _TOP):
            self._compute(_DOWN)
        self._bound()

    rebuild = settle

    def _compute(self, scale: float) -> bool:
        """Whether the sums could be computed in this scale."""
        values = self.series.values
        n = self.n = len(values)
        self.scale, self.anchor, self.shifted, self.m2 = scale, 0.0, 0.0, 0.0
        if not n:
            return True
        anchor = self.anchor = values[-1] * scale
        ys = [v - anchor for v in values] if scale == 1.0 else [v * scale - anchor for v in values]
        try:
            self.shifted = math.fsum(ys)
            mean = self.shifted / n
            self.m2 = math.fsum([(y - mean) * (y - mean) for y in ys])
        except (OverflowError, ValueError):  # sums beyond the largest double, infinities of both signs
            return False
        return True

    def dump(self) -> list[Any]:
        """The running numbers: they carry the roundings of all pushes since the last re-computation."""
        return [self.n, self.scale, self.anchor, self.shifted, self.m2, self.low, self.high]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        self.n, self.scale, self.anchor, self.shifted, self.m2, self.low, self.high = state
