"""Order statistics of a sliding window: minimum, maximum, quantiles, median, median deviation."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from typing import ClassVar, Self

from walert.rules.windows.series import Series, Statistic


class Lowest(Statistic):
    """The minimum, by a queue of the samples with nothing smaller after them: its front is the minimum, each sample enters and leaves once."""

    name: ClassVar[str] = "lowest"
    __slots__ = ("queue", "series")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.queue: deque[float] = deque()

    @classmethod
    def of(cls, series: Series) -> Self:
        """The minimum of `series`."""
        return cls(series)

    def value(self) -> float:
        """The smallest sample; the window is not empty."""
        return self.queue[0]

    def add(self, value: float) -> None:
        """`value` came."""
        queue = self.queue
        while queue and queue[-1] > value:
            queue.pop()
        queue.append(value)

    def drop(self, old: float) -> None:
        """`old` left. Equal samples all queue, so the front is it or a smaller one."""
        if self.queue[0] == old:
            self.queue.popleft()

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left."""
        queue = self.queue
        if queue[0] == old:
            queue.popleft()
        while queue and queue[-1] > value:
            queue.pop()
        queue.append(value)

    def rebuild(self) -> None:
        """Queue the samples held."""
        self.queue.clear()
        for value in self.series.values():
            self.add(value)


class Highest(Lowest):
    """The maximum, likewise."""

    name: ClassVar[str] = "highest"
    __slots__ = ()

    def add(self, value: float) -> None:
        """`value` came."""
        queue = self.queue
        while queue and queue[-1] < value:
            queue.pop()
        queue.append(value)

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left."""
        queue = self.queue
        if queue[0] == old:
            queue.popleft()
        while queue and queue[-1] < value:
            queue.pop()
        queue.append(value)


class Ranks(Statistic):
    """The samples in order of size, in one sorted list.

    Keeping it sorted moves half the list's pointers a sample: 0.3 µs with 100 samples, 3 µs with 20,000, 14 µs with 100,000. A list of
    blocks takes 0.5, 0.9 and 1.2 µs, but then finding the k-th sample costs as much again; most windows are short.
    """

    name: ClassVar[str] = "ranks"
    __slots__ = ("series", "sorted")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.sorted: list[float] = []

    @classmethod
    def of(cls, series: Series) -> Self:
        """The ranks of `series`."""
        return cls(series)

    def add(self, value: float) -> None:
        """`value` came. Zeros lose their sign, so that equal samples are interchangeable."""
        insort(self.sorted, value + 0.0)

    def drop(self, old: float) -> None:
        """`old` left."""
        del self.sorted[bisect_left(self.sorted, old)]

    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left."""
        ranked = self.sorted
        del ranked[bisect_left(ranked, old)]
        insort(ranked, value + 0.0)

    def rebuild(self) -> None:
        """Sort the samples held."""
        self.sorted = sorted([value + 0.0 for value in self.series.values()])

    def quantile(self, q: float) -> float:
        """The q-quantile, 0 <= q <= 1, interpolated linearly: numpy's default, to the last bit. The window is not empty."""
        ranked = self.sorted
        place = q * (len(ranked) - 1)
        below = int(place)
        if below + 1 >= len(ranked):
            return ranked[-1]
        low, high, t = ranked[below], ranked[below + 1], place - below
        apart = high - low
        if apart == math.inf:
            return low * (1.0 - t) + high * t
        return low + apart * t if t < 0.5 else high - apart * (1.0 - t)

    def median(self) -> float:
        """The middle sample, or the mean of the middle two. The window is not empty."""
        ranked = self.sorted
        n = len(ranked)
        return _between(ranked[(n - 1) // 2], ranked[n // 2])

    def deviation(self) -> float:
        """The median of the distances from the median, not scaled, in O(log n). The window is not empty.

        The k + 1 samples nearest to the median stand side by side in the sorted list. The first of them is found by bisection; the
        next nearest is a neighbour of theirs.
        """
        ranked, middle = self.sorted, self.median()
        n = len(ranked)
        k = (n - 1) // 2
        first = self._nearest(k, middle)
        last = first + k
        distance = max(ranked[last] - middle, middle - ranked[first])
        if n % 2:
            return distance
        below = middle - ranked[first - 1] if first else math.inf
        above = ranked[last + 1] - middle if last + 1 < n else math.inf
        return _between(distance, min(below, above))

    def _nearest(self, k: int, middle: float) -> int:
        """Where the k + 1 samples nearest to `middle` begin."""
        ranked, low = self.sorted, 0
        high = len(ranked) - 1 - k
        while low < high:
            at = (low + high) // 2
            # The window from `at` reaches no further up than down: one from further up may be nearer.
            if middle - ranked[at] > ranked[at + k + 1] - middle:
                low = at + 1
            else:
                high = at
        return low


def _between(a: float, b: float) -> float:
    middle = (a + b) / 2.0
    return middle if math.isfinite(middle) else a / 2.0 + b / 2.0
