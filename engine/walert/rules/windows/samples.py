"""Windows of a number of samples."""

from __future__ import annotations

from typing import Any

from walert.rules.windows.history import History
from walert.rules.windows.moments import Moments
from walert.rules.windows.series import Series


class SampleSeries(Series):
    """The last `width` finite samples of a history, which is told of each sample before its windows are."""

    __slots__ = ("_moments", "share", "width")

    def __init__(self, history: History, width: int) -> None:
        self.width = width
        self.share = 1.0 / width
        super().__init__(history)
        history.look_back(max(width, history.most))

    def _wire(self) -> None:
        super()._wire()
        moments = self.statistics.get(Moments.name)
        # Most windows ask for a mean or deviation: that update is written out where the sample arrives.
        alone = not any(statistic.early for statistic in self._told)
        self._moments: Moments | None = moments if alone and isinstance(moments, Moments) else None

    def begin(self, step: float, time: float | None) -> None:
        """The beginning of the file does not matter here."""

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample; the oldest leaves when there are `width` already."""
        if self.count < self.width:
            self.count += 1
            for statistic in self._told:
                statistic.add(value)
        else:
            old = self.history.values[~self.width]
            moments = self._moments
            if moments is None or moments.scale != 1.0:
                for statistic in self._told:
                    statistic.slide(value, old)
            else:
                # `Moments.slide`, a quarter faster than by calling it.
                y, y_old, before = value - moments.anchor, old - moments.anchor, moments.shifted
                moments.shifted = after = before + (y - y_old)
                moments.m2 = m2 = moments.m2 + (y - y_old) * (y + y_old - (before + after) * self.share)
                if not moments.low <= m2 <= moments.high:
                    moments.look(m2)
                for statistic in self._told:
                    if statistic is not moments:
                        statistic.slide(value, old)
        self.due = due = self.due - 1
        if due < 0:
            self.settle()

    def full(self) -> bool:
        """Whether it holds `width` samples."""
        return self.count == self.width

    def rewind(self, step: float) -> None:
        """As its history says, which is taken back for all its windows."""

    def clear(self) -> None:
        """As its history says."""

    def dump(self) -> list[Any]:
        """How many samples of its history it holds, and the state of its statistics."""
        return [self.count, *self.dump_statistics()]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described; its history is there already."""
        self.count, due, statistics = state
        self.load_statistics(due, statistics)
