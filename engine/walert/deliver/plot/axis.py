"""Axes: where a value stands between two ends, and which round values are named beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_DECADES = 1_000.0
"""Positive values that span more are shown by their logarithm."""
_STRIDES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)  # decades from one name to the next
_TINY = 5e-324  # the smallest double above 0
_REACH = 1.5  # a limit is drawn if the values, widened so many times by their span, reach it


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, which are finite and differ; by their logarithms if `log`."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a finite value stands: 0 at `low`, 1 at `high`."""
        low, high, value = (math.log(max(each, _TINY)) if self.log else each for each in (self.low, self.high, value))
        span = high - low
        if not math.isfinite(span):  # of two doubles at the far ends
            return (value / 2 - low / 2) / (high / 2 - low / 2)
        return (value - low) / span

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most `most` round values between the ends, with their names."""
        values = self._decades(most) if self.log else self._steps(most)
        names = _named(values)
        return list(zip(values, names, strict=True))

    def _decades(self, most: int) -> list[float]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        stride = next(each for each in _STRIDES if each * most >= last - first)
        return [10.0**exponent for exponent in range(-(-first // stride) * stride, last + 1, stride)]

    def _steps(self, most: int) -> list[float]:
        span = self.high / most - self.low / most
        if span <= 0 or not math.isfinite(span):
            return []
        size = 10.0 ** math.floor(math.log10(span)) if span > 1e-300 else span
        step = next((size * times for times in (1, 2, 5, 10) if size * times >= span), size * 10)
        first, last = self.low / step, self.high / step
        if not abs(first) < 2**52 or not abs(last) < 2**52:
            return []
        return [index * step for index in range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)][: most + 1]


def value_axis(values: Sequence[float], limits: Iterable[float]) -> Axis:
    """The axis of finite `values`, with a little room at both ends, and of those limits that lie within reach."""
    shown = [*values, *(limit for limit in limits if is_near(limit, values))]
    low, high = min(shown), max(shown)
    if low > 0 and _spans_decades(values):
        room = math.exp((math.log(high) - math.log(low)) * 0.06)
        return Axis(max(low / room, _TINY), min(high * room, 1.7e308), log=True)
    if not high > low:
        room = abs(low) * 0.5 or 1.0
    else:
        room = high * 0.08 - low * 0.08
    low, high = max(low - room, -1.79e308), min(high + room, 1.79e308)
    return Axis(low, high) if high > low else Axis(-1.0, 1.0)


def is_near(limit: float, values: Sequence[float]) -> bool:
    """Whether a limit can be shown beside `values` without flattening them."""
    low, high = min(values), max(values)
    if _spans_decades(values):
        return low / _DECADES <= limit <= high * _DECADES
    span = high - low if high > low else abs(high) or 1.0
    return low - _REACH * span <= limit <= high + _REACH * span


def _spans_decades(values: Sequence[float]) -> bool:
    """Whether the logarithm shows more of them; a few that fall out below are no reason for it."""
    low = sorted(values)[len(values) // 10]
    return min(values) > 0 and max(values) / low > _DECADES


def short(value: float) -> str:
    """Four digits of a number, for beside an axis: `1200`, `12k`, `3.2M`, `1e-05`, `nan`."""
    if math.isfinite(value) and value == round(value) and 10_000 <= abs(value) < 1e12:
        for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= size:
                return f"{value / size:.4g}{letter}"
    return f"{value:.4g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def _named(values: Sequence[float]) -> list[str]:
    """Names that tell neighbours apart, with as many digits as that takes."""
    names = [short(value) for value in values]
    if len(set(names)) == len(names):
        return names
    return [f"{value:.10g}" for value in values]
