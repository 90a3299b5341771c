"""Windows of a number of samples."""

from __future__ import annotations

from walert.rules.windows.moments import Moments
from walert.rules.windows.series import Push, Series


class SampleSeries(Series):
    """The last `width` finite samples."""

    __slots__ = ("width",)

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.width = width

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample; the oldest leaves when there are `width` already."""
        values = self.values
        self.steps.append(step)
        if self.times is not None:
            self.times.append(time)
        if len(values) == self.width:
            old = values[0]
            values.append(value)
            for slide in self._slides:
                slide(value, old)
        else:
            values.append(value)
            for add in self._adds:
                add(value)
        self.due = due = self.due - 1
        if due < 0:
            self.settle()

    def full(self) -> bool:
        """Whether it holds `width` samples."""
        return len(self.values) == self.width

    def pusher(self) -> Push:
        """Most windows are of samples and ask for a mean or deviation: that update is written out where the sample arrives."""
        moments = self.statistics.get(Moments.name)
        early = any(statistic.early for statistic in self.statistics.values())
        if not isinstance(moments, Moments) or early or self.times is not None:
            return self.push
        return _with_moments(self, moments)


def _with_moments(series: SampleSeries, moments: Moments) -> Push:
    """`SampleSeries.push` and `Moments.slide` in one: a quarter less time than calling one from the other."""
    values, width, slowly = series.values, series.width, series.push
    keep, keep_step = values.append, series.steps.append
    slides = tuple(s.slide for s in series.statistics.values() if s is not moments)

    def push(value: float, step: float, time: float | None) -> None:
        if len(values) < width or moments.scale != 1.0:
            slowly(value, step, time)
            return
        old = values[0]
        keep(value)
        keep_step(step)
        anchor, before = moments.anchor, moments.shifted
        y, y_old = value - anchor, old - anchor
        moments.shifted = after = before + (y - y_old)
        moments.m2 = m2 = moments.m2 + (y - y_old) * (y + y_old - (before + after) / width)
        if not moments.low <= m2 <= moments.high:
            moments.look(m2)
        for slide in slides:
            slide(value, old)
        series.due = due = series.due - 1
        if due < 0:
            series.settle()

    return push
