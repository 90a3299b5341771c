"""How far healthy runs go by themselves: sliding windows over one series, and the worst that they come to. Pure.

Windows are as conditions see them: so many finite samples, full or with so many at least. Attempts are not told apart; the replay does that.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

Worse = Callable[[Iterable[float]], float]


def held(values: Sequence[float], width: int, upper: bool) -> list[float]:
    """For each full window, what all its samples were above (`upper`), or below: their minimum, or maximum."""
    out: list[float] = []
    best: deque[int] = deque()
    for i, value in enumerate(values):
        while best and ((values[best[-1]] >= value) if upper else (values[best[-1]] <= value)):
            best.pop()
        best.append(i)
        if best[0] <= i - width:
            best.popleft()
        if i >= width - 1:
            out.append(values[best[0]])
    return out


def medians(values: Sequence[float], width: int) -> Iterator[float]:
    """The median of the newest `width` samples, of those there are before."""
    ordered: list[float] = []
    for i, value in enumerate(values):
        insort(ordered, value)
        if i >= width:
            del ordered[bisect_left(ordered, values[i - width])]
        middle = len(ordered) // 2
        yield ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def against_median(
    values: Sequence[float], width: int, base: int, least: int, upper: bool, ratio: bool
) -> float | None:
    """The furthest that `width` samples in a row were from the median of `base` (of `least` or more): a ratio, or a difference."""
    worst = max if upper else min
    found: float | None = None
    windows = held(values, width, upper)
    for i, middle in enumerate(medians(values, base)):
        if i + 1 < max(least, width) or (ratio and middle <= 0):
            continue
        value = windows[i - width + 1]
        far = value / middle if ratio else value - middle
        found = far if found is None else worst(found, far)
    return found


def against_best(values: Sequence[float], width: int, upper: bool) -> float | None:
    """The furthest that `width` samples in a row were above the best before and among them (a ratio), or below it (a difference)."""
    bests = list(accumulate(values, min if upper else max))[width - 1 :]
    windows = held(values, width, upper)
    pairs = zip(windows, bests, strict=True)
    return max((w / b if upper else b - w for w, b in pairs), default=None)


def beyond(values: Sequence[float], steps: Sequence[float], width: int, since: float, upper: bool) -> float | None:
    """The highest (`upper`) or lowest that `width` samples in a row all passed from step `since` on."""
    worst = max if upper else min
    windows = held(values, width, upper)
    return worst((w for w, step in zip(windows, steps[width - 1 :], strict=True) if step >= since), default=None)
