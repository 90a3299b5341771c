"""Windows of steps and of event time."""

from __future__ import annotations

from array import array
from typing import Any, Literal

from walert.rules.windows.history import History
from walert.rules.windows.series import MOST_SAMPLES, Series

_SLACK = 64  # samples that have left, before they are dropped


class RangeSeries(Series):
    """The finite samples of the last `width` steps or seconds of event time, in a history of its own.

    Marks that jump back by less than `width` (writers that interleave, clocks that are set) leave what lies ahead in place; a sample
    further away than that, in either direction, leaves. A sample without a time is not held by a window of seconds, which is MISSING
    until one with a time comes.
    """

    __slots__ = ("kind", "newest", "origin_step", "origin_time", "width")

    def __init__(self, kind: Literal["steps", "seconds"], width: float) -> None:
        super().__init__(History())
        self.kind = kind
        self.width = width
        self.newest: float | None = None
        self.origin_step: float | None = None
        self.origin_time: float | None = None
        self.history.look_back(MOST_SAMPLES)
        if kind == "seconds":
            self.history.keep_times()

    def begin(self, step: float, time: float | None) -> None:
        """Tell the first step and time of the *file*; the first told stand. Without, the first sample's count."""
        if self.origin_step is None:
            self.origin_step = step
        if self.origin_time is None:
            self.origin_time = time

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample; those out of its range leave first."""
        self.begin(step, time)
        mark = self.newest = step if self.kind == "steps" else time
        if mark is None:
            return
        self._leave(mark)
        self.history.push(value, step, time)
        self.count += 1
        for statistic in self._told:
            statistic.add(value)
        self.due = due = self.due - 1
        if due < 0:
            self.settle()

    def _marks(self) -> array[float]:
        # In a window of seconds every sample has a time: others are not held.
        return self.history.steps if self.kind == "steps" else self.history.times  # type: ignore[return-value]

    def _leave(self, mark: float) -> None:
        marks, values, count = self._marks(), self.history.values, self.count
        low, high = mark - self.width, mark + self.width
        while count and (not low < marks[-count] < high or count == MOST_SAMPLES):
            old = values[-count]
            self.count = count = count - 1
            for statistic in self._told:
                statistic.drop(old)
        if len(values) > 2 * count + _SLACK:
            self.history.trim(count)

    def full(self) -> bool:
        """Whether the file is `width` old at the newest sample, and two samples are here."""
        origin = self.origin_step if self.kind == "steps" else self.origin_time
        if self.newest is None or origin is None:
            return False
        return self.newest - origin >= self.width and self.count >= 2

    def rewind(self, step: float) -> None:
        """What lies at or beyond `step` leaves; the newest mark is that of the newest sample left."""
        held = self.count
        self.history.rewind(step)
        if self.count < held:
            self.newest = self._marks()[-1] if self.count else None

    def clear(self) -> None:
        """As new: a fresh start of the file."""
        self.origin_step = self.origin_time = self.newest = None
        self.history.clear()

    def dump(self) -> list[Any]:
        """Builtins from which `load` restores this window bit for bit."""
        *samples, begin_at = self.history.dump()
        return [*samples, self.origin_step, self.origin_time, *self.dump_statistics(), self.newest, begin_at]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        # Before there were blocks, eight were dumped.
        *samples, self.origin_step, self.origin_time, due, statistics, self.newest, begin_at = [*state, 0][:9]
        self.history.load([*samples, begin_at])
        self.count = len(self.history.values)
        self.load_statistics(due, statistics)
