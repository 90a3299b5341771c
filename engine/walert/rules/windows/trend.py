"""`slope` (least squares, per step) and `rate` (per second, of a counter) over a sliding window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul
from typing import Any, ClassVar, Final, NamedTuple, Self

from walert.rules.windows.moments import DOWN, Moments
from walert.rules.windows.series import MISSING, Series, Statistic

FAR: Final = 1e100  # steps are taken to lie within this of each other, so that their squares stay finite
FALL: Final = 1e-8


class Course(NamedTuple):
    """Some samples: their steps and how they go with the values. `anchor` is the newest step, `shifted` the sum of the distances from it.

    `level` is the newest value, `mean` the mean distance from it; `is_far` when a step lies too far from the newest.
    """

    n: int
    anchor: float
    shifted: float
    m2: float
    level: float
    mean: float
    cross: float
    is_far: bool


def course(values: Sequence[float], steps: Sequence[float]) -> Course:
    """The sums in exact passes."""
    level = values[-1]
    return _course(steps, [v - level for v in values], level)


def course_of_huge(values: Sequence[float], steps: Sequence[float]) -> Course:
    """As `course`, the values scaled down."""
    level = values[-1] * DOWN
    return _course(steps, [v * DOWN - level for v in values], level)


def _course(steps: Sequence[float], ys: list[float], level: float) -> Course:
    n, anchor = len(ys), steps[-1]
    ts = [step - anchor for step in steps]
    is_far = not -FAR < min(ts) <= max(ts) < FAR
    if is_far:
        ts = [max(-FAR, min(t, FAR)) for t in ts]
    shifted, mean_y = math.fsum(ts), math.fsum(ys) / n
    mean_t = shifted / n
    ts = [t - mean_t for t in ts]
    cross = math.fsum(map(mul, ts, [y - mean_y for y in ys]))
    return Course(n, anchor, shifted, math.fsum(map(mul, ts, ts)), level, mean_y, cross, is_far)


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
            self.anchor_step, self.anchor_value = self.series.history.steps[-1], value * self.moments.scale
        t, y = self._shifted(self.series.history.steps[-1], value)
        n = self.n
        self.n = n + 1
        apart = t - self.sum_steps / n if n else 0.0
        self.sum_steps += t
        self.sum_values += y
        self.m2 += apart * (t - self.sum_steps / (n + 1))
        self.cross += apart * (y - self.sum_values / (n + 1))
        self.oldest = self.series.oldest_step()
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
        self.oldest = self.series.oldest_step()
        self._guard()

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left: the updates of a changed mean, at one number of samples."""
        n, scale = self.n, self.moments.scale
        t, t_old = self.series.history.steps[-1] - self.anchor_step, self.oldest - self.anchor_step
        if not (-FAR < t < FAR and -FAR < t_old < FAR):
            self.drop(old)
            self.add(value)
            return
        y, y_old = value * scale - self.anchor_value, old * scale - self.anchor_value
        moved, t_sum, y_sum = t - t_old, self.sum_steps, self.sum_values
        self.sum_steps = t_new = t_sum + moved
        self.sum_values = y_new = y_sum + (y - y_old)
        self.m2 += moved * (t + t_old - (t_sum + t_new) / n)
        self.cross += moved * (y - y_new / n) + (t_old - t_sum / n) * (y - y_old)
        self.oldest = self.series.oldest_step()
        self._guard()

    def _shifted(self, step: float, value: float) -> tuple[float, float]:
        t = step - self.anchor_step
        if not -FAR < t < FAR:
            t = math.copysign(FAR, t)
        return t, value * self.moments.scale - self.anchor_value

    def _guard(self) -> None:
        if self.m2 > self.peak:
            self.peak = self.m2
        elif self.m2 < self.peak * FALL:
            self.series.due = 0

    def settle(self) -> None:
        """Compute the sums exactly, from those of the history's blocks; the moments have settled before."""
        series, moments = self.series, self.moments
        n = self.n = series.count
        self.sum_steps = self.sum_values = self.cross = self.m2 = self.peak = 0.0
        if not n:
            return
        steps = series.history.steps
        self.oldest, self.anchor_step, self.anchor_value = series.oldest_step(), steps[-1], moments.anchor
        self.sum_values = moments.shifted
        compute = course if moments.scale == 1.0 else course_of_huge
        parts = series.history.parts(n, compute, compute)
        if len(parts) > 1 and any(p.is_far or abs(p.anchor - self.anchor_step) >= FAR for p in parts):
            parts = [compute(series.values(), series.steps())]
        self._put_together(parts)

    def _put_together(self, parts: Sequence[Course]) -> None:
        n, first, level = self.n, self.anchor_step, self.anchor_value
        self.sum_steps = math.fsum([p.n * (p.anchor - first) + p.shifted for p in parts])
        mean_t, mean_y = self.sum_steps / n, self.sum_values / n
        ts = [(p.anchor - first) + p.shifted / p.n - mean_t for p in parts]
        ys = [(p.level - level) + p.mean - mean_y for p in parts]
        self.m2 = self.peak = math.fsum(
            [*(p.m2 for p in parts), *(p.n * t * t for p, t in zip(parts, ts, strict=True))]
        )
        apart = (p.n * t * y for p, t, y in zip(parts, ts, ys, strict=True))
        self.cross = math.fsum([*(p.cross for p in parts), *apart])

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
        times, count = self.series.history.times, self.series.count
        if not times or not count:
            return MISSING
        seconds = times[-1] - times[-count]
        if seconds != seconds:
            return MISSING
        return self._increase() / seconds if seconds > 0.0 else math.nan

    def _increase(self) -> float:
        values = self.series.history.values
        newest, oldest = values[-1], values[-self.series.count]
        if not self.older:
            return newest - oldest
        between = self.suffixes[-2] if len(self.suffixes) > 1 else 0.0
        return (self.older[-1] - oldest) + between + self.newer_sum + newest

    def add(self, value: float) -> None:
        """`value` came; was it a fall?"""
        if self.series.count < 2:
            return
        reached = self.series.history.values[-2]
        if value >= reached:
            return
        if self.older:
            self.newer.append(reached)
            self.newer_sum += reached
        else:
            self._turn([reached])

    def drop(self, old: float) -> None:
        """`old` left, and the fall after it, if there was one."""
        count = self.series.count
        if count and self.series.history.values[-count] < old:
            self.older.pop()
            self.suffixes.pop()
            if not self.older:
                self._turn(self.newer)

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left; a window of one sample has no falls."""
        if self.series.count > 1:
            self.add(value)
            self.drop(old)

    def _turn(self, falls: list[float]) -> None:
        self.older = falls[::-1]
        self.suffixes = list(accumulate(self.older))
        self.newer, self.newer_sum = [], 0.0

    def rebuild(self) -> None:
        """Find the falls among the samples held."""
        self._turn([a for a, b in pairwise(self.series.values()) if b < a])

    def dump(self) -> int:
        """How many of the falls stand in the first stack."""
        return len(self.older)

    def load(self, state: int) -> None:
        """Come to the state that `dump` described."""
        falls = [a for a, b in pairwise(self.series.values()) if b < a]
        self._turn(falls[:state])
        self.newer = falls[state:]
        for reached in self.newer:
            self.newer_sum += reached
