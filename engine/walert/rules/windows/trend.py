"""`slope` (least squares, per step) and `rate` (per second, of a counter) over a sliding window."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Final, Self

from walert.rules.windows.moments import Moments
from walert.rules.windows.series import MISSING, Series, Statistic

_FAR: Final = 1e100  # steps are taken to lie within this of each other, so that their squares stay finite
_FALL: Final = 1e-8


class Trend(Statistic):
    """The sums of least squares of values against steps, both shifted by anchors: steps of 1e9 cost no digits.

    Values are scaled, guarded and re-computed with the window's `Moments`; steps have a guard of their own.
    """

    name: ClassVar[str] = "trend"
    __slots__ = (
        "anchor_step",
        "anchor_value",
        "cross",
        "m2",
        "moments",
        "n",
        "oldest",
        "peak",
        "series",
        "sum_steps",
        "sum_values",
    )

    def __init__(self, series: Series, moments: Moments) -> None:
        self.series, self.moments = series, moments
        self.n = 0
        self.anchor_step = self.anchor_value = self.oldest = 0.0
        self.sum_steps = self.sum_values = self.cross = self.m2 = self.peak = 0.0

    @classmethod
    def of(cls, series: Series) -> Self:
        """The trend of `series`, on top of its moments."""
        return cls(series, series.attach(Moments))

    def slope(self) -> float:
        """Change of the value per step; NaN when all samples have one step."""
        if self.m2 <= 0.0:
            return math.nan
        return self.cross / self.m2 / self.moments.scale

    def add(self, value: float) -> None:
        """`value` came, at the newest step."""
        if self.n == 0:
            self.anchor_step, self.anchor_value = self.series.steps[-1], value * self.moments.scale
        t, y = self._shifted(self.series.steps[-1], value)
        n = self.n
        self.n = n + 1
        apart = t - self.sum_steps / n if n else 0.0
        self.sum_steps += t
        self.sum_values += y
        self.m2 += apart * (t - self.sum_steps / (n + 1))
        self.cross += apart * (y - self.sum_values / (n + 1))
        self.oldest = self.series.steps[0]
        self._guard()

    def drop(self, old: float) -> None:
        """`old` left, which was at the step that was the oldest."""
        t, y = self._shifted(self.oldest, old)
        n = self.n = self.n - 1
        if n <= 0:
            self.rebuild()
            return
        apart = t - self.sum_steps / (n + 1)
        self.sum_steps -= t
        self.sum_values -= y
        self.m2 -= apart * (t - self.sum_steps / n)
        self.cross -= apart * (y - self.sum_values / n)
        self.oldest = self.series.steps[0]
        self._guard()

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left: the updates of a changed mean, at one number of samples."""
        steps, n, scale = self.series.steps, self.n, self.moments.scale
        t, t_old = steps[-1] - self.anchor_step, self.oldest - self.anchor_step
        if not (-_FAR < t < _FAR and -_FAR < t_old < _FAR):
            self.drop(old)
            self.add(value)
            return
        y, y_old = value * scale - self.anchor_value, old * scale - self.anchor_value
        moved, t_sum, y_sum = t - t_old, self.sum_steps, self.sum_values
        self.sum_steps = t_new = t_sum + moved
        self.sum_values = y_new = y_sum + (y - y_old)
        self.m2 += moved * (t + t_old - (t_sum + t_new) / n)
        self.cross += moved * (y - y_new / n) + (t_old - t_sum / n) * (y - y_old)
        self.oldest = steps[0]
        self._guard()

    def _shifted(self, step: float, value: float) -> tuple[float, float]:
        t = step - self.anchor_step
        if not -_FAR < t < _FAR:
            t = math.copysign(_FAR, t)
        return t, value * self.moments.scale - self.anchor_value

    def _guard(self) -> None:
        if self.m2 > self.peak:
            self.peak = self.m2
        elif self.m2 < self.peak * _FALL:
            self.series.due = 0

    def settle(self) -> None:
        """Compute the sums in exact passes; the moments have settled before."""
        steps, values = self.series.steps, self.series.values
        n = self.n = len(values)
        self.sum_steps = self.sum_values = self.cross = self.m2 = self.peak = 0.0
        if not n:
            return
        self.oldest, self.anchor_step, self.anchor_value = steps[0], steps[-1], values[-1] * self.moments.scale
        first, anchor, scale = self.anchor_step, self.anchor_value, self.moments.scale
        ts = [max(-_FAR, min(step - first, _FAR)) for step in steps]
        ys = [value * scale - anchor for value in values]
        self.sum_steps, self.sum_values = math.fsum(ts), math.fsum(ys)
        mean_t, mean_y = self.sum_steps / n, self.sum_values / n
        self.m2 = self.peak = math.fsum([(t - mean_t) * (t - mean_t) for t in ts])
        self.cross = math.fsum([(t - mean_t) * (y - mean_y) for t, y in zip(ts, ys, strict=True)])

    rebuild = settle

    def dump(self) -> list[Any]:
        """The running sums."""
        return [
            self.n, self.anchor_step, self.anchor_value, self.oldest, self.sum_steps, self.sum_values, self.cross, self.m2, self.peak
        ]  # fmt: skip

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        self.n, self.anchor_step, self.anchor_value, self.oldest, *sums = state
        self.sum_steps, self.sum_values, self.cross, self.m2, self.peak = sums


