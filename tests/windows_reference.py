"""Windows computed the slow way, from the samples they hold, in exact arithmetic: what the running computations are held to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise


def mean(values: Sequence[float]) -> float:
    """The mean, rounded once."""
    return float(sum(map(Fraction, values)) / len(values))


def std(values: Sequence[float]) -> float:
    """The standard deviation over n; its square is exact before the root."""
    exact = [Fraction(v) for v in values]
    middle = sum(exact) / len(exact)
    return math.sqrt(sum((v - middle) ** 2 for v in exact) / len(exact))


def slope(steps: Sequence[float], values: Sequence[float]) -> float:
    """Least squares per step; NaN when all steps are the same."""
    t, y = [Fraction(s) for s in steps], [Fraction(v) for v in values]
    mean_t, mean_y = sum(t) / len(t), sum(y) / len(y)
    spread = sum((a - mean_t) ** 2 for a in t)
    return float(sum((a - mean_t) * (b - mean_y) for a, b in zip(t, y, strict=True)) / spread) if spread else math.nan


def quantile(values: Sequence[float], q: float) -> float:
    """Linear interpolation between the neighbours of q * (n - 1), in numpy's own order of operations."""
    ranked = sorted(values)
    place = q * (len(ranked) - 1)
    below = math.floor(place)
    low, high, t = ranked[below], ranked[min(below + 1, len(ranked) - 1)], place - below
    return low + (high - low) * t if t < 0.5 else high - (high - low) * (1 - t)


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the middle two."""
    ranked = sorted(values)
    return (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2


def mad(values: Sequence[float]) -> float:
    """The median distance from the median."""
    middle = median(values)
    return median([abs(v - middle) for v in values])


def increase(values: Sequence[float]) -> float:
    """A counter's increase, a fall being a restart at 0, rounded once."""
    pairs = pairwise(values)
    return float(sum((Fraction(b) - Fraction(a) if b >= a else Fraction(b) for a, b in pairs), Fraction(0)))