class Falls(Statistic):
    """Where a counter fell, it restarted at 0: what it had reached before counts as well (as in Prometheus' `increase`).

    The sum of what it had reached is a queue of two stacks. `older` holds the older falls, newest first, and `suffixes` the sums of its
    beginnings; `newer` holds the rest. So nothing is ever subtracted, and no sum keeps the rounding errors of what has left. The oldest
    fall stands in `older`, whenever there is one.
    """

    name: ClassVar[str] = "falls"
    needs_times: ClassVar[bool] = True
    __slots__ = ("newer", "newer_sum", "older", "series", "suffixes")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.older: list[float] = []
        self.suffixes: list[float] = []
        self.newer: list[float] = []
        self.newer_sum = 0.0

    @classmethod
    def of(cls, series: Series) -> Self:
        """The falls of `series`."""
        return cls(series)

    def rate(self) -> float | None:
        """Increase per second from the oldest sample to the newest; NaN when no time passed, MISSING when a time is not known."""
        times = self.series.times
        if not times or times[0] is None or times[-1] is None:
            return MISSING
        seconds = times[-1] - times[0]
        return self._increase() / seconds if seconds > 0.0 else math.nan

    def _increase(self) -> float:
        values = self.series.values
        if not self.older:
            return values[-1] - values[0]
        between = self.suffixes[-2] if len(self.suffixes) > 1 else 0.0
        return (self.older[-1] - values[0]) + between + self.newer_sum + values[-1]

    def add(self, value: float) -> None:
        """`value` came; was it a fall?"""
        values = self.series.values
        if len(values) < 2 or value >= values[-2]:
            return
        reached = values[-2]
        if self.older:
            self.newer.append(reached)
            self.newer_sum += reached
        else:
            self._turn([reached])

    def drop(self, old: float) -> None:
        """`old` left, and the fall after it, if there was one."""
        values = self.series.values
        if values and values[0] < old:
            self.older.pop()
            self.suffixes.pop()
            if not self.older:
                self._turn(self.newer)

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left; a window of one sample has no falls."""
        if len(self.series.values) > 1:
            self.add(value)
            self.drop(old)

    def _turn(self, falls: list[float]) -> None:
        self.older = falls[::-1]
        self.suffixes = list(accumulate(self.older))
        self.newer, self.newer_sum = [], 0.0

    def rebuild(self) -> None:
        """Find the falls among the samples held."""
        self._turn([a for a, b in pairwise(self.series.values) if b < a])

    def dump(self) -> int:
        """How many of the falls stand in the first stack."""
        return len(self.older)

    def load(self, state: int) -> None:
        """Come to the state that `dump` described."""
        falls = [a for a, b in pairwise(self.series.values) if b < a]
        self._turn(falls[:state])
        self.newer = falls[state:]
        for reached in self.newer:
            self.newer_sum += reached
